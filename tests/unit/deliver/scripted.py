"""A sink that answers as a test says, and the deliveries to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bridge.deliver import RetryPolicy, Sender
from bridge.deliver.settings import BreakerConfig
from bridge.errors import (
    PermanentSinkError,
    SinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.events import EncodedEvent
from bridge.health import SinkStatus
from bridge.metrics import Metrics
from bridge.queue import Entry
from bridge.sinks import Accepted
from tests.unit.memory_queue import MemoryQueue

OK = Accepted(status=204, duration_seconds=0.0)


def error(status: int, **more: Any) -> TemporarySinkError:
    """Return a failure of the sink with a status; 429 and 503 are about all of it."""
    scope = "sink" if status in {429, 503} else "event"
    return TemporarySinkError(
        str(status), reason="status", status=status, **{"scope": scope} | more
    )


def paused(status: int = 401) -> SinkPausedError:
    """Return what an operator has to mend."""
    return SinkPausedError(str(status), reason="status", status=status)


@dataclass
class ScriptedSink:
    """Answers as a test says.

    Attributes:
        answer: Gets the ids of an attempt; raises, or returns a list of each event's
            result (anything else: all were taken).
        sent: The ids of each attempt.
        times: When each began.
        seconds: How long an attempt takes.
        slow: How long it takes that begins with a certain id.
    """

    answer: Callable[[list[str]], object] = lambda ids: None
    name: str = "hook"
    requests_per_minute: float | None = None
    max_batch: int = 1
    seconds: float = 0.0
    sent: list[list[str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)
    secret: str = "old"

    async def send(
        self, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Sink.send`."""
        ids = [event.id for event in events]
        self.sent.append(ids)
        self.times.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.slow.get(ids[0], self.seconds))
        results = self.answer(ids)
        return results if isinstance(results, list) else [OK] * len(events)

    async def refresh(self) -> None:
        """See `Sink.refresh`."""

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
    policy: RetryPolicy = field(default_factory=RetryPolicy)
    more: dict[str, Any] = field(default_factory=dict)
    delivery: Sender | None = None

    def __post_init__(self) -> None:
        """Let the queue live in the test's own time."""
        self.queue.now = asyncio.get_running_loop().time

    def put(self, *ids: str, body: bytes = b"{}") -> None:
        """Make events wait for the sink."""
        for id_ in ids:
            event = EncodedEvent(id=id_, body=body, data_offset=0)
            self.queue.add(Entry(event=None, encoded=event), self.sink.name)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver while the block runs, then stop."""
        self.delivery = delivery = Sender(
            sink=self.sink,
            queue=self.queue,  # type: ignore[arg-type]
            concurrency=self.concurrency,
            policy=self.policy,
            status=self.status,
            metrics=self.metrics,
            now=self.queue.now,
            steady=self.queue.now,
            random=lambda: 0.5,
            **self.more,
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            run = delivery.run(stop=stop, grace_seconds=self.grace_seconds)
            tasks.create_task(run, name="delivery")
            yield
            stop.set()

    def metric(self, name: str, **labels: str) -> float:
        """Return a metric of the sink."""
        given = {"sink": "hook"} | labels
        name = f"kubebridge_{name}"
        return self.metrics.registry.get_sample_value(name, given) or 0.0

    @property
    def dead(self) -> list[str]:
        """The ids of dead letters."""
        return [one.lease.event.id for one in self.queue.dead_letters]


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


def always(fault: Exception) -> Callable[[list[str]], None]:
    """Fail each attempt in the same way."""

    def answer(_ids: list[str]) -> None:
        raise fault

    return answer


def tripping(**sink: Any) -> Bench:
    """Return deliveries, one at a time, with a breaker that opens after four."""
    limits = BreakerConfig(attempts=4, min="30s", max="10m")
    more = {"breaker": limits}
    return Bench(ScriptedSink(**sink), concurrency=1, more=more)
