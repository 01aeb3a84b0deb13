"""A sink that rests or is paused, on a virtual clock."""

import asyncio

import pytest

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.queue import Gate
from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    always,
    error,
    failing_first,
    paused,
    raising,
    refusing,
)

pytestmark = pytest.mark.looptime


async def test_asked_for_rest_holds_the_whole_sink() -> None:
    """429 with Retry-After: nothing is sent to that sink until then."""
    error = TemporarySinkError(
        "429", reason="status", retry_after_seconds=30.0, scope="sink"
    )
    bench = Bench(ScriptedSink(answer=failing_first(error)), concurrency=1)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)
        bench.put("b")
        await asyncio.sleep(20)
        assert (bench.status.state, len(bench.sink.sent)) == ("resting", 1)
        await asyncio.sleep(12)

    assert sorted(bench.queue.delivered) == ["a", "b"]
    assert bench.status.state == "active"


async def test_paused_sink_keeps_everything_and_tries_the_oldest_each_minute() -> None:
    """401: no attempt is burnt, one event an attempt, 2xx resumes."""
    answers = iter([paused()] * 2)
    bench = Bench(ScriptedSink(answer=raising(answers)), concurrency=1)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)
        bench.put("b", "c")
        await asyncio.sleep(50)
        assert bench.sink.sent == [["a"]]
        assert bench.status.state == "paused"
        await asyncio.sleep(75)

    assert bench.sink.sent[:3] == [["a"], ["a"], ["a"]]
    assert sorted(bench.queue.delivered) == ["a", "b", "c"]
    assert bench.status.state == "active"
    assert bench.queue.gates == {}


async def test_jobs_under_way_go_back_when_the_sink_is_paused() -> None:
    """What was leased already is released, not sent."""
    answers = iter([paused()])
    bench = Bench(ScriptedSink(answer=raising(answers), seconds=0.1), concurrency=1)
    bench.put("a", "b", "c")

    async with bench.running():
        await asyncio.sleep(10)

    assert bench.sink.sent == [["a"]]
    assert len(bench.queue.rows) == 3


async def test_temporary_failure_of_a_probe_keeps_the_pause() -> None:
    """Only a 2xx resumes; a 503 in between burns nothing."""
    script = [
        paused(),
        TemporarySinkError("503", reason="status", status=503),
    ]
    bench = Bench(ScriptedSink(answer=raising(iter(script))))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(61)
        assert bench.status.state == "paused"
        attempt = next(iter(bench.queue.rows.values())).lease.attempt
        await asyncio.sleep(61)

    assert attempt == 1
    assert bench.queue.delivered == ["a"]


async def test_new_secret_is_tried_at_once() -> None:
    """A paused sink does not wait for its minute when its secret changed."""
    bench = Bench(
        ScriptedSink(answer=failing_first(SinkPausedError("401", reason="status")))
    )
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(5)
        assert bench.queue.delivered == []
        bench.sink.secret = "new"
        await asyncio.sleep(2)

    assert bench.queue.delivered == ["a"]


async def test_pause_survives_a_restart_and_is_probed_at_once() -> None:
    """The next process goes on with one event at a time."""
    bench = Bench(ScriptedSink(answer=refusing("a")))
    bench.queue.gates["hook"] = Gate(until=9e9, kind="paused", reason="401")
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1)
        assert bench.status.state == "paused"

    assert bench.sink.sent == [["a"]]


async def test_time_to_wait_of_an_earlier_process_is_respected() -> None:
    """A rest that the sink asked for is no pause."""
    bench = Bench(ScriptedSink())
    bench.queue.gates["hook"] = Gate(until=100.0, kind="resting", reason="429")
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(90)
        assert bench.sink.sent == []
        await asyncio.sleep(20)

    assert bench.queue.delivered == ["a"]


async def test_503_without_retry_after_rests_the_whole_sink() -> None:
    """As long as the schedule says: 0.5 s here, then 1 s, 2 s, one trial each."""
    script = [error(503), error(503), error(503)]
    bench = Bench(ScriptedSink(answer=raising(iter(script))), concurrency=1)
    bench.put(*"abcd")

    async with bench.running():
        await asyncio.sleep(0.2)
        assert (bench.status.state, len(bench.sink.sent)) == ("resting", 1)
        assert bench.queue.gates["hook"].count == 1
        await asyncio.sleep(5)

    assert bench.sink.times[:4] == pytest.approx([0, 0.5, 1.5, 3.5], abs=0.2)
    assert sorted(bench.queue.delivered) == list("abcd")
    assert (bench.status.state, bench.queue.gates) == ("active", {})


async def test_many_429_at_once_are_one_rest() -> None:
    """Attempts that began before the gate was closed do not make it grow."""
    bench = Bench(ScriptedSink(seconds=0.1), concurrency=8)
    bench.sink.answer = always(error(429))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(0.15)
        assert len(bench.sink.sent) == 8
        assert bench.queue.gates["hook"].count == 1


async def test_longer_retry_after_of_another_attempt_prolongs_the_rest() -> None:
    """The sink's last word holds; a shorter one does not cut it."""
    script = [error(429, retry_after_seconds=asked) for asked in (10, 60, 5)]
    sink = ScriptedSink(seconds=0.1, answer=raising(iter(script)))
    bench = Bench(sink, concurrency=3)
    bench.put(*"abc")

    async with bench.running():
        await asyncio.sleep(0.5)
        until = bench.queue.gates["hook"].until

    assert until == pytest.approx(60.1, abs=0.1)


async def test_any_failure_of_a_trial_after_a_rest_is_a_longer_rest() -> None:
    """A sink that asked for a rest and then is silent is not well yet."""
    bench = Bench(ScriptedSink(answer=raising(iter([error(503), error(500)]))))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(0.9)
        assert (bench.status.state, bench.status.reason) == ("resting", "500")
        assert bench.queue.gates["hook"].count == 2


async def test_event_refused_in_a_trial_is_no_verdict_on_the_sink() -> None:
    """It is a dead letter, and the next event is tried at once."""
    fault = PermanentSinkError("400", reason="status", status=400)
    script = [error(429, retry_after_seconds=20.0), fault]
    bench = Bench(ScriptedSink(answer=raising(iter(script))), concurrency=1)
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(21)

    assert bench.sink.times[1:] == pytest.approx([20, 20], abs=0.5)
    assert (bench.dead, bench.status.state) == (["a"], "active")


async def test_pause_of_an_attempt_under_way_is_heard_while_it_rests() -> None:
    """It is about the configuration, not about the moment; twice is once."""
    answers = iter([error(429, retry_after_seconds=30.0), paused(), paused()])
    bench = Bench(ScriptedSink(seconds=0.1), concurrency=3)
    bench.sink.answer = raising(answers)
    bench.put(*"abc")

    async with bench.running():
        await asyncio.sleep(1)

    assert bench.queue.gates["hook"].kind == "paused"
    assert len(bench.queue.rows) == 3


async def test_count_of_rests_survives_a_restart() -> None:
    """The next is longer than the last of the earlier process."""
    bench = Bench(ScriptedSink(answer=always(error(503))))
    bench.queue.gates["hook"] = Gate(until=5, kind="resting", reason="503", count=3)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(6)

    gate = bench.queue.gates["hook"]
    assert (gate.count, gate.until) == (4, pytest.approx(5 + 4, abs=0.2))


async def test_a_sink_that_is_held_back_is_tried_at_once_when_asked_to() -> None:
    """With one delivery; an open one and a stopped one are not (issue 10, item 18)."""
    answers = iter([paused()])
    bench = Bench(ScriptedSink(answer=raising(answers)), concurrency=1)
    bench.put("a")

    async with bench.running():
        delivery = bench.delivery
        asked = [await delivery.try_now()]
        await asyncio.sleep(1)
        asked.append(await delivery.try_now())
        await asyncio.sleep(1)
        await delivery.stop("by hand")
        asked.append(await delivery.try_now())

    assert asked == [False, True, False]
    assert bench.queue.delivered == ["a"]
