"""What a receiver says unasked never counts as an answer (issue 10, item 41).

A 2xx that came while a connection was idle, counted as the answer to the next event,
would be a false delivery, and so a loss.
"""

import asyncio

import aiohttp
import httpx
import pytest

from tests.unit.sinks.receiver import Receiver, answer, send
from tests.unit.sinks.test_proxied import tunnel
from tests.unit.sinks.ways import post, status_of

UNASKED = {
    "an answer": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "an answer without a body": b"HTTP/1.1 204 OK\r\n\r\n",
    "two answers": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * 2,
    "half an answer": b"HTTP/1.1 200 OK\r\nContent-Le",
    "a first line": b"HTTP/1.1 200 OK\r\n",
    "an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a letter": b"H",
    "a blank line": b"\r\n",
}


class Rude(Receiver):
    """Takes the first event, and refuses what comes then."""

    def __init__(self, **settings):
        """Listen; keywords are a receiver's."""
        super().__init__(self._take, answer(503), **settings)
        self.first = None

    async def _take(self, connection, request):
        self.first = self.first or connection
        await answer(200)(connection, request)


async def second_status(transport, receiver, url, data, *, seconds):
    """Return the status of a second event; before it the receiver speaks unasked."""
    await post(transport, url)
    receiver.first.writer.write(data)
    if seconds:
        await asyncio.sleep(seconds)
    status, _ = await post(transport, url)
    return status


@pytest.mark.parametrize("seconds", [0, 0.02], ids=["unread", "read"])
@pytest.mark.parametrize("data", UNASKED.values(), ids=UNASKED)
async def test_unasked_answer_is_not_the_next_events(make_transport, data, seconds):
    """Whether the loop has read it already or not (issue 10, item 41)."""
    transport = make_transport()

    async with Rude() as receiver:
        status = await second_status(
            transport, receiver, receiver.url, data, seconds=seconds
        )

    assert (status, receiver.connections) == (503, 2)


@pytest.mark.parametrize("seconds", [0, 0.02], ids=["unread", "read"])
async def test_unasked_answer_within_tls(make_transport, server_tls, seconds):
    """The same where it is encrypted (issue 10, item 41)."""
    transport, data = make_transport(), UNASKED["an answer"]

    async with Rude(tls=server_tls()) as receiver:
        status = await second_status(
            transport, receiver, receiver.url, data, seconds=seconds
        )

    assert (status, receiver.connections) == (503, 2)


@pytest.mark.parametrize("seconds", [0, 0.02], ids=["unread", "read"])
@pytest.mark.parametrize("data", UNASKED.values(), ids=UNASKED)
async def test_unasked_answer_of_a_proxy(make_transport, data, seconds):
    """One that is told the whole URL of a plain sink (issue 10, item 41)."""
    async with Rude() as proxy:
        transport = make_transport(proxy=f"http://me:word@127.0.0.1:{proxy.port}")
        status = await second_status(
            transport, proxy, "http://hook.invalid/a", data, seconds=seconds
        )

    assert (status, proxy.connections) == (503, 2)
    assert proxy.requests[1].headers["proxy-authorization"] == "Basic bWU6d29yZA=="


async def test_unasked_answer_through_a_tunnel(make_transport, server_tls):
    """One that CONNECT leads to (issue 10, item 41)."""
    data = UNASKED["an answer"]
    async with Rude(tls=server_tls()) as receiver, Receiver(tunnel) as proxy:
        transport = make_transport(proxy=f"http://me:word@127.0.0.1:{proxy.port}")
        status = await second_status(
            transport, receiver, receiver.url, data, seconds=0.05
        )

    assert (status, receiver.connections) == (503, 2)


async def test_unasked_bytes_of_a_proxy_before_tls(make_transport, server_tls):
    """What a proxy adds behind its answer to CONNECT is no part of the tunnel's."""

    async def babble(connection, request):
        await connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + UNASKED["an answer"])

    async with Receiver(babble) as proxy:
        transport = make_transport(proxy=f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(httpx.TransportError):
            await status_of(transport, "https://127.0.0.1:9/a")


@pytest.mark.parametrize("engine", ["aiohttp"])  # ours: test_llhttp_connection
async def test_answer_on_a_new_connection(make_transport, monkeypatch):
    """Nothing was asked on it yet (issue 10, item 41)."""
    connect = aiohttp.TCPConnector.connect

    async def connect_late(*args, **kwargs):
        connection = await connect(*args, **kwargs)
        await asyncio.sleep(0.02)
        return connection

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_late)
    async with Receiver(send(UNASKED["an answer"]), at="connect") as receiver:
        with pytest.raises(httpx.RemoteProtocolError, match="before a request"):
            await status_of(make_transport(), receiver.url)


async def test_quiet_connections_are_used_again(make_transport, server_tls):
    """Looking at them closes none that is in order (issue 10, item 41)."""
    transport = make_transport()

    async with Receiver() as plain, Receiver(tls=server_tls()) as tls:
        for receiver in (plain, tls) * 20:
            await status_of(transport, receiver.url)

    assert (plain.connections, tls.connections) == (1, 1)


async def test_quiet_connections_through_a_tunnel_are_used_again(
    make_transport, server_tls
):
    """Nor one that a proxy leads to (issue 10, item 41)."""
    async with Receiver(tls=server_tls()) as receiver, Receiver(tunnel) as proxy:
        transport = make_transport(proxy=f"http://127.0.0.1:{proxy.port}")
        for _ in range(20):
            await status_of(transport, receiver.url)

    assert (receiver.connections, proxy.connections) == (1, 1)
