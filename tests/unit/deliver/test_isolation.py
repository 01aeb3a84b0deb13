"""Sinks beside each other: a dead and a slow one do not touch the others."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from bridge.deliver import FairSlots
from bridge.deliver.settings import BreakerConfig
from bridge.health import SinkStatus
from tests.unit.deliver.scripted import Bench, ScriptedSink, error
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

HEALTHY = [f"healthy{number}" for number in range(8)]


def dead(_ids: list[str]) -> None:
    """Fail as a sink that is down."""
    raise error(500)


def world(slots: FairSlots | None) -> list[Bench]:
    """Return one dead, one slow and eight healthy sinks on one queue."""
    queue = MemoryQueue()
    sinks = [
        ScriptedSink(name="dead", answer=dead),
        ScriptedSink(name="slow", seconds=15.0),
        *(ScriptedSink(name=name, seconds=0.01) for name in HEALTHY),
    ]
    more = {"slots": slots, "breaker": BreakerConfig()}
    return [
        Bench(sink, queue=queue, status=SinkStatus(name=sink.name), more=more)
        for sink in sinks
    ]


@pytest.mark.parametrize("total", [None, 10, 12])
async def test_backlog_of_healthy_sinks_stays_at_zero(total) -> None:
    """Also when all share a few slots: one is reserved for each."""
    names = ["dead", "slow", *HEALTHY]
    benches = world(None if total is None else FairSlots(total, sinks=names))
    worst = 0

    async with AsyncExitStack() as stack:
        for bench in benches:
            await stack.enter_async_context(bench.running())
        for second in range(20):
            for bench in benches:
                bench.put(f"{second}-a", f"{second}-b")
            await asyncio.sleep(0.5)
            depths = [await benches[0].queue.depth(name) for name in HEALTHY]
            worst = max(worst, *(depth.waiting for depth in depths))
        dead_depth = await benches[0].queue.depth("dead")

    assert worst == 0
    assert dead_depth.waiting == 40
    assert benches[0].status.state == "circuit-open"
