"""The TCP proxy in front of a server that answers whatever it is sent."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faultproxy import TcpProxy


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets."""

    def handle(self) -> None:
        """Serve one connection until its end."""
        while block := self.request.recv(65_536):
            self.request.sendall(block)


class Server(socketserver.ThreadingTCPServer):
    """Runs beside the test."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections are cut here on purpose."""


@pytest.fixture
def proxy() -> Iterator[TcpProxy]:
    """Run a proxy to an echo server."""
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with TcpProxy(server.server_address[1]) as one:
            yield one
        server.shutdown()
        thread.join()


@pytest.fixture
def client(proxy: TcpProxy) -> Iterator[socket.socket]:
    """Connect through the proxy."""
    with closing(connect(proxy)) as one:
        assert ask(one, b"hello") == b"hello"
        yield one


def connect(proxy: TcpProxy) -> socket.socket:
    """Return a connection that waits 3 s at most."""
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=3)


def ask(client: socket.socket, text: bytes) -> bytes:
    """Send something and return what comes first."""
    client.sendall(text)
    return client.recv(100)


def is_silent(client: socket.socket) -> bool:
    """Whether a connection is open and brings nothing for a moment."""
    client.settimeout(0.1)
    try:
        return not client.recv(1) and False
    except TimeoutError:
        return True
    finally:
        client.settimeout(3)


def test_blackhole_holds_everything_until_it_heals(
    proxy: TcpProxy, client: socket.socket
) -> None:
    """Old and new connections are silent; nothing of what they carry is lost."""
    proxy.blackhole()
    client.sendall(b"lost?")
    with closing(connect(proxy)) as late:
        late.sendall(b"late")
        assert is_silent(client)
        assert is_silent(late)

        proxy.heal()

        assert client.recv(100) == b"lost?"
        assert late.recv(100) == b"late"


def test_half_open_connection_is_silent_and_new_ones_are_well(
    proxy: TcpProxy, client: socket.socket
) -> None:
    """The client's connection looks alive and carries nothing, until it is reset."""
    proxy.half_open()
    client.sendall(b"anybody?")

    assert is_silent(client)
    with closing(connect(proxy)) as other:
        assert ask(other, b"hello") == b"hello"
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_reset_and_close_end_connections_as_they_say(
    proxy: TcpProxy, client: socket.socket
) -> None:
    """RST is an error to the client, FIN is an end."""
    with closing(connect(proxy)) as other:
        assert ask(other, b"hello") == b"hello"
        proxy.close_all()
        assert other.recv(1) == b""

    with closing(connect(proxy)) as other:
        assert ask(other, b"hello") == b"hello"
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            other.recv(1)


def test_truncated_connection_ends_after_so_many_bytes(
    proxy: TcpProxy, client: socket.socket
) -> None:
    """Connections old and new get so many bytes, until it heals."""
    proxy.truncate(3)

    assert ask(client, b"truncate") == b"tru"
    assert client.recv(100) == b""
    with closing(connect(proxy)) as other:
        assert ask(other, b"another") == b"ano"
    proxy.heal()
    with closing(connect(proxy)) as other:
        assert ask(other, b"another") == b"another"


def test_refused_and_delayed_connections(proxy: TcpProxy) -> None:
    """New connections are reset; later ones work, slowly."""
    proxy.refuse()
    with pytest.raises(ConnectionResetError), closing(connect(proxy)) as client:
        client.recv(1)

    proxy.heal()
    proxy.delay(0.15)

    with closing(connect(proxy)) as client:
        client.sendall(b"slow")
        assert is_silent(client)
        assert client.recv(100) == b"slow"
    assert proxy.connections == 2
