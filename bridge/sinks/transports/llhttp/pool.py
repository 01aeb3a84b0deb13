"""The connections of a sink: those that wait, and how many may be in use."""

import asyncio
import contextlib
import socket
from collections import deque
from dataclasses import dataclass
from ssl import SSLContext

import aiohappyeyeballs
import httpx

from bridge.sinks.transports.egress import DeniedAddressError, Egress, place_of
from bridge.sinks.transports.errors import (
    DeniedError,
    DnsError,
    TlsError,
    forget_frames,
    text_of,
    tls_fault,
)
from bridge.sinks.transports.llhttp.connection import Connection

_HEAD_START_SECONDS = 0.25
"""How long an address is tried alone (RFC 8305, 5)."""

_CLOSING_SECONDS = 1.0

MOST_CONNECTING = 4
"""Connections that are opened at once: of a burst of 64 a receiver's kernel drops some
SYNs, which then come again a second later, after events that were to follow."""


class ConnectionSlots:
    """Limits the connections in use; further requests wait in order.

    `asyncio.Semaphore` does the same for 2 us more, of some 10 that a POST costs.
    """

    def __init__(self, limit: int) -> None:
        """Allow `limit` connections at a time."""
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_begin(self) -> bool:
        """Take a slot and return True, if one is free."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait_begin(self) -> None:
        """Wait for a slot."""
        if self.try_begin():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.end()  # the slot was given, and is not used
            raise

    def end(self) -> None:
        """Give a slot back, to the next waiter if there is one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peer:
    """The peer of connections; those of one peer are alike.

    Attributes:
        origin: Scheme, host and port, for messages.
        host: Name or address to connect to.
        port: TCP port.
        tls: What to connect with; None: without TLS.
        server_name: Name that TLS asks for; None: `host`.
    """

    origin: str
    host: str
    port: int
    tls: SSLContext | None
    server_name: str | None = None


class Pool:
    """Keeps connections for further requests; the last one is used first."""

    def __init__(
        self,
        *,
        limit: int,
        connect_seconds: float,
        idle_seconds: float,
        egress: Egress | None = None,
    ) -> None:
        """Connect nowhere yet.

        Args:
            limit: Most connections in use; further requests wait for one.
            connect_seconds: Longest that waiting and connecting may take.
            idle_seconds: Longest that a connection waits for a request.
            egress: Where connections may lead; None: the defaults.
        """
        self._egress = egress or Egress()
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._turns = ConnectionSlots(limit)
        self._idle: dict[Peer, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._connecting = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._drained = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def find(self, peer: Peer) -> Connection | None:
        """Return an idle connection; None: there is none, so take another.

        The connection belongs to the caller until it is given back.
        """
        if peer not in self._idle or not self._turns.try_begin():
            return None
        connection = self._find_idle(peer)
        if connection is None:
            self._turns.end()
        return connection

    async def take(self, peer: Peer) -> Connection:
        """Return a connection as soon as there may be one more.

        Raises:
            httpx.ConnectTimeout: There was none in time.
            httpx.ConnectError: The peer cannot be reached, or not by TLS.
        """
        try:
            async with asyncio.timeout(self._connect_seconds):
                await self._turns.wait_begin()
                with contextlib.ExitStack() as stack:
                    stack.callback(self._turns.end)
                    connection = self._find_idle(peer) or await self._open_in_turn(peer)
                    stack.pop_all()
                return connection
        except TimeoutError as error:
            message = f"no connection to {peer.origin} in time"
            raise httpx.ConnectTimeout(message) from error

    def give_back(self, peer: Peer, connection: Connection) -> None:
        """Take a connection back, which waits for another request or is cut."""
        self._turns.end()
        if self._is_closed or not connection.is_reusable:
            connection.abort()
            return
        loop = connection.loop
        connection.rest(loop.time())
        self._idle.setdefault(peer, []).append(connection)
        self._wake()
        if self._timer is None:
            self._timer = loop.call_later(self._idle_seconds, self._close_idle)

    async def aclose(self) -> None:
        """Cut all connections; requests under way fail."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for connection in tuple(self._open):
            connection.abort()
        if self._open:
            self._drained.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_SECONDS):
                    await self._drained.wait()

    def _find_idle(self, peer: Peer) -> Connection | None:
        idle = self._idle.get(peer, [])
        while idle:
            connection = idle.pop()
            age = connection.loop.time() - connection.idle_since
            if age < self._idle_seconds and connection.is_quiet:
                return connection
            connection.close()
        return None

    async def _open_in_turn(self, peer: Peer) -> Connection:
        """Open a connection, a few at a time, unless one is given back before."""
        while self._connecting >= MOST_CONNECTING:
            await self._wait_for_change()
            if connection := self._find_idle(peer):
                return connection
        self._connecting += 1
        try:
            return await self._connect(peer)
        finally:
            self._connecting -= 1
            self._wake()

    async def _wait_for_change(self) -> None:
        """Wait until a connection was given back, or one may be opened."""
        change = asyncio.get_running_loop().create_future()
        self._waiting.append(change)
        try:
            await change
        except asyncio.CancelledError:
            if not change.cancelled():
                self._wake()  # the place was given, and is not used
            raise

    def _wake(self) -> None:
        while self._waiting:
            change = self._waiting.popleft()
            if not change.done():
                change.set_result(None)
                return

    async def _connect(self, peer: Peer) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            addresses = await loop.getaddrinfo(
                peer.host, peer.port, type=socket.SOCK_STREAM
            )
            connected = await aiohappyeyeballs.start_connection(
                self._egress.permitted(addresses, place_of),
                happy_eyeballs_delay=_HEAD_START_SECONDS,
                interleave=1,
            )
            _, connection = await loop.create_connection(
                lambda: Connection(peer.origin, self._forget),
                sock=connected,
                ssl=peer.tls,
                server_hostname=_server_name(peer),
            )
        except (OSError, UnicodeError) as error:
            raise _unconnected(error, host=peer.host, origin=peer.origin) from error
        if connection.is_open:
            self._open.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        if not self._open:
            self._drained.set()

    def _close_idle(self) -> None:
        """Close what has waited long enough, and look again when more will have."""
        loop = asyncio.get_running_loop()
        self._timer = None
        last = loop.time() - self._idle_seconds
        for peer, idle in tuple(self._idle.items()):
            while idle and idle[0].idle_since <= last:
                idle.pop(0).close()
            if not idle:
                del self._idle[peer]
        if self._idle:
            oldest = min(idle[0].idle_since for idle in self._idle.values())
            self._timer = loop.call_at(oldest + self._idle_seconds, self._close_idle)


def _server_name(peer: Peer) -> str | None:
    if peer.tls is None:
        return None
    return peer.server_name or peer.host.rstrip(".")


def _unconnected(
    error: OSError | UnicodeError, *, host: str, origin: str
) -> httpx.TransportError:
    """Return the error of a connection that could not be made."""
    forget_frames(error)
    if isinstance(error, UnicodeError):
        return DnsError(f"cannot resolve {host}: not a name of DNS")
    if isinstance(error, DeniedAddressError):
        return DeniedError(f"{host} leads to {error}")
    if isinstance(error, socket.gaierror):
        return DnsError(f"cannot resolve {host}: {error.strerror}")
    tls = tls_fault(error)
    if tls is not None:
        return TlsError(f"TLS with {origin} failed: {tls}")
    return httpx.ConnectError(f"cannot connect to {origin}: {text_of(error)}")
