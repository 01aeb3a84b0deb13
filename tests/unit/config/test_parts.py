"""What `validate` accepts `run` can build (issue 10, items 33 and 43)."""

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

import bridge.config.parts
from bridge.config import load_config, parse_config
from bridge.config.parts import find_unusable
from bridge.deliver.destinations import build_sink
from bridge.errors import ConfigError
from bridge.metrics import Metrics
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.llhttp.transport import RequestHeads
from tests.unit.cli.conftest import invoke

METRICS = Metrics(version="")


def problems_of(*sinks, **document):
    """Return what is wrong with a configuration that may not parse."""
    text = json.dumps({"sinks": list(sinks), **document})
    try:
        parse_config(text, name="b.yaml", env={}, check=find_unusable)
    except ConfigError as error:
        return error.problems
    return ()


def sink(name="a", url="http://h", **more):
    """Return a sink as it stands in the document."""
    return {"name": name, "url": url, **more}


UNUSABLE = [
    "http://a\\b",
    "http://[::1]@",
    "http://é-.example",
    "http://" + "a" * 64 + ".example",
    "http://日$",
    "http://xn--\u2024",
]


@pytest.mark.parametrize("url", UNUSABLE)
@pytest.mark.parametrize(
    ("place", "where"),
    [
        (lambda url: {"url": url}, "url"),
        (lambda url: {"proxy": url}, "proxy"),
        (
            lambda url: {
                "auth": {
                    "oauth2": {
                        "tokenUrl": url,
                        "clientId": "i",
                        "clientSecret": {"env": "S"},
                    }
                }
            },
            "auth.oauth2.tokenUrl",
        ),
    ],
)
def test_a_url_that_cannot_be_used_is_an_error_with_its_place(url, place, where):
    """And is not shown: it may hold a secret."""
    [problem] = problems_of(sink("good"), sink(**place(url)))

    assert problem.startswith("b.yaml:1:")
    assert f"sinks[1].{where}: expected " in problem
    assert url not in problem


def test_a_proxy_of_the_environment_is_checked_too(monkeypatch):
    """As it is when the sink is built."""
    monkeypatch.setenv("HTTP_PROXY", "socks5://127.0.0.1:1")

    [problem] = problems_of(sink(url="http://example.com"))

    assert (
        "sinks[0]: HTTP_PROXY: expected an http or https URL, got 'socks5'" in problem
    )


@pytest.mark.parametrize("part", ["build_router", "describe", "build_sources"])
def test_whatever_cannot_be_built_is_an_error(monkeypatch, part):
    """Whichever library says so; the text of its error is not shown."""

    def fail(*_, **__):
        raise LookupError("hunter2")

    monkeypatch.setattr(bridge.config.parts, part, fail)

    [problem] = problems_of(sink())

    assert problem.endswith("got a value that raises LookupError")


def test_what_can_be_built_has_no_problems():
    """Whatever kinds of sinks and routes there are."""
    sinks = [
        sink(),
        sink("b", "https://u:p@[::1]:8/x?y=z"),
        {"name": "o", "type": "stdout"},
    ]

    assert problems_of(*sinks, routes=[{"name": "r", "sinks": ["a"]}]) == ()


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.from_regex(
        r"https?://[ab.:/@\[\]%?#\\&=_~é日\u2024{|'0-9-]{1,12}", fullmatch=True
    )
)
def test_any_url_that_is_accepted_can_be_sent_to(url):
    """Up to the connection: its head is written, its peer is described."""
    if problems_of(sink(url=url)):
        return
    config = parse_config(json.dumps({"sinks": [sink(url=url)]}), name="", env={})

    built = build_sink(config.sinks[0], Egress.of(config.egress), METRICS)
    target = built._target.current()

    assert (
        RequestHeads()
        .request("POST", target, CIMultiDict(), b"", ())
        .startswith(b"POST /")
    )
    assert built._transport._find_peer(target).host.encode("idna")
    assert httpx.Request("POST", str(target)).url.host


def test_validate_start_and_reload_ask_the_same(tmp_path):
    """An error of the one is one of the others."""
    path = tmp_path / "b.yaml"
    path.write_text(json.dumps({"sinks": [sink(url=UNUSABLE[0])]}))

    result = invoke("validate", "-c", str(path))
    with pytest.raises(ConfigError) as caught:
        load_config(path, {}, check=find_unusable)

    assert result.exit_code == 2
    assert caught.value.problems[0] in result.stderr
