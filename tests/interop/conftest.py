"""Receivers, and sinks of ours that lead to them."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from bridge.sinks.http.sink import HttpSink
from tests.interop import golang, javascript
from tests.interop.process import running
from tests.unit.sinks.building import build_sink

Mounted = Callable[[str, str], HttpSink]


@pytest.fixture(scope="session")
def modules(request: pytest.FixtureRequest) -> Path:
    """Install the SDK for JavaScript once, into pytest's cache."""
    return javascript.find_modules(request.config.cache.mkdir("javascript-receiver"))


@pytest.fixture
def javascript_receiver(modules: Path) -> Iterator[str]:
    """Run a webhook in Node; return its URL."""
    server = str(javascript.HERE / "server.cjs")
    with running(["node", server], {"NODE_PATH": str(modules)}) as url:
        yield url


@pytest.fixture(scope="session")
def go_binary(request: pytest.FixtureRequest) -> Path:
    """Build the webhook in Go once, into pytest's cache."""
    return golang.build_receiver(request.config.cache.mkdir("go-receiver"))


@pytest.fixture
def go_receiver(go_binary: Path) -> Iterator[str]:
    """Run a webhook in Go; return its URL."""
    with running([str(go_binary)]) as url:
        yield url


@pytest.fixture(params=["aiohttp", "llhttp"])
def engine(request: pytest.FixtureRequest) -> str:
    """Both engines, one after the other."""
    return request.param


@pytest.fixture
async def make_sink(engine: str) -> AsyncIterator[Mounted]:
    """Build a sink for a URL and a mode; it is closed after the test."""
    async with contextlib.AsyncExitStack() as closing:

        def make(url: str, mode: str) -> HttpSink:
            sink = build_sink(
                url,
                mode=mode,
                concurrency=4,
                timeout_seconds=30.0,
                batch_size=1000,
                batch_bytes=16 << 20,
                engine=engine,
            )
            closing.push_async_callback(sink.aclose)
            return sink

        yield make
