"""An API over a real queue file, and a way to ask it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from bridge.api import create_api
from bridge.health import Health, ReaderStatus, SinkStatus
from bridge.metrics import Metrics
from bridge.queue.sqlite import SqliteQueue
from tests.unit.api.world import BEARER, TOKEN, World

CONFIG = {
    "sources": [{"name": "events"}],
    "sinks": [{"name": "hook"}, {"name": "spare"}],
    "routes": [],
}


@pytest.fixture
async def world(tmp_path) -> AsyncIterator[World]:
    """A queue with two open sinks, and what its parts say of themselves."""
    async with SqliteQueue.open(
        path=tmp_path / "queue.db",
        max_size_bytes=2**24,
        keep_seconds=3600,
        keep_bytes=2**24,
        reserve_bytes=0,
    ) as queue:
        for sink in ("hook", "spare"):
            await queue.open_sink(sink)
        yield World(
            queue=queue,
            health=Health(
                readers=[
                    ReaderStatus(
                        sources=("events",),
                        resource="events",
                        namespace="shop",
                        state="watching",
                        started=True,
                        resource_version="7",
                        last_progress=datetime(2026, 1, 2, tzinfo=UTC),
                    )
                ],
                sinks={name: SinkStatus(name=name) for name in ("hook", "spare")},
            ),
            metrics=Metrics(version="1.2.3"),
            config=dict(CONFIG),
        )


@pytest.fixture
def build_api(world) -> Callable[..., FastAPI]:
    """Return what makes an API."""

    def build(*, token: str | None = TOKEN, loopback: bool = True) -> FastAPI:
        return create_api(
            queue=world.queue,
            health=world.health,
            metrics=world.metrics,
            describe_config=lambda: world.config,
            check_config=lambda text: [f"{text.strip()} is wrong"] if text else [],
            token=lambda: token,
            loopback=loopback,
            version="1.2.3",
        )

    return build


@pytest.fixture
async def client(build_api) -> AsyncIterator[httpx.AsyncClient]:
    """An operator on this machine, with the token."""
    transport = httpx.ASGITransport(build_api())
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8080", headers=BEARER
    ) as client:
        yield client
