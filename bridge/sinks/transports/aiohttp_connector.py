"""aiohttp's connections, kept away from denied addresses and from unasked answers.

aiohttp takes whatever came on a connection while nobody asked for the answer to the
next request: an event would count as delivered that nobody read. So a connection that
was idle is looked at before it is used again, and closed if anything came on it.
"""

import asyncio
import socket
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from bridge.sinks.transports import IdleWatch
from bridge.sinks.transports.egress import AddressInfo, Egress, place_of


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
        # aiohttp has no other way to say it; `connect` notices if it means nothing.
        self._factory = cast(
            "partial[ResponseHandler]",
            partial(WatchedHandler, loop=asyncio.get_running_loop()),
        )

    async def connect(self, *args: Any, **kwargs: Any) -> Connection:
        """See `aiohttp.BaseConnector`.

        Raises:
            EarlyAnswerError: A new connection has something on it already.
        """
        while True:
            connection = await super().connect(*args, **kwargs)
            handler = connection.protocol
            assert isinstance(handler, WatchedHandler)  # noqa: S101  # see `__init__`
            if not handler.was_disturbed():
                connection.add_callback(handler.rest)
                return connection
            connection.close()
            if handler.is_new:
                raise EarlyAnswerError

    def _open_socket(self, info: AddressInfo) -> socket.socket:
        self._egress.check(*place_of(info))
        return socket.socket(*info[:3])


class WatchedHandler(ResponseHandler):
    """A connection that knows whether anything came since an answer was read whole."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait to be connected."""
        super().__init__(loop)
        self._watch: IdleWatch
        self._received_bytes = 0
        self._rested_bytes: int | None = None

    @property
    def is_new(self) -> bool:
        """Whether no answer was read yet."""
        return self._rested_bytes is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._watch = IdleWatch(transport.get_extra_info("socket").fileno())
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._received_bytes += len(data)
        super().data_received(data)

    def rest(self) -> None:
        """Note that an answer was read, and another is not expected."""
        self._rested_bytes = self._received_bytes

    def was_disturbed(self) -> bool:
        """Return whether anything came, or its end, that is part of no answer."""
        if self.should_close or self._rested_bytes is None:
            return self.should_close
        return self._rested_bytes != self._received_bytes or self._watch.is_disturbed()


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
