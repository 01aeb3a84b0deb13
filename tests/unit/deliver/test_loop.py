"""One sink's deliveries, on a virtual clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from bridge.deliver import RetryPolicy, SinkDelivery
from bridge.errors import (
    PermanentSinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.events import EncodedEvent
from bridge.health import SinkStatus
from bridge.metrics import Metrics
from bridge.queue import Entry, Gate
from bridge.sinks import Answer
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

OK = Answer(status=204, duration_seconds=0.0)


@dataclass
class ScriptedSink:
    """Answers as a test says.

    Attributes:
        answer: Gets the ids of an attempt; raises or returns.
        sent: The ids of each attempt.
        seconds: How long an attempt takes.
    """

    answer: Callable[[list[str]], None] = lambda ids: None
    name: str = "hook"
    requests_per_minute: float | None = None
    max_batch: int = 1
    seconds: float = 0.0
    sent: list[list[str]] = field(default_factory=list)
    secret: str = "old"

    async def send(self, events: Sequence[EncodedEvent]) -> Sequence[Answer]:
        """See `Sink.send`."""
        ids = [event.id for event in events]
        self.sent.append(ids)
        await asyncio.sleep(self.seconds)
        self.answer(ids)
        return [OK] * len(events)

    def fingerprint(self) -> str:
        """See `Sink.fingerprint`."""
        return self.secret

    async def aclose(self) -> None:
        """See `Sink.aclose`."""


@dataclass
class Bench:
    """A delivery and what is around it."""

    sink: ScriptedSink
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    status: SinkStatus = field(default_factory=lambda: SinkStatus(name="hook"))
    metrics: Metrics = field(default_factory=lambda: Metrics(version="0"))
    concurrency: int = 2
    grace_seconds: float = 5.0

    def __post_init__(self) -> None:
        """Let the queue live in the test's own time."""
        self.queue.now = asyncio.get_running_loop().time

    def put(self, *ids: str) -> None:
        """Make events wait for the sink."""
        for id_ in ids:
            event = EncodedEvent(id=id_, body=b"{}", data_offset=0)
            self.queue.add(Entry(event=None, encoded=event), "hook")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver while the block runs, then stop."""
        delivery = SinkDelivery(
            sink=self.sink,
            queue=self.queue,  # type: ignore[arg-type]
            concurrency=self.concurrency,
            policy=RetryPolicy(),
            status=self.status,
            metrics=self.metrics,
            now=self.queue.now,
            random=lambda: 0.5,
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            run = delivery.run(stop=stop, grace_seconds=self.grace_seconds)
            tasks.create_task(run, name="delivery")
            yield
            stop.set()

    def counted(self, outcome: str) -> float:
        """Return the counter of an outcome."""
        name = "kubebridge_deliveries_total"
        labels = {"sink": "hook", "outcome": outcome}
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_waiting_events_are_delivered_and_counted() -> None:
    """Everything that waits is sent once and leaves the queue."""
    bench = Bench(ScriptedSink())
    bench.put("a", "b", "c")

    async with bench.running():
        await asyncio.sleep(1)

    assert sorted(bench.queue.delivered) == ["a", "b", "c"]
    assert bench.counted("delivered") == 3
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
    assert bench.counted("dead") == 1


async def test_refused_batch_is_halved_until_the_fault_stands_alone() -> None:
    """Nobody else in the batch suffers."""
    bench = Bench(ScriptedSink(answer=refusing("d"), max_batch=8))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(1)

    assert sorted(bench.queue.delivered) == list("abcefgh")
    assert [dead.lease.event.id for dead in bench.queue.dead_letters] == ["d"]


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


async def test_rest_of_no_length_holds_nothing() -> None:
    """503 for the sink without Retry-After: only the event waits."""
    error = TemporarySinkError("503", reason="status", scope="sink")
    bench = Bench(ScriptedSink(answer=failing_first(error)))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)

    assert bench.queue.gates == {}
    assert bench.queue.delivered == ["a"]


async def test_paused_sink_keeps_everything_and_tries_the_oldest_each_minute() -> None:
    """401: no attempt is burnt, one event an attempt, 2xx resumes."""
    answers = iter([SinkPausedError("401", reason="status", status=401)] * 2)
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
    answers = iter([SinkPausedError("401", reason="status", status=401)])
    bench = Bench(ScriptedSink(answer=raising(answers), seconds=0.1), concurrency=1)
    bench.put("a", "b", "c")

    async with bench.running():
        await asyncio.sleep(10)

    assert bench.sink.sent == [["a"]]
    assert len(bench.queue.rows) == 3


async def test_temporary_failure_of_a_probe_keeps_the_pause() -> None:
    """Only a 2xx resumes; a 503 in between burns nothing."""
    script = [
        SinkPausedError("401", reason="status", status=401),
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


async def test_bug_in_a_sink_delays_one_event() -> None:
    """What a sink may not raise is logged, counted and tried again."""
    bench = Bench(ScriptedSink(answer=failing_first(ZeroDivisionError("oops"))))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(2)

    assert bench.queue.delivered == ["a"]
    assert "oops" in bench.status.last_error


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
    monkeypatch.setattr("bridge.deliver.recorder.MOST_UNSETTLED", 2)
    monkeypatch.setattr("bridge.deliver.loop.MOST_LEASED", 2)
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


def failing_first(error: object, text: str = "") -> Callable[[list[str]], None]:
    """Fail the first attempt only."""
    if isinstance(error, type):
        error = error(text, reason="status")
    return raising(iter([error]))


def raising(errors: object) -> Callable[[list[str]], None]:
    """Raise one after the other, then succeed."""

    def answer(_ids: list[str]) -> None:
        error = next(errors, None)  # type: ignore[call-overload]
        if error is not None:
            raise error

    return answer


def refusing(id_: str) -> Callable[[list[str]], None]:
    """Refuse any attempt that carries one event."""

    def answer(ids: list[str]) -> None:
        if id_ in ids:
            raise PermanentSinkError("400", reason="status", status=400)

    return answer
