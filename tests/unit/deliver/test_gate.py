"""A sink that rests, is paused, trips or is stopped, on a virtual clock."""

import asyncio

import pytest

from bridge.deliver import BreakerLimits
from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.queue import Gate
from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    error,
    failing_first,
    paused,
    raising,
    refusing,
)

pytestmark = pytest.mark.looptime

BREAKER = {"breaker": BreakerLimits(attempts=4)}


def always(fault):
    """Return an answer that is always the same failure."""

    def answer(_ids):
        raise fault

    return answer


def tripping(**more):
    """Return deliveries with a breaker that opens after four failures."""
    return Bench(ScriptedSink(**more), concurrency=1, more=dict(BREAKER))


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
        assert (bench.status.state, len(bench.sink.sent)) == ("waiting", 1)
        await asyncio.sleep(12)

    assert sorted(bench.queue.delivered) == ["a", "b"]
    assert bench.status.state == "open"


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
    assert bench.status.state == "open"
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
    bench.queue.gates["hook"] = Gate(until=100.0, kind="waiting", reason="429")
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
        assert (bench.status.state, len(bench.sink.sent)) == ("waiting", 1)
        assert bench.queue.gates["hook"].count == 1
        await asyncio.sleep(5)

    assert bench.sink.times[:4] == pytest.approx([0, 0.5, 1.5, 3.5], abs=0.2)
    assert sorted(bench.queue.delivered) == list("abcd")
    assert (bench.status.state, bench.queue.gates) == ("open", {})


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
        assert (bench.status.state, bench.status.reason) == ("waiting", "500")
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
    assert (bench.dead, bench.status.state) == (["a"], "open")


async def test_breaker_leaves_a_failing_sink_alone() -> None:
    """Four failures of four trip it: 30 s, then one delivery, then twice as long."""
    bench = tripping(answer=always(error(500)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(29)
        assert (bench.status.state, len(bench.sink.sent)) == ("tripped", 4)
        await asyncio.sleep(60)
        assert len(bench.sink.sent) == 5
        await asyncio.sleep(5)

    assert bench.sink.times[4:] == pytest.approx([30, 90], abs=0.5)
    assert bench.queue.gates["hook"].count == 3
    assert bench.metric("breaker_openings_total") == 3
    assert bench.metric("sink_state", state="tripped") == 1


async def test_success_of_the_trial_closes_the_breaker() -> None:
    """All that waited flows again."""
    bench = tripping(answer=raising(iter([error(500)] * 4)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(31)

    assert sorted(bench.queue.delivered) == list("abcdefgh")
    assert (bench.status.state, bench.queue.gates) == ("open", {})
    assert bench.metric("sink_state", state="open") == 1


async def test_only_the_sinks_failures_trip_the_breaker() -> None:
    """Not events that are refused, nor conflicts about them."""
    refused = PermanentSinkError("400", reason="status", status=400)
    conflict = error(409, max_attempts=5)
    bench = tripping(answer=raising(iter([refused, conflict] * 10)))
    bench.put(*"abcdefghijklmnopqrst")

    async with bench.running():
        await asyncio.sleep(60)

    assert bench.status.state == "open"
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
    bench = Bench(ScriptedSink(), concurrency=2, more=dict(BREAKER))
    bench.sink.answer = lambda ids: ids == ["z"] or always(error(500))(ids)
    bench.sink.slow = {"z": 5.0}
    bench.put("z", *"abcdef")

    async with bench.running():
        await asyncio.sleep(10)

    assert bench.queue.delivered == ["z"]
    assert bench.status.state == "tripped"


async def test_breaker_survives_a_restart() -> None:
    """Time and count go on where they were."""
    bench = tripping(answer=always(error(500)))
    bench.queue.gates["hook"] = Gate(until=40, kind="tripped", reason="500", count=3)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(39)
        assert (bench.status.state, bench.sink.sent) == ("tripped", [])
        await asyncio.sleep(2)

    gate = bench.queue.gates["hook"]
    assert (gate.count, gate.until) == (4, pytest.approx(40 + 240, abs=0.5))


async def test_breaker_that_was_switched_off_leaves_its_last_gate() -> None:
    """A trial ends it; a failure then is a rest."""
    bench = Bench(ScriptedSink(answer=raising(iter([error(500)]))))
    bench.queue.gates["hook"] = Gate(until=5, kind="tripped", reason="500", count=1)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(6)
        assert bench.status.state == "waiting"
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


async def test_resume_forgets_what_the_breaker_counted() -> None:
    """It needs four failures again."""
    bench = tripping(answer=raising(iter([error(500)] * 6)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(0.3)
        assert bench.status.state == "tripped"
        await bench.delivery.resume()
        await asyncio.sleep(20)

    assert len(bench.queue.delivered) == 8
    assert bench.metric("breaker_openings_total") == 1
