"""Serves the API with uvicorn: in our loop, on our socket, without its signals.

`Endpoint` is an address that stays while the application that answers there changes.
"""

import asyncio
import errno
import logging
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.api.connections import (
    BACKLOG,
    MOST_CONNECTIONS,
    MOST_HEAD_BYTES,
    ApiConnection,
    Port,
    Refusal,
)
from bridge.errors import ConfigError
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics

SHUTDOWN_SECONDS = 2
"""How long requests under way may last once the process was told to stop."""

DATE_SECONDS = 1.0
"""How old the date of an answer may be."""

SAY_SECONDS = 60.0
"""Least time between two lines about refused connections: anybody can cause one."""

Address = tuple[str, int]
"""Host and port to listen on."""

_NO_IPV6 = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL})
_COUNTED = ("Invalid HTTP request", "Unsupported upgrade", "No supported WebSocket")
_LOGGERS = ("uvicorn.error", "asyncio")


class _Server(uvicorn.Server):
    """Leaves signals to the process: they stop intake first and this last."""

    def __init__(self, config: uvicorn.Config) -> None:
        """See `uvicorn.Server`."""
        super().__init__(config)
        self._left = asyncio.Event()

    def leave(self) -> None:
        """End `serve`, once the requests under way are answered."""
        self.should_exit = True
        self._left.set()

    async def main_loop(self) -> None:
        """Renew the date of the answers each second, and sleep in between.

        uvicorn wakes ten times a second, to look whether it is to end.
        """
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(DATE_SECONDS):
                    await self._left.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve, and leave nothing open when cancelled: uvloop would never close."""
        try:
            await super().serve(sockets)
        finally:
            for server in getattr(self, "servers", ()):
                server.close()
            for connection in tuple(self.server_state.connections):
                if connection.transport is not None:
                    connection.transport.abort()


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; bound here, for uvicorn's own failure exits.

    Args:
        host: An address. `::` means every address of both families, and those of IPv4
            on a machine without IPv6.
        port: Port to listen on; 0: one that is free.

    Raises:
        ConfigError: The address cannot be used.
    """
    try:
        try:
            return _bind(host, port)
        except OSError as error:
            if host != "::" or error.errno not in _NO_IPV6:
                raise
            return _bind("0.0.0.0", port)  # noqa: S104  # what was asked for
    except OSError as error:
        problem = f"server: cannot listen on {host}:{port}: {error.strerror}"
        raise ConfigError([problem]) from error


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # a machine may have the other default
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    return host == "localhost" or ip_address(host).is_loopback


def url_of(listener: socket.socket) -> str:
    """Return where the listener is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serving(
    api: ASGIApp,
    listener: socket.socket,
    *,
    metrics: Metrics,
    most: int = MOST_CONNECTIONS,
) -> AsyncIterator[None]:
    """Answer requests on `listener` until the block is left.

    Args:
        api: What answers.
        listener: Where requests come from; it is closed in the end.
        metrics: What counts refused connections.
        most: Most connections at once.
    """
    port = Port(most=most, count=Refusals(metrics))
    protocol = cast("type[asyncio.Protocol]", partial(ApiConnection, port))
    config = uvicorn.Config(
        api,
        http=protocol,
        ws="none",
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        backlog=BACKLOG,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    with structured_lines():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listener]), name="api")
            try:
                yield
            finally:
                server.leave()


class Refusals:
    """Counts refused connections, and says so in a line a minute at most."""

    def __init__(
        self, metrics: Metrics, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Count in `metrics`; `now` is a clock in seconds that never goes back."""
        self._metric = metrics.api_refused
        self._now = now
        self._quiet_until = -SAY_SECONDS
        self._unsaid: Counter[str] = Counter()
        self._log = get_logger()

    def __call__(self, why: Refusal) -> None:
        """Note one."""
        self._metric.labels(why).inc()
        self._unsaid[why] += 1
        now = self._now()
        if now >= self._quiet_until:
            self._log.warning("API connections refused.", **self._unsaid)
            self._unsaid.clear()
            self._quiet_until = now + SAY_SECONDS


class LibraryLines(logging.Handler):
    """Writes what uvicorn and asyncio say in our form; a repeated text once."""

    def __init__(self) -> None:
        """Take warnings and errors."""
        super().__init__(logging.WARNING)
        self._failure = RepeatedFailure(get_logger(), "A library reported a failure.")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless `Refusals` counts what it says."""
        text = record.getMessage().strip()
        error = record.exc_info[1] if record.exc_info else None
        if text.startswith(_COUNTED) or isinstance(error, asyncio.CancelledError):
            return
        fields: dict[str, Any] = {} if error is None else {"exc_info": error}
        text = text.partition("\n")[0]
        if error is not None:
            text = f"{text}: {type(error).__name__}"
        self._failure.failed(text, library=record.name.partition(".")[0], **fields)


@contextmanager
def structured_lines() -> Iterator[None]:
    """Have libraries write their lines in our form until the block is left."""
    handler = LibraryLines()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)
            logger.propagate = True


class Endpoint:
    """An address on which one API after another answers, without a gap between."""

    def __init__(
        self, address: Address, *, metrics: Metrics, most_connections: int
    ) -> None:
        """Listen; nothing answers before `show`.

        Args:
            address: Where to listen.
            metrics: Counts refused connections.
            most_connections: Most connections at once.

        Raises:
            ConfigError: The address cannot be used.
        """
        self.address = address
        self.listener = bind(*self.address)
        self.is_closed = asyncio.Event()
        """Set once the address is free."""

        self._metrics = metrics
        self._most = most_connections
        self._port: int = self.listener.getsockname()[1]
        self._app: ASGIApp | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return url_of(self.listener)

    def holds(self, address: Address) -> bool:
        """Return whether its port, on another host, may be in the way of an address."""
        return address[1] == self._port

    def show(self, app: ASGIApp, tasks: asyncio.TaskGroup) -> None:
        """Let this one answer from now on; `tasks` serve the address."""
        if self._app is None:
            tasks.create_task(self._serve(), name="api")
        self._app = app

    def close(self) -> None:
        """Free the address, once requests under way are answered."""
        self._closing.set()
        if self._app is None:
            self.listener.close()
            self.is_closed.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        assert self._app is not None  # noqa: S101  # nothing is served before
        await self._app(scope, receive, send)

    async def _serve(self) -> None:
        try:
            async with serving(
                self, self.listener, metrics=self._metrics, most=self._most
            ):
                await self._closing.wait()
        finally:
            self.listener.close()
            self.is_closed.set()


class Endpoints:
    """The addresses of the process: the one in use, and one that is tried."""

    def __init__(self, metrics: Metrics, *, most_connections: int) -> None:
        """Listen nowhere yet; see `Endpoint` for the arguments."""
        self._metrics = metrics
        self._most = most_connections
        self.current: Endpoint | None = None
        self._open: list[Endpoint] = []

    def find(self, address: Address) -> Endpoint | None:
        """Return where to serve: the current one if the address is the same.

        None: the current one is in the way, and `release` has to come before `open`.

        Raises:
            ConfigError: The address cannot be used.
        """
        current = self.current
        if current is not None and current.address == address:
            return current
        try:
            return self.open(address)
        except ConfigError:
            # 0.0.0.0 is refused for as long as we listen on 127.0.0.1 ourselves.
            if current is None or not current.holds(address):
                raise
            return None

    def open(self, address: Address) -> Endpoint:
        """Return a new one; raises `ConfigError` if the address cannot be used."""
        one = Endpoint(address, metrics=self._metrics, most_connections=self._most)
        self._open.append(one)
        return one

    async def release(self) -> None:
        """Free the current address."""
        if self.current is not None:
            self.current.close()
            await self.current.is_closed.wait()
            self.current = None

    def use(self, endpoint: Endpoint) -> None:
        """Have no other than this one from now on."""
        self.current = endpoint
        self.drop_others()

    def drop_others(self) -> None:
        """Close all but the current one."""
        for one in self._open:
            if one is not self.current:
                one.close()
        self._open = [] if self.current is None else [self.current]

    def close(self) -> None:
        """Close all."""
        self.current = None
        self.drop_others()
