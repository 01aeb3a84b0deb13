"""Where the API is served: an address that stays while what answers there changes."""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.app.file_limit import attainable_limit, most_api_connections
from bridge.app.server import bind, serving, url_of
from bridge.config import ServerConfig
from bridge.errors import ConfigError
from bridge.metrics import Metrics


class Endpoint:
    """An address on which one API after another answers, without a gap between."""

    def __init__(self, server: ServerConfig, *, metrics: Metrics) -> None:
        """Listen; nothing answers before `show`.

        Args:
            server: Where.
            metrics: What counts refused connections.

        Raises:
            ConfigError: The address cannot be used.
        """
        self.address = server.host, server.port
        self.listener = bind(*self.address)
        self.is_closed = asyncio.Event()
        """Set once the address is free."""

        self._metrics = metrics
        self._port: int = self.listener.getsockname()[1]
        self._app: ASGIApp | None = None
        self._closing = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it is reached."""
        return url_of(self.listener)

    def holds(self, server: ServerConfig) -> bool:
        """Return whether its port, on another host, may be in the way of an address."""
        return server.port == self._port

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
            most = most_api_connections(attainable_limit())
            async with serving(self, self.listener, metrics=self._metrics, most=most):
                await self._closing.wait()
        finally:
            self.listener.close()
            self.is_closed.set()


class Endpoints:
    """The addresses of the process: the one in use, and one that is tried."""

    def __init__(self, metrics: Metrics) -> None:
        """Listen nowhere yet; `metrics` counts refused connections."""
        self._metrics = metrics
        self.current: Endpoint | None = None
        self._open: list[Endpoint] = []

    def find(self, server: ServerConfig) -> Endpoint | None:
        """Return where to serve: the current one if the address is the same.

        None: the current one is in the way, and `release` has to come before `open`.

        Raises:
            ConfigError: The address cannot be used.
        """
        current = self.current
        if current is not None and current.address == (server.host, server.port):
            return current
        try:
            return self.open(server)
        except ConfigError:
            # 0.0.0.0 is refused for as long as we listen on 127.0.0.1 ourselves.
            if current is None or not current.holds(server):
                raise
            return None

    def open(self, server: ServerConfig) -> Endpoint:
        """Return a new one; raises `ConfigError` if the address cannot be used."""
        self._open.append(Endpoint(server, metrics=self._metrics))
        return self._open[-1]

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
