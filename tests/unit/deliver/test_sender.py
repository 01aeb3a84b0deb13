"""One sink's deliveries, on a virtual clock."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from bridge.errors import TemporarySinkError
from tests.unit.deliver.scripted import Bench, ScriptedSink, failing_first, refusing

pytestmark = pytest.mark.looptime


async def test_waiting_events_are_delivered() -> None:
    """Everything that waits is sent once and leaves the queue."""
    bench = Bench(ScriptedSink())
    bench.put("a", "b", "c")

    async with bench.running():
        await asyncio.sleep(1)

    assert sorted(bench.queue.delivered) == ["a", "b", "c"]
    assert bench.status.last_success_at is not None


async def test_no_more_attempts_at_once_than_the_concurrency() -> None:
    """Two in flight, the others wait."""
    bench = Bench(ScriptedSink(seconds=1.0))
    bench.put(*"abcde")

    async with bench.running():
        await asyncio.sleep(0.5)
        in_flight = bench.status.in_flight
        await asyncio.sleep(1)

    assert in_flight == 2
    assert len(bench.sink.sent) >= 4


async def test_failed_attempt_is_tried_again_after_its_delay() -> None:
    """A 503, then success."""
    bench = Bench(ScriptedSink(answer=failing_first(TemporarySinkError, "503")))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(0.4)
        before = list(bench.queue.delivered)
        await asyncio.sleep(0.4)

    assert before == []
    assert bench.queue.delivered == ["a"]
    assert bench.status.last_error == "503"


async def test_refused_event_becomes_a_dead_letter() -> None:
    """A 400 is the end of one event and no other."""
    bench = Bench(ScriptedSink(answer=refusing("bad")))
    bench.put("bad", "good")

    async with bench.running():
        await asyncio.sleep(1)

    assert [dead.lease.event.id for dead in bench.queue.dead_letters] == ["bad"]
    assert bench.queue.delivered == ["good"]


async def test_refused_batch_is_halved_until_the_fault_stands_alone() -> None:
    """Nobody else in the batch suffers."""
    bench = Bench(ScriptedSink(answer=refusing("d"), max_batch=8))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(1)

    assert sorted(bench.queue.delivered) == list("abcefgh")
    assert [dead.lease.event.id for dead in bench.queue.dead_letters] == ["d"]


async def test_bug_in_a_sink_delays_one_event() -> None:
    """What a sink may not raise is logged, counted and tried again."""
    bench = Bench(ScriptedSink(answer=failing_first(ZeroDivisionError("oops"))))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(2)

    assert bench.queue.delivered == ["a"]
    assert "unexpected ZeroDivisionError in" in bench.status.last_error


async def test_full_volume_keeps_outcomes_and_loses_none() -> None:
    """An outcome that cannot be recorded is tried again."""
    bench = Bench(ScriptedSink())
    bench.queue.stuck = True
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(3)
        assert bench.queue.delivered == []
        bench.queue.stuck = False
        await asyncio.sleep(2)

    assert bench.sink.sent == [["a"]]
    assert bench.queue.delivered == ["a"]


async def test_too_many_unrecorded_outcomes_stop_the_leasing(monkeypatch) -> None:
    """What a crash could repeat is bounded."""
    monkeypatch.setattr("bridge.deliver.outcomes.MOST_UNSETTLED", 2)
    monkeypatch.setattr("bridge.deliver.sender.MOST_LEASED", 2)
    bench = Bench(ScriptedSink())
    bench.queue.stuck = True
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(3)
        assert len(bench.sink.sent) == 6  # 2 unsettled, 2 jobs, 2 leased
        bench.queue.stuck = False
        await asyncio.sleep(3)

    assert sorted(bench.queue.delivered) == list("abcdefgh")


async def test_stop_waits_for_attempts_under_way() -> None:
    """The grace time lets them end; their outcome is recorded."""
    bench = Bench(ScriptedSink(seconds=2.0))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)

    assert bench.queue.delivered == ["a"]


async def test_stop_cuts_attempts_after_the_grace_time() -> None:
    """They stay in the queue for the next start."""
    bench = Bench(ScriptedSink(seconds=60.0), grace_seconds=1.0)
    bench.put(*"abcdef")

    async with bench.running():
        await asyncio.sleep(1)

    assert bench.queue.delivered == []
    assert len(bench.queue.rows) == 6


async def test_cancelled_delivery_still_records_what_was_answered() -> None:
    """Another part failed: outcomes given by the sink are not thrown away."""
    bench = Bench(ScriptedSink())
    bench.queue.stuck = True
    bench.put("a")

    with suppress(ExceptionGroup):
        async with bench.running():
            await asyncio.sleep(0.5)
            bench.queue.stuck = False
            raise RuntimeError

    assert bench.queue.delivered == ["a"]


async def test_cancelled_delivery_on_a_full_volume_ends() -> None:
    """What cannot be recorded then means a repeat, not a hang."""
    bench = Bench(ScriptedSink())
    bench.queue.stuck = True
    bench.put("a")

    with suppress(ExceptionGroup):
        async with bench.running():
            await asyncio.sleep(0.5)
            raise RuntimeError

    assert len(bench.queue.rows) == 1


async def test_a_sink_for_which_nothing_waits_has_no_timer() -> None:
    """It costs nothing, however long that lasts (issue 11, section 3)."""
    bench = Bench(ScriptedSink())
    bench.put("a")
    async with bench.running():
        await asyncio.sleep(5)
        loop: Any = asyncio.get_running_loop()
        timers = [one for one in loop._scheduled if not one.cancelled()]

    assert (bench.sink.sent, timers) == ([["a"]], [])
