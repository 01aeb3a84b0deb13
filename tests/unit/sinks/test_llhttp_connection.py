"""Connections of ours, where the two engines' common tests do not reach."""

import asyncio
import contextlib
import socket
from unittest import mock

import httpx
import pytest
from multidict import CIMultiDict
from yarl import URL

from bridge.sinks.http.tls import TlsContext
from bridge.sinks.settings import TlsConfig
from bridge.sinks.transports.errors import DnsError
from bridge.sinks.transports.llhttp.connection import Connection
from bridge.sinks.transports.llhttp.pool import Peer, Pool
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import Receiver, send
from tests.unit.sinks.samples import Clock
from tests.unit.sinks.ways import status_of

OK = b"HTTP/1.1 200 OK\r\n"


async def test_new_tls_files_make_new_connections(make_ours, server_tls, tmp_path):
    """What was connected with the old ones is not used again."""
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes((CERTIFICATES / "ca.pem").read_bytes())
    transport = make_ours(tls=TlsContext(TlsConfig(ca=bundle), now=Clock()))
    async with Receiver(tls=server_tls()) as receiver:
        for _ in range(2):
            await status_of(transport, receiver.url)
        before = receiver.connections
        bundle.write_bytes((CERTIFICATES / "ca.pem").read_bytes() + b"\n")
        await status_of(transport, receiver.url)

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
        assert await status_of(transport, f"http://[::1]:{port}/") == 204
        await transport.aclose()

    assert f"Host: [::1]:{port}\r\n".encode() in hosts[0]


async def test_head_is_answered_without_a_body(make_ours):
    """An auth may ask so; its length is that of another answer."""
    script = send(OK + b"Content-Length: 4\r\n\r\n")
    async with Receiver(script) as receiver:
        url = URL(receiver.url)
        response = await make_ours().request("HEAD", url, CIMultiDict())

    assert (response.status, response.body) == (200, b"")


async def test_request_on_a_closed_connection_is_not_written():
    """It fails as one that may have been read: nobody knows what the peer saw."""
    left, right = socket.socketpair()
    connection = Connection("http://a", lambda _: None)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: connection, sock=left)
    connection.close()

    with contextlib.closing(right), pytest.raises(httpx.ReadError):
        await connection.ask(b"x")


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
        await connection.ask(b"x")


async def test_body_that_ends_with_its_connection_is_whole():
    """Also where TLS tells only that the connection is gone."""
    left, right = socket.socketpair()
    connection = Connection("http://a", lambda _: None)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: connection, sock=left)
    waiter = connection.ask(b"x")
    connection.data_received(OK + b"\r\nbody")

    with contextlib.closing(right):
        connection.connection_lost(None)
        await waiter

    assert connection.answer.chunks == [b"body"]


async def test_name_that_is_none_is_a_dns_error(make_ours):
    """A label has at most 63 letters (RFC 1035, 2.3.4)."""
    name = "a" * 64 + ".invalid"

    with pytest.raises(DnsError, match="cannot resolve a"):
        await status_of(make_ours(), f"http://{name}/")


async def test_connection_that_dies_at_once_is_forgotten():
    """One that is gone before anybody had it is not among the open ones."""
    pool = Pool(limit=1, connect_seconds=5, idle_seconds=8)
    async with Receiver() as receiver:
        peer = Peer(origin="http://a", host="127.0.0.1", port=receiver.port, tls=None)
        with mock.patch.object(Connection, "is_open", False):
            await pool.take(peer)

    assert not pool._open


@pytest.mark.parametrize("name", ["localhost", "localhost."])
async def test_server_is_told_and_checked_by_its_name(
    name, make_ours, server_tls, monkeypatch
):
    """SNI has no dot at the end (RFC 6066, 3), nor have certificates."""
    names = []
    tls = server_tls()
    tls.sni_callback = lambda _, name, __: names.append(name)
    async with Receiver(tls=tls) as receiver:
        address = (
            socket.AF_INET,
            socket.SOCK_STREAM,
            6,
            "",
            ("127.0.0.1", receiver.port),
        )
        resolve = mock.AsyncMock(return_value=[address])
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
        status = await status_of(make_ours(), f"https://{name}:{receiver.port}/")

    assert (status, names) == (204, ["localhost"])
