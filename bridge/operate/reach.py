"""Tries to connect to sinks, for the doctor; no sink is sent anything."""

import asyncio
import os
from collections.abc import Sequence
from typing import Any, Final

from bridge.sinks.http.reach import reach
from bridge.sinks.http.request import SinkUrl
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import SecretError
from bridge.sinks.transports.egress import Egress, api_server_denied

_AT_ONCE: Final = 16
_LONGEST_SECONDS: Final = 5.0


async def reach_sinks(
    sinks: Sequence[HttpConfig], *, egress: Egress, server: str
) -> Sequence[dict[str, Any]]:
    """Return the address of each sink, and why it cannot be connected to.

    Args:
        sinks: Settings of the sinks.
        egress: Where connections of sinks may lead.
        server: URL of the API server, to which no sink may lead.
    """
    slots = asyncio.Semaphore(_AT_ONCE)
    async with api_server_denied(egress, server), asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(_reach(one, egress, slots), name=f"reach {one.name}")
            for one in sinks
        ]
    return [task.result() for task in asked]


async def _reach(
    sink: HttpConfig, egress: Egress, slots: asyncio.Semaphore
) -> dict[str, Any]:
    try:
        url = await asyncio.to_thread(SinkUrl(sink.url).current)
    except SecretError as unusable:
        return {"name": sink.name, "server": "", "proxy": "", "error": str(unusable)}
    async with slots:
        proxy, error = await reach(
            url,
            tls=TlsContext(sink.tls),
            proxy=sink.proxy,
            environ=os.environ,
            egress=egress,
            timeout_seconds=min(sink.timeout, _LONGEST_SECONDS),
        )
    origin = str(url.origin())
    return {"name": sink.name, "server": origin, "proxy": proxy, "error": error}
