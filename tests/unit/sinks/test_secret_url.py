"""A URL that is a secret: read again, and never shown (issue 10, item 8)."""

from pathlib import Path

import pytest

from bridge.errors import (
    ConfigError,
    PermanentSinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.sinks.http.request import SinkUrl
from bridge.sinks.secrets import SecretFromEnv, SecretFromFile, SecretText
from tests.unit.sinks.building import given
from tests.unit.sinks.receiver import Receiver, answer, close
from tests.unit.sinks.samples import Clock, event

PATH = "/services/T0/B0/hunter2-of-the-chat"


@pytest.fixture
def url_file(tmp_path):
    """Return a function that writes the URL, and the secret that reads it."""
    path = tmp_path / "url"

    def write(url):
        path.write_text(f"{url}\n")
        return path

    return write, SecretFromFile(path, now=Clock())


def secret_url(receiver):
    """Return the URL of a receiver with a token in it."""
    return f"http://127.0.0.1:{receiver.port}{PATH}?sig=hunter2"


async def test_url_of_a_file_is_posted_to(make_sink, url_file):
    """Path and query are those of the file (issue 10, item 8)."""
    write, secret = url_file
    async with Receiver() as receiver:
        write(secret_url(receiver))
        await make_sink(secret).send([event()])

    assert receiver.requests[0].target == f"{PATH}?sig=hunter2"


async def test_url_of_a_variable_is_posted_to(make_sink):
    """It is read as other secrets are (issue 10, item 8)."""
    async with Receiver() as receiver:
        environ = {"HOOK": secret_url(receiver)}
        await make_sink(SecretFromEnv("HOOK", environ=environ)).send([event()])

    assert receiver.requests[0].target == f"{PATH}?sig=hunter2"


async def test_url_is_read_again_when_the_file_changes(make_sink, url_file):
    """The next event goes where it says then (issue 10, item 8)."""
    write, secret = url_file
    async with Receiver() as one, Receiver() as other:
        sink = make_sink(secret)
        write(secret_url(one))
        before = await sink.send([event(1)]) and sink.fingerprint()
        write(secret_url(other) + "&more=1")
        await sink.refresh()
        after = await sink.send([event(2)]) and sink.fingerprint()

    assert (len(one.requests), len(other.requests)) == (1, 1)
    assert before != after


@pytest.mark.parametrize(
    "text", ["", "hunter2", "ftp://hunter2/", "http://[::1]@", "http://u:hunter2@h/"]
)
async def test_url_that_is_none_pauses_the_sink(make_sink, url_file, text):
    """Without a request, and without showing it (issue 10, item 8)."""
    write, secret = url_file
    write(text)

    with pytest.raises(SinkPausedError) as caught:
        await make_sink(secret).send([event()])

    assert caught.value.reason == "secret"
    assert "hunter2" not in str(caught.value)


async def test_missing_url_file_is_named(make_sink):
    """And the sink pauses until somebody mends it (issue 10, item 8)."""
    secret = SecretFromFile(Path("/nonexistent/url"))

    with pytest.raises(SinkPausedError, match="secret file /nonexistent/url: No such"):
        await make_sink(secret).send([event()])


async def echo(connection, request):
    """Refuse, and say where the request went."""
    said = f"no hook {request.target} at {request.headers['host']}".encode()
    await answer(400, said)(connection, request)


@pytest.mark.parametrize("is_secret", [True, False])
async def test_token_of_a_url_is_hidden_in_answers(make_sink, is_secret):
    """A receiver may quote the path; a known chat's is hidden too (issue 10, 8)."""
    async with Receiver(echo) as receiver:
        url = secret_url(receiver)
        if not is_secret:
            url = url.replace(PATH, "/0123456789abcdef0123456789abcdef")
        sink = make_sink(SecretText(url) if is_secret else url)
        with pytest.raises(PermanentSinkError) as caught:
            await sink.send([event()])

    shown = f"{caught.value} {caught.value.excerpt}"
    assert [one for one in ("hunter2", "0123456789abcdef") if one in shown] == []


async def test_fault_of_a_secret_url_names_the_host_alone(make_sink):
    """So that people find the machine (issue 10, item 8)."""
    async with Receiver(close) as receiver:
        url = secret_url(receiver)
    with pytest.raises(TemporarySinkError) as caught:
        await make_sink(SecretText(url)).send([event()])

    text = f"sink hook: cannot connect to http://127.0.0.1:{receiver.port}: "
    assert str(caught.value).startswith(text)
    assert "hunter2" not in str(caught.value)


def test_url_before_is_hidden_while_requests_may_be_under_way():
    """They come back after it changed (issue 10, item 8)."""
    environ = {"HOOK": "https://h/hooks/hunter2"}
    target = SinkUrl(given(SecretFromEnv("HOOK", environ=environ)))
    target.current()
    environ["HOOK"] = "https://h/hooks/other"
    target.current()

    assert {"/hooks/hunter2", "/hooks/other"} <= set(target.secrets())


async def test_proxies_are_checked_before_the_url_is_known(make_sink):
    """For both of its possible schemes (issue 10, item 8)."""
    with pytest.raises(ConfigError, match="HTTPS_PROXY"):
        make_sink(SecretText("x"), environ={"HTTPS_PROXY": "ftp://p"})


@pytest.mark.parametrize("is_configured", [True, False])
async def test_password_of_a_proxy_is_hidden(make_sink, is_configured):
    """It may quote what it was sent, as others do (issue 10, item 39)."""

    async def quote(connection, request):
        sent = request.headers["proxy-authorization"]
        await answer(407, f"{sent} me:hunter2 hunter2%21".encode())(connection, request)

    async with Receiver(quote) as proxy:
        url = f"http://me:hunter2%21@127.0.0.1:{proxy.port}"
        ways = {"proxy": url} if is_configured else {"environ": {"HTTP_PROXY": url}}
        sink = make_sink("http://hook.invalid/", **ways)
        with pytest.raises(SinkPausedError) as caught:
            await sink.send([event()])

    shown = f"{caught.value} {caught.value.excerpt}"
    assert "***" in shown
    assert [one for one in ("hunter2!", "hunter2%21", "aHVudGVy") if one in shown] == []
