"""Asks the doctor about a configuration; no sink is sent anything."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bridge.app.build import build_egress, build_router
from bridge.app.file_limit import attainable_limit, share_files
from bridge.config import Config, HttpSinkConfig, find_missing
from bridge.ingest.source import build_sources
from bridge.operate.doctor import Answer, diagnose
from bridge.sinks.http.reach import reach
from bridge.sinks.http.request import SinkUrl
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import SecretError
from bridge.sinks.transports.egress import Egress, api_server_denied

_AT_ONCE: Final = 16
_LONGEST_SECONDS: Final = 5.0


async def diagnose_config(
    config: Config, *, cursors: Sequence[Mapping[str, Any]] | None, now: datetime
) -> Answer:
    """Return what `bridge.operate.doctor.diagnose` finds of a configuration."""
    shares = share_files(config, attainable_limit())
    return await diagnose(
        config.cluster,
        build_sources(config.sources, build_router(config)),
        reach=lambda server: reach_sinks(config, server=server),
        missing=list(find_missing(config, os.environ)),
        files={
            "limit": shares.limit,
            "sinksAsk": shares.asked,
            "sinksGet": min(shares.asked, shares.sinks),
        },
        cursors=cursors,
        now=now,
    )


async def reach_sinks(config: Config, *, server: str) -> Sequence[Answer]:
    """Return for each sink over HTTP where it is and what stands in the way.

    Args:
        config: The configuration.
        server: URL of the API server, to which no sink may lead.
    """
    egress = build_egress(config.egress)
    turns = asyncio.Semaphore(_AT_ONCE)
    sinks = [one for one in config.sinks if isinstance(one, HttpSinkConfig)]
    async with api_server_denied(egress, server), asyncio.TaskGroup() as tasks:
        asked = [
            tasks.create_task(_reach(one, egress, turns), name=f"reach {one.name}")
            for one in sinks
        ]
    return [task.result() for task in asked]


async def _reach(
    config: HttpSinkConfig, egress: Egress, turns: asyncio.Semaphore
) -> Answer:
    try:
        url = await asyncio.to_thread(SinkUrl(config.url).current)
    except SecretError as unusable:
        return {"name": config.name, "server": "", "proxy": "", "error": str(unusable)}
    async with turns:
        proxy, error = await reach(
            url,
            tls=TlsContext(config.tls),
            proxy=config.proxy,
            environ=os.environ,
            egress=egress,
            timeout_seconds=min(config.timeout, _LONGEST_SECONDS),
        )
    return {
        "name": config.name,
        "server": str(url.origin()),
        "proxy": proxy,
        "error": error,
    }
