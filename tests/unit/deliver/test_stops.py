"""A sink that an operator stops and resumes, on a virtual clock."""

import asyncio

import pytest

from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    always,
    error,
    failing_first,
    paused,
)

pytestmark = pytest.mark.looptime


async def test_stopped_sink_gets_nothing_until_it_is_resumed() -> None:
    """Attempts under way end; what was leased goes back."""
    bench = Bench(ScriptedSink(seconds=1.0), concurrency=1)
    bench.put(*"abc")

    async with bench.running():
        await asyncio.sleep(0.5)
        await bench.delivery.stop("moving")
        assert (bench.status.state, bench.status.reason) == ("stopped", "moving")
        await asyncio.sleep(100)
        assert (bench.queue.delivered, len(bench.sink.sent)) == (["a"], 1)
        assert await bench.delivery.resume() is True
        await asyncio.sleep(3)

    assert sorted(bench.queue.delivered) == list("abc")


@pytest.mark.parametrize("fault", [error(503), error(500), paused()])
async def test_failure_under_way_changes_nothing_in_a_stopped_sink(fault) -> None:
    """Our operator's word wins."""
    bench = Bench(ScriptedSink(seconds=1.0, answer=always(fault)), concurrency=1)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(0.5)
        await bench.delivery.stop("moving")
        await asyncio.sleep(1)

    assert bench.queue.gates["hook"].kind == "stopped"


async def test_stop_survives_a_restart() -> None:
    """Only an operator ends it."""
    bench = Bench(ScriptedSink())
    async with bench.running():
        await bench.delivery.stop("moving")
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(100)
        assert (bench.status.state, bench.sink.sent) == ("stopped", [])
        await bench.delivery.resume()
        await asyncio.sleep(1)

    assert bench.queue.delivered == ["a"]


@pytest.mark.parametrize("fault", [error(429, retry_after_seconds=99.0), paused()])
async def test_resume_ends_whatever_holds_a_sink(fault) -> None:
    """It is tried at once."""
    bench = Bench(ScriptedSink(answer=failing_first(fault)), concurrency=1)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(2)
        assert await bench.delivery.resume() is True
        await asyncio.sleep(2)
        assert await bench.delivery.resume() is False

    assert bench.queue.delivered == ["a"]
