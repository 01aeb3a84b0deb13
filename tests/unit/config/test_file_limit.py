"""Open files: who gets how many of them."""

import resource

import pytest
import structlog

from bridge.api.connections import BACKLOG, MOST_CONNECTIONS
from bridge.config import file_limit, parse_config
from bridge.config.file_limit import (
    MOST_FILES,
    attainable_limit,
    raise_limit,
    share_files,
    within,
)


def configured(*sinks, sources=({},)):
    """Return a configuration with these sinks."""
    named = [
        {"name": f"s{number}", "url": "http://h"} | sink
        for number, sink in enumerate(sinks)
    ]
    text = str({"sinks": named, "sources": list(sources)})
    return parse_config(text, name="test", env={})


def concurrencies(config):
    """Return what each sink may do at once."""
    return [sink.concurrency for sink in config.sinks]


@pytest.fixture
def limits(monkeypatch):
    """Return what sets the limits of a process that is not this one."""
    now = {}

    def put(_, both):
        now["limits"] = both

    monkeypatch.setattr(resource, "getrlimit", lambda _: now["limits"])
    monkeypatch.setattr(resource, "setrlimit", put)
    return now


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (1024, 4096, 4096),
        (1024, resource.RLIM_INFINITY, MOST_FILES),
        (1024, 2**30, MOST_FILES),
        (2**30, 2**30, 2**30),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, MOST_FILES),
    ],
)
def test_the_soft_limit_is_raised(limits, soft, hard, expected):
    """As far as it goes, but not to a thousand million (issue 10, item 37)."""
    limits["limits"] = (soft, hard)

    assert raise_limit() == expected
    assert limits["limits"][1] == hard


def test_a_limit_that_cannot_be_raised_stays(limits, monkeypatch):
    """A sandbox may forbid it."""
    limits["limits"] = (1024, 4096)

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(resource, "setrlimit", refuse)

    assert raise_limit() == 1024


def test_the_parts_stay_within_the_limit_together():
    """64 connections to each of 20 sinks do not (issue 10, item 37)."""
    config = configured(*[{}] * 20, sources=[{"namespaces": ["a", "b"]}])
    shares = share_files(config, 1024)
    allowed = concurrencies(within(config, shares))

    own = file_limit.OWN_FILES + file_limit.CLUSTER_FILES
    others = own + 2 * file_limit.FILES_OF_A_WATCH + shares.api + BACKLOG
    assert (shares.api, shares.asked) == (MOST_CONNECTIONS, 1280)
    assert sum(allowed) + others <= 1024
    assert set(allowed) == {shares.sinks // 20}


def test_what_is_lowered_is_the_highest():
    """A sink that asks for little keeps it, and one in order has one."""
    config = configured(
        {"concurrency": 2}, {"concurrency": 1000}, {"ordering": "sink"}, {}
    )
    with structlog.testing.capture_logs() as lines:
        found = within(config, share_files(config, 384))

    [line] = lines
    each = line["each"]
    assert concurrencies(found) == [2, each, 64, 64]
    assert 2 + each + 1 + 64 == line["allowed"]


def test_with_enough_files_nothing_is_changed():
    """The usual case."""
    config = configured({}, {})

    assert within(config, share_files(config, MOST_FILES)) is config


def test_each_sink_keeps_one_connection():
    """Though that is more than there are files for."""
    config = configured(*[{}] * 300)

    assert set(concurrencies(within(config, share_files(config, 256)))) == {1}


def test_token_endpoints_have_their_connections():
    """One each."""
    client = {"tokenUrl": "http://t", "clientId": "a", "clientSecret": {"env": "A"}}
    plain = share_files(configured({}, {}), 1024)
    asking = share_files(configured({"auth": {"oauth2": client}}, {}), 1024)

    assert plain.sinks - asking.sinks == 1


def test_a_sink_without_connections_asks_for_none():
    """Standard output has no file of its own."""
    config = parse_config("sinks: [{name: a, type: stdout}]", name="t", env={})

    assert share_files(config, 1024).asked == 0
    assert within(config, share_files(config, 16)) is config


def test_the_attainable_limit_is_the_hard_one(limits):
    """`doctor` says what `run` would get."""
    limits["limits"] = (1024, 2048)

    assert attainable_limit() == 2048
    assert limits["limits"] == (1024, 2048)
