"""A Broker, and a sink of ours that is set up for one."""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bridge.sinks.http.sink import HttpSink
from tests.conformance.broker import Broker
from tests.unit.sinks.building import build_sink

KNATIVE: dict[str, Any] = {
    "mode": "structured",
    "concurrency": 4,
    "timeout_seconds": 30.0,
}
"""What a Broker needs of a sink; `knative: true` itself: `test_process.py`."""


@pytest.fixture(params=["aiohttp", "llhttp"])
def engine(request: pytest.FixtureRequest) -> str:
    """Both engines, one after the other."""
    return request.param


@pytest.fixture
async def make_sink(engine: str) -> AsyncIterator[Callable[..., HttpSink]]:
    """Build a sink for a URL; keywords change its settings; closed after the test."""
    async with contextlib.AsyncExitStack() as closing:

        def make(url: str, **changes: Any) -> HttpSink:
            settings = {"name": "broker", "engine": engine}
            sink = build_sink(url, **settings | KNATIVE | changes)
            closing.push_async_callback(sink.aclose)
            return sink

        yield make


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    """Run a Broker whose subscriber takes all at once."""
    async with Broker() as one:
        yield one
