"""aiohttp's connections, kept away from denied addresses and from unasked answers.

aiohttp takes whatever came on a connection while nobody asked for the answer to the
next request: an event would count as delivered that nobody read. So a connection that
was idle is looked at before it is used again, and closed if anything came on it.
"""

import socket
import weakref
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.connector import Connection

from bridge.sinks.egress import AddressInfo, Egress, place_of
from bridge.sinks.idle import Watch


class EarlyAnswerError(aiohttp.ClientConnectionError):
    """The peer sent something before anything was asked of it."""


class WatchedConnector(aiohttp.TCPConnector):
    """Gives out only connections on which nothing came since the last answer."""

    def __init__(self, *, limit: int, keepalive_seconds: float, egress: Egress) -> None:
        """Connect nowhere yet.

        Args:
            limit: Most connections at a time.
            keepalive_seconds: How long one may be idle.
            egress: Where connections may lead.
        """
        super().__init__(
            limit=limit,
            keepalive_timeout=keepalive_seconds,
            resolver=PermittedResolver(egress),
            socket_factory=self._open_socket,
        )
        self._egress = egress
        self._sockets: weakref.WeakValueDictionary[int, WatchedSocket] = (
            weakref.WeakValueDictionary()
        )

    async def connect(self, *args: Any, **kwargs: Any) -> Connection:
        """See `aiohttp.BaseConnector`.

        Raises:
            EarlyAnswerError: A new connection has something on it already.
        """
        while True:
            connection = await super().connect(*args, **kwargs)
            watched = self._socket_of(connection)
            if _is_clean(connection) and not watched.was_disturbed():
                connection.add_callback(watched.rest)
                return connection
            connection.close()
            if watched.is_new:
                raise EarlyAnswerError

    def _open_socket(self, info: AddressInfo) -> socket.socket:
        self._egress.check(*place_of(info))
        opened = WatchedSocket(*info[:3])
        self._sockets[opened.fileno()] = opened
        return opened

    def _socket_of(self, connection: Connection) -> "WatchedSocket":
        transport = connection.transport
        assert transport is not None  # noqa: S101  # it was just connected, or found so
        return self._sockets[transport.get_extra_info("socket").fileno()]


class WatchedSocket(socket.socket):
    """A socket that knows whether anything came since an answer was read whole."""

    def __init__(self, *args: Any) -> None:
        """Open it; see `socket.socket`."""
        super().__init__(*args)
        self._received_bytes = 0
        self._rested_bytes: int | None = None
        self._watch = Watch(self.fileno())

    @property
    def is_new(self) -> bool:
        """Whether no answer was read yet."""
        return self._rested_bytes is None

    def recv(self, *args: Any) -> bytes:
        """See `socket.socket`."""
        data = super().recv(*args)
        self._received_bytes += len(data)
        return data

    def recv_into(self, *args: Any) -> int:
        """See `socket.socket`."""
        count = super().recv_into(*args)
        self._received_bytes += count
        return count

    def rest(self) -> None:
        """Note that an answer was read, and another is not expected."""
        self._rested_bytes = self._received_bytes

    def was_disturbed(self) -> bool:
        """Return whether anything came, or its end, since it was to rest."""
        if self._rested_bytes is None:
            return False
        return self._rested_bytes != self._received_bytes or self._watch.is_disturbed()


def _is_clean(connection: Connection) -> bool:
    protocol = connection.protocol
    return protocol is not None and not protocol.should_close


class PermittedResolver(aiohttp.ThreadedResolver):
    """Leaves out denied addresses, so that one that is not can still be reached.

    The last word has the connector: a URL may hold an address instead of a name.
    """

    def __init__(self, egress: Egress) -> None:
        """Resolve nothing yet."""
        super().__init__()
        self._egress = egress

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> list[ResolveResult]:
        """See `aiohttp.abc.AbstractResolver`.

        Raises:
            DeniedAddressError: All addresses of the name are denied.
        """
        found = await super().resolve(host, port, family)
        return self._egress.permitted(found, lambda one: (one["host"], one["port"]))
