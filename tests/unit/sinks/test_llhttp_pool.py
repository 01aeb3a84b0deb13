"""The pool and its connections, where the two engines' common tests do not reach."""

import asyncio
import contextlib
import socket

import httpx
import pytest
from multidict import CIMultiDict
from yarl import URL

from bridge.sinks.llhttp import transport as module
from bridge.sinks.llhttp.connection import Connection
from bridge.sinks.llhttp.pool import Peer, Pool
from bridge.sinks.llhttp.transport import LlhttpTransport
from bridge.sinks.tls import TlsContext, TlsFiles
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import Receiver, answer, close, drip, hang, send
from tests.unit.sinks.samples import Clock

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def make_ours(closing):
    """Build a transport of ours with short limits; keywords change them."""

    def make(**changes):
        settings = {
            "url": URL("http://127.0.0.1"),
            "concurrency": 1,
            "timeout_seconds": 5.0,
            "tls": TlsContext(TlsFiles(ca=CERTIFICATES / "ca.pem")),
            "environ": {},
        }
        transport = LlhttpTransport(**settings | changes)
        closing.push_async_callback(transport.aclose)
        return transport

    return make


async def post(transport, url, body=b"1"):
    """POST and return the status."""
    return (await transport.post(URL(url), CIMultiDict(), body)).status


async def test_connection_that_waits_is_closed_by_itself(make_ours, monkeypatch):
    """The receiver sees the end of it, though no further request comes."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def watch(connection, request):
        await answer()(connection, request)
        assert await connection.reader.read() == b""
        ended.set()

    async with Receiver(watch) as receiver:
        await post(make_ours(), receiver.url)
        await ended.wait()


class Waiting(Connection):
    """A connection that is always fit for another request."""

    is_open = is_reusable = True
    closed_at = None

    def close(self):
        """Note the time."""
        self.closed_at = asyncio.get_running_loop().time()


@pytest.mark.looptime
async def test_connections_that_wait_are_closed_each_at_its_time():
    """One timer serves them all, and stops when there are none."""
    pool = Pool(limit=2, connect_seconds=1, idle_seconds=8)
    peers = [Peer(origin="http://a", host="a", port=80, tls=None) for _ in range(2)]
    early, late = (Waiting("http://a", pool._forget) for _ in peers)
    began = asyncio.get_running_loop().time()

    for peer, connection in zip(peers, (early, late), strict=True):
        assert pool._turns.try_begin()
        pool.give_back(peer, connection)
        await asyncio.sleep(3)
    await asyncio.sleep(100)

    assert (early.closed_at - began, late.closed_at - began) == (8, 11)
    assert (pool._timer, pool._idle) == (None, {})


@pytest.mark.looptime
async def test_connection_that_waited_too_long_is_not_found():
    """Also while a busy loop has not come to closing it."""
    pool = Pool(limit=1, connect_seconds=1, idle_seconds=8)
    peer = Peer(origin="http://a", host="a", port=80, tls=None)
    connection = Waiting("http://a", pool._forget)
    pool._turns.try_begin()
    pool.give_back(peer, connection)
    connection.idle_since -= 8

    found = pool.find(peer)

    assert found is None
    assert connection.closed_at is not None
    assert pool._turns.try_begin()


async def test_contract_gives_a_failed_connection_back(make_ours):
    """A sink with one connection can go on after any fault."""
    transport = make_ours()
    async with Receiver(close, close, answer()) as receiver:
        request = httpx.Request("POST", receiver.url, content=b"1")
        for _ in range(2):
            with pytest.raises(httpx.ReadError):
                await transport.handle_async_request(request)
        response = await transport.handle_async_request(request)

    assert response.status_code == 204


async def test_connection_that_the_peer_closed_while_it_waited_is_not_used(make_ours):
    """A close in good order between two requests costs nothing."""
    async with Receiver(send(b"HTTP/1.1 204 X\r\n\r\n", then="close")) as receiver:
        transport = make_ours()
        for _ in range(3):
            assert await post(transport, receiver.url) == 204
            await asyncio.sleep(0.05)

    assert receiver.connections == 3


async def test_all_connections_in_use_is_a_connect_timeout(make_ours):
    """Who waits for a turn in vain has sent nothing."""
    transport = make_ours(timeout_seconds=0.6)
    async with Receiver(hang) as receiver, asyncio.TaskGroup() as tasks:
        tasks.create_task(failing(transport, receiver.url), name="first")
        await receiver.wait_requests(1)

        with pytest.raises(httpx.ConnectTimeout, match="no connection to http://127"):
            await post(transport, receiver.url)

    assert len(receiver.requests) == 1


async def failing(transport, url):
    """POST in vain."""
    with pytest.raises(httpx.TransportError):
        await post(transport, url)


async def test_connect_timeout_of_the_request_holds(make_ours):
    """The request's own limit may be shorter than the sink's."""
    transport = make_ours(timeout_seconds=60)
    timeout = httpx.Timeout(60, connect=0.05).as_dict()
    async with Receiver(hang) as receiver, asyncio.TaskGroup() as tasks:
        first = tasks.create_task(failing(transport, receiver.url), name="first")
        await receiver.wait_requests(1)
        request = httpx.Request("GET", receiver.url, extensions={"timeout": timeout})

        with pytest.raises(httpx.ConnectTimeout):
            await transport.handle_async_request(request)
        await transport.aclose()

    assert first.done()


async def test_failed_connection_gives_its_turn_back(make_ours):
    """Otherwise the sink would stand still after as many failures."""
    transport = make_ours()
    async with Receiver() as receiver:
        pass
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            await post(transport, receiver.url)

    async with Receiver() as receiver:
        assert await post(transport, receiver.url) == 204


async def test_new_tls_files_make_new_connections(make_ours, server_tls, tmp_path):
    """What was connected with the old ones is not used again."""
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes((CERTIFICATES / "ca.pem").read_bytes())
    transport = make_ours(tls=TlsContext(TlsFiles(ca=bundle), now=Clock()))
    async with Receiver(tls=server_tls()) as receiver:
        for _ in range(2):
            await post(transport, receiver.url)
        before = receiver.connections
        bundle.write_bytes((CERTIFICATES / "ca.pem").read_bytes() + b"\n")
        await post(transport, receiver.url)

    assert (before, receiver.connections) == (1, 2)


async def test_sink_on_ipv6_is_reached(make_ours):
    """Its address stands in brackets in the URL, and in Host."""
    hosts = []

    async def serve(reader, writer):
        hosts.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 X\r\n\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "::1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        transport = make_ours()
        assert await post(transport, f"http://[::1]:{port}/") == 204
        await transport.aclose()

    assert f"Host: [::1]:{port}\r\n".encode() in hosts[0]


async def test_head_is_answered_without_a_body(make_ours):
    """An auth may ask so; its length is that of another answer."""
    script = send(OK + b"Content-Length: 4\r\n\r\n")
    async with Receiver(script) as receiver:
        request = httpx.Request("HEAD", receiver.url)
        response = await make_ours().handle_async_request(request)
        body = await response.aread()

    assert (response.status_code, body) == (200, b"")


async def test_body_that_nobody_reads_is_not_kept(make_ours):
    """Reading stops while the caller has not taken what came: memory is bounded."""
    flood = drip(OK + b"Content-Length: 900000000\r\n\r\n", b"x" * 65536, seconds=0)
    async with Receiver(flood) as receiver:
        request = httpx.Request("GET", receiver.url)
        response = await make_ours().handle_async_request(request)
        await asyncio.sleep(0.1)
        kept = response.stream._connection.answer.received_bytes
        parts = response.aiter_raw()
        first = await anext(parts) + await anext(parts)
        await response.aclose()

    assert kept <= 256 * 1024
    assert set(first) == {ord("x")}


async def test_close_does_not_wait_for_ever():
    """A connection that does not end is left behind after a second."""
    pool = Pool(limit=1, connect_seconds=1, idle_seconds=1)

    class Stubborn(Connection):
        def abort(self):
            """Do nothing."""

    pool._open.add(Stubborn("http://a", pool._forget))

    async with asyncio.timeout(5):
        await pool.aclose()


async def test_several_open_connections_are_all_closed(make_ours):
    """The transport is closed when the last of them is gone."""
    transport = make_ours(concurrency=3)
    async with Receiver(hang) as receiver, asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(failing(transport, receiver.url), name=f"{number}")
        await receiver.wait_requests(3)

        await transport.aclose()

    assert not transport._pool._open


async def test_request_on_a_closed_connection_is_not_written():
    """It fails as one that may have been read: nobody knows what the peer saw."""
    left, right = socket.socketpair()
    connection = Connection("http://a", lambda _: None)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: connection, sock=left)
    connection.close()

    with contextlib.closing(right), pytest.raises(httpx.ReadError):
        await connection.ask(b"x", enough_bytes=0)


async def test_peer_that_speaks_first_is_no_webhook():
    """A banner before the request is not read as its answer."""
    left, right = socket.socketpair()
    connection = Connection("http://a", lambda _: None)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: connection, sock=left)
    connection.data_received(OK + b"Content-Length: 0\r\n\r\n")

    with (
        contextlib.closing(right),
        pytest.raises(httpx.RemoteProtocolError, match="before a request"),
    ):
        await connection.ask(b"x", enough_bytes=0)


def test_peers_are_told_apart_by_what_they_are():
    """Two of the same place are not one: their connections differ in TLS."""
    one, other = (
        Peer(origin="http://a", host="a", port=80, tls=None) for _ in range(2)
    )

    assert one != other


async def test_body_that_ends_with_its_connection_is_whole():
    """Also where TLS tells only that the connection is gone."""
    left, right = socket.socketpair()
    connection = Connection("http://a", lambda _: None)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: connection, sock=left)
    waiter = connection.ask(b"x", enough_bytes=100)
    connection.data_received(OK + b"\r\nbody")

    with contextlib.closing(right):
        connection.connection_lost(None)
        await waiter

    assert connection.answer.chunks == [b"body"]
