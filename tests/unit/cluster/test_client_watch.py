"""Watches over HTTP: whole lines, good ends, bad ends."""

import asyncio

import pytest
from aiohttp import web

from bridge.cluster import CORE_EVENTS
from bridge.cluster import client as client_module
from bridge.cluster.requests import Request, abandon
from bridge.errors import ThrottledError, UnreachableError
from tests.unit.cluster.server import (
    CERTIFICATES,
    Answer,
    connected,
    server_tls,
    streaming,
)


def watch(client, *, timeout_seconds=300):
    """Watch everything after version 5."""
    return client.watch(
        CORE_EVENTS, resource_version="5", timeout_seconds=timeout_seconds
    )


async def read_all(stream):
    """Return every line until the end."""
    lines = []
    while found := await stream.read():
        lines += found
    return lines


async def test_a_watch_yields_complete_lines_and_then_nothing(tmp_path):
    """A line that is cut off at the end is dropped: it comes again."""
    behaviour = streaming(b"one\ntw", b"o\nthr")
    async with connected(tmp_path, behaviour) as (client, _), watch(client) as stream:
        assert await read_all(stream) == [b"one", b"two"]


async def test_a_watch_asks_for_bookmarks_a_time_and_no_compression(tmp_path):
    """Its deadline on the server is ours."""
    async with connected(tmp_path, streaming()) as (client, server), watch(client):
        pass

    assert dict(server.requests[0].query) == {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "5",
        "timeoutSeconds": "300",
    }
    assert server.requests[0].headers["Accept-Encoding"] == "identity"


async def test_a_watch_that_is_cut_is_unreachable(tmp_path):
    """What came before counts; the rest comes again."""
    behaviour = streaming(b"one\ntwo", cut=True)
    async with connected(tmp_path, behaviour) as (client, _), watch(client) as stream:
        with pytest.raises(UnreachableError) as caught:
            await read_all(stream)

    assert caught.value.phase == "stream"


async def test_reading_can_be_cancelled_and_goes_on(tmp_path):
    """A deadline around a read loses no byte."""
    more = asyncio.Event()
    behaviour = streaming(b"on", hold=more, last=b"e\n")
    async with connected(tmp_path, behaviour) as (client, _), watch(client) as stream:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await stream.read()
        more.set()
        assert await stream.read() == [b"one"]


async def test_leaving_a_watch_closes_its_connection(tmp_path):
    """At once, although the server would go on for ever."""
    gone = asyncio.Event()

    async def behave(request):
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        try:
            while True:
                await response.write(b"line\n")
                await asyncio.sleep(0.01)
        finally:
            gone.set()

    async with connected(tmp_path, behave) as (client, _):
        async with watch(client) as stream:
            await stream.read()
        async with asyncio.timeout(5):
            await gone.wait()


async def test_a_watch_that_outlives_its_time_is_given_up(tmp_path, monkeypatch):
    """The server ought to end it; a proxy that lost it never does."""
    monkeypatch.setattr(client_module, "WATCH_GRACE_SECONDS", -0.8)
    behaviour = streaming(b"one\n", hold=asyncio.Event())
    async with (
        connected(tmp_path, behaviour) as (client, _),
        watch(client, timeout_seconds=1) as stream,
    ):
        with pytest.raises(UnreachableError, match="no answer in time"):
            await read_all(stream)


async def test_a_refused_watch_is_never_read(tmp_path):
    """Status and content type are looked at before the first line."""
    async with connected(tmp_path, Answer(status=429)) as (client, _):
        with pytest.raises(ThrottledError, match="watch events"):
            async with watch(client):
                pass


async def test_leaving_a_watch_waits_for_no_goodbye(tmp_path):
    """TLS says goodbye for up to 30 s; the socket is closed before anybody answers."""
    behaviour = streaming(b"one\n", hold=asyncio.Event())
    trust = {"certificate-authority": str(CERTIFICATES / "ca.pem")}
    async with connected(tmp_path, behaviour, tls=server_tls(), cluster=trust) as (
        client,
        _,
    ):
        request = Request(doing="watch", path="/", params={}, total_seconds=9)
        response = await client._exchange.open(request)
        connection = response.connection.transport.get_extra_info("socket")

        abandon(response)
        await asyncio.sleep(0)  # asyncio closes sockets in the next round

        assert connection.fileno() == -1


async def test_an_answer_that_was_read_leaves_its_connection_to_others(tmp_path):
    """A watch that ended in good order is followed by the next one."""
    async with connected(tmp_path, streaming(b"one\n")) as (client, server):
        for _ in range(2):
            async with watch(client) as stream:
                await read_all(stream)

        first, second = server.requests
        assert first.protocol is second.protocol
