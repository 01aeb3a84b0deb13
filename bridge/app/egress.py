"""Keeps sinks away from the API server, wherever its name leads to."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from yarl import URL

from bridge.logs import RepeatedFailure, get_logger
from bridge.sinks.transports.egress import Egress, place_of

LOOK_SECONDS = 60.0
"""How often the API server's name is resolved: managed ones change their addresses."""

_RESOLVE_SECONDS = 5.0


@asynccontextmanager
async def api_server_denied(egress: Egress, server: str) -> AsyncIterator[None]:
    """Deny the addresses of the API server until the block is left.

    Args:
        egress: Told the addresses, with the port.
        server: URL of the API server.
    """
    failures = RepeatedFailure(
        get_logger(server=str(URL(server).origin())),
        "The API server's address is not known, so it is not denied to sinks.",
    )
    await _look(egress, URL(server), failures)
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(
            _keep_looking(egress, URL(server), failures), name="egress"
        )
        try:
            yield
        finally:
            looking.cancel()


async def _keep_looking(egress: Egress, server: URL, failures: RepeatedFailure) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await _look(egress, server, failures)


async def _look(egress: Egress, server: URL, failures: RepeatedFailure) -> None:
    """Tell the addresses as they are now; without an answer the last ones stay."""
    resolve = asyncio.get_running_loop().getaddrinfo
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await resolve(server.raw_host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        failures.failed(str(error) or "no answer in time")
    else:
        failures.recovered("The API server's address is known again.")
        egress.deny_servers(place_of(one) for one in found)
