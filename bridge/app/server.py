"""uvicorn as a part of our process: in our loop, on our socket, without its signals."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from bridge.errors import ConfigError

SHUTDOWN_SECONDS = 2
"""How long requests under way may last once the process was told to stop."""


class _Server(uvicorn.Server):
    """Leaves signals to the process: they stop intake first and this last."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; bound here, for uvicorn's own failure exits.

    Raises:
        ConfigError: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        problem = f"server: cannot listen on {host}:{port}: {error.strerror}"
        raise ConfigError([problem]) from error
    return listener


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    return host == "localhost" or ip_address(host).is_loopback


def url_of(listener: socket.socket) -> str:
    """Return where the listener is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@asynccontextmanager
async def serving(api: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Answer requests on `listener` until the block is left."""
    config = uvicorn.Config(
        api,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = _Server(config)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]), name="api")
        try:
            yield
        finally:
            server.should_exit = True
