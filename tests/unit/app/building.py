"""Sinks of a configuration, for tests that need no more than these."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from bridge.config import Config
from bridge.config.parts import destinations_of
from bridge.metrics import Metrics
from bridge.sinks import Sink
from bridge.sinks.transports.egress import Egress


@asynccontextmanager
async def build_sinks(
    config: Config, *, egress: Egress, metrics: Metrics
) -> AsyncIterator[Sequence[Sink]]:
    """Yield the sinks of a configuration, in its order; close them all."""
    async with AsyncExitStack() as closing:
        wanted = destinations_of(config, egress=egress, metrics=metrics)
        sinks = [one.build() for one in wanted]
        for sink in sinks:
            closing.push_async_callback(sink.aclose)
        yield sinks
