"""A sink whose breaker opens, on a virtual clock."""

import asyncio

import pytest

from bridge.deliver.settings import BreakerConfig
from bridge.errors import PermanentSinkError
from bridge.queue import Gate
from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    always,
    error,
    paused,
    raising,
    tripping,
)

pytestmark = pytest.mark.looptime


async def test_breaker_leaves_a_failing_sink_alone() -> None:
    """Four failures of four trip it: 30 s, then one delivery, then twice as long."""
    bench = tripping(answer=always(error(500)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(29)
        assert (bench.status.state, len(bench.sink.sent)) == ("circuit-open", 4)
        await asyncio.sleep(60)
        assert len(bench.sink.sent) == 5
        await asyncio.sleep(5)

    assert bench.sink.times[4:] == pytest.approx([30, 90], abs=0.5)
    assert bench.queue.gates["hook"].count == 3
    assert bench.metric("breaker_openings_total") == 3
    assert bench.metric("sink_state", state="circuit-open") == 1


async def test_success_of_the_trial_closes_the_breaker() -> None:
    """All that waited flows again."""
    bench = tripping(answer=raising(iter([error(500)] * 4)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(31)

    assert sorted(bench.queue.delivered) == list("abcdefgh")
    assert (bench.status.state, bench.queue.gates) == ("active", {})
    assert bench.metric("sink_state", state="active") == 1


async def test_only_the_sinks_failures_trip_the_breaker() -> None:
    """Not events that are refused, nor conflicts about them."""
    refused = PermanentSinkError("400", reason="status", status=400)
    conflict = error(409, max_attempts=5)
    bench = tripping(answer=raising(iter([refused, conflict] * 10)))
    bench.put(*"abcdefghijklmnopqrst")

    async with bench.running():
        await asyncio.sleep(60)

    assert bench.status.state == "active"
    assert bench.metric("breaker_openings_total") == 0


async def test_failed_trial_burns_no_attempt_the_first_time() -> None:
    """The second time running it does, so that another event is tried next."""
    bench = tripping(answer=always(error(500)))
    bench.put(*"abcde")

    async with bench.running():
        await asyncio.sleep(31)
        attempts = [row.lease.attempt for row in bench.queue.rows.values()]
        await asyncio.sleep(60 + 120)

    assert sorted(attempts) == [1, 2, 2, 2, 2]
    tried = [ids[0] for ids in bench.sink.sent[4:]]
    assert tried[0] == tried[1] != tried[2]


async def test_answer_that_was_under_way_does_not_close_the_breaker() -> None:
    """What began before it opened is old news."""
    limits = BreakerConfig(attempts=4, min="30s")
    bench = Bench(ScriptedSink(), concurrency=2, more={"breaker": limits})
    bench.sink.answer = lambda ids: ids == ["z"] or always(error(500))(ids)
    bench.sink.slow = {"z": 5.0}
    bench.put("z", *"abcdef")

    async with bench.running():
        await asyncio.sleep(10)

    assert bench.queue.delivered == ["z"]
    assert bench.status.state == "circuit-open"
    assert bench.metric("breaker_openings_total") == 1


async def test_breaker_survives_a_restart() -> None:
    """Time and count go on where they were."""
    bench = tripping(answer=always(error(500)))
    bench.queue.gates["hook"] = Gate(
        until=40, kind="circuit-open", reason="500", count=3
    )
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(39)
        assert (bench.status.state, bench.sink.sent) == ("circuit-open", [])
        await asyncio.sleep(2)

    gate = bench.queue.gates["hook"]
    assert (gate.count, gate.until) == (4, pytest.approx(40 + 240, abs=0.5))


async def test_breaker_that_was_switched_off_leaves_its_last_gate() -> None:
    """A trial ends it; a failure then is a rest."""
    bench = Bench(ScriptedSink(answer=raising(iter([error(500)]))))
    bench.queue.gates["hook"] = Gate(
        until=5, kind="circuit-open", reason="500", count=1
    )
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(6)
        assert bench.status.state == "resting"
        await asyncio.sleep(3)

    assert bench.queue.delivered == ["a"]


async def test_pause_wins_over_breaker_and_rest() -> None:
    """Somebody has to mend it, whatever else there is."""
    for first in (error(500), error(503)):
        script = [*[first] * 4, paused(), error(500)]
        bench = tripping(answer=raising(iter(script)))
        bench.put(*"abcdef")

        async with bench.running():
            await asyncio.sleep(50)
            assert bench.status.state == "paused"
            await asyncio.sleep(60)
            assert bench.status.state == "paused"


async def test_resume_forgets_what_the_breaker_counted() -> None:
    """It needs four failures again."""
    bench = tripping(answer=raising(iter([error(500)] * 6)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(0.3)
        assert bench.status.state == "circuit-open"
        await bench.delivery.resume()
        await asyncio.sleep(20)

    assert len(bench.queue.delivered) == 8
    assert bench.metric("breaker_openings_total") == 1


async def test_half_open_leases_exactly_one() -> None:
    """From the second trial on; the first lease was asked for while it was closed."""
    bench = tripping(answer=always(error(500)))
    bench.concurrency = 8
    bench.put(*"abcdefgh")
    asked, lease = [], bench.queue.lease

    async def noted(sink, limit):
        asked.append(limit)
        return await lease(sink, limit)

    bench.queue.lease = noted
    async with bench.running():
        await asyncio.sleep(95)

    assert asked == [16, 16, 1, 1]


async def test_a_trial_that_is_asked_for_forgets_no_opening() -> None:
    """The queue knows how often the breaker opened, for the next start."""
    bench = tripping(answer=always(error(500)))
    bench.put(*"abcd")

    async with bench.running():
        await asyncio.sleep(5)
        bench.sink.seconds = 1.0
        await bench.delivery.try_now()
        asked = bench.queue.gates["hook"].count
        await asyncio.sleep(2)

    assert (asked, bench.queue.gates["hook"].count) == (1, 2)
    assert len(bench.sink.sent) == 5
