"""A delivery that gives way to another one over the same queue (issue 10, item 3)."""

import asyncio

import pytest

from bridge.deliver.outcomes import LAST_WORDS_SECONDS
from bridge.errors import OutcomeNotRecordedError
from bridge.sinks.http.settings import BatchConfig
from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    error,
    failing_first,
    paused,
)

pytestmark = pytest.mark.looptime

FOR_EVER = 10_000.0


def leased(bench):
    """The ids of what is leased."""
    return [row.lease.event.id for row in bench.queue.rows.values() if row.leased]


@pytest.mark.parametrize(
    ("batch", "linger", "count"),
    [(1, 0.0, 9), (1, 0.0, 2), (3, 0.0, 20), (3, 60.0, 20)],
)
async def test_all_that_is_leased_goes_back_at_the_end(batch, linger, count) -> None:
    """In whichever place it is: on its way, waiting, lingering, or being sent."""
    sink = ScriptedSink(seconds=FOR_EVER, max_batch=batch)
    bench = Bench(sink, concurrency=1, more={"batch": BatchConfig(linger=f"{linger}s")})
    bench.put(*map(str, range(count)))

    async with bench.running():
        await asyncio.sleep(1)
        assert leased(bench)

    assert not leased(bench)
    assert (await bench.queue.depth("hook")).waiting == count


async def test_a_batch_that_lingers_goes_back_too() -> None:
    """Nobody has seen it yet."""
    sink = ScriptedSink(max_batch=3)
    bench = Bench(sink, more={"batch": BatchConfig(linger="60s")})
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1)
        assert len(leased(bench)) == 2

    assert (leased(bench), sink.sent) == ([], [])


async def test_a_trial_that_nobody_has_taken_goes_back() -> None:
    """The gate closed while the only worker was busy."""
    bench = Bench(ScriptedSink(slow={"a": FOR_EVER}), concurrency=1)
    bench.put("a", "b", "c", "d", "e")

    async with bench.running():
        await asyncio.sleep(1)
        await bench.delivery._gate._rest(error(503))
        await asyncio.sleep(100)
        assert leased(bench)

    assert not leased(bench)


async def test_a_success_of_a_retired_delivery_is_recorded() -> None:
    """But opens no gate: that is for the one that came after it."""
    bench = Bench(ScriptedSink(seconds=2.0, answer=failing_first(paused())))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(3)
        await bench.delivery.resume()
        await asyncio.sleep(1)
        bench.status.state = "paused"
        bench.delivery.retire()
        await asyncio.sleep(3)

    assert (bench.queue.delivered, bench.status.state) == (["a"], "paused")


async def test_a_failure_of_a_retired_delivery_closes_no_gate() -> None:
    """It is old news, of another configuration."""
    bench = Bench(ScriptedSink(seconds=2.0, answer=failing_first(paused())))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)
        bench.delivery.retire()
        await asyncio.sleep(2)

    assert (bench.queue.gates, bench.status.state) == ({}, "active")
    assert not leased(bench)


async def test_a_full_volume_does_not_hold_the_end_up(monkeypatch) -> None:
    """What cannot be recorded is sent again after a restart (issue 10, item 1)."""
    bench = Bench(ScriptedSink())
    bench.put("a")

    async def settle(_, **__):
        raise OutcomeNotRecordedError("full")

    monkeypatch.setattr(bench.queue, "settle", settle)
    began = asyncio.get_running_loop().time()
    async with bench.running():
        await asyncio.sleep(1)

    took = asyncio.get_running_loop().time() - began
    assert (bench.sink.sent, took) == ([["a"]], 1 + LAST_WORDS_SECONDS)
