"""One real sink, one real queue and the loop between them, at one moment in time."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bridge.deliver import RetryPolicy, Sender
from bridge.deliver.settings import BreakerConfig
from bridge.health import SinkStatus
from bridge.metrics import Metrics
from bridge.queue import Dead, Delivered, Entry, Outcome, Released, Retry
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.sinks.http.sink import HttpSink
from tests.unit.faulttable.table import Fate, Row
from tests.unit.queue.samples import SCOPE, FakeClock, QueueFile
from tests.unit.sinks.building import build_sink
from tests.unit.sinks.samples import event

DELAY = 0.5
"""The wait after the first attempt: half of what it may be."""

PAUSE = 60.0

_AGO = 3.0
"""How old a time of day may be that a receiver wrote into its answer."""

BREAKER = BreakerConfig(attempts=1, min="30s")
"""Opens at the first failure that is the sink's fault, to show which are."""


class Watched:
    """A queue that keeps the outcomes which are settled."""

    def __init__(self, queue: SqliteQueue, count: int) -> None:
        """Be done once so many deliveries have an outcome."""
        self._queue = queue
        self._count = count
        self.outcomes: list[Outcome] = []
        self.done = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        """Do everything else as the queue does."""
        return getattr(self._queue, name)

    async def settle(
        self, outcomes: Sequence[Outcome], *, lazily: bool = False
    ) -> None:
        """See `Queue.settle`."""
        await self._queue.settle(outcomes, lazily=lazily)
        self.outcomes.extend(outcomes)
        if len(self.outcomes) >= self._count:
            self.done.set()


@dataclass
class Told:
    """What became of an attempt.

    Attributes:
        deliveries: For each event: ``delivered``, ``dead``, ``kept``, or in how many
            seconds it is due.
        gate: Its kind and for how many seconds, None: for ever; None: open.
        counted: How many attempts of each class were counted.
        waiting: How many deliveries are in the queue.
        dead: How many are dead letters.
        said: The last error, as the log and the API show it.
    """

    deliveries: list[Any]
    gate: tuple[str, Any] | None
    counted: dict[str, float]
    waiting: int
    dead: int
    said: str = field(default="", compare=False)


def expected(row: Row, events: int) -> Told:
    """Return what has to become of a row, for one event or for a batch of two."""
    kept = row.fate not in ("delivered", "dies")
    halves = 2 if row.fate == "dies" and events > 1 else 0
    return Told(
        deliveries=[_delivery(row)] * events,
        gate=_gate(row),
        counted={row.counted: 1 + halves},
        waiting=events if kept else 0,
        dead=events if row.fate == "dies" else 0,
    )


def _delivery(row: Row) -> Any:
    fates: dict[Fate, Any] = {
        "delivered": "delivered",
        "dies": "dead",
        "pauses": "kept",
        "stops": "kept",
        "conflicts": pytest.approx(DELAY),
        "waits": pytest.approx(DELAY),
        "rests": pytest.approx(0.0),  # the gate says when
    }
    return fates[row.fate]


def _gate(row: Row) -> tuple[str, Any] | None:
    gates: dict[Fate, tuple[str, Any]] = {
        "pauses": ("paused", pytest.approx(PAUSE)),
        "stops": ("stopped", None),
        "rests": ("resting", pytest.approx(max(row.rest, DELAY), abs=_AGO)),
        "waits": ("circuit-open", pytest.approx(BREAKER.min)),
    }
    return gates.get(row.fate)


async def tell(row: Row, *, engine: str, mode: str, folder: Path) -> Told:
    """Let one sink meet the row's peer, and return what became of it."""
    clock = FakeClock()
    ids = [1, 2] if mode == "batch" else [1]
    file = QueueFile(path=folder / mode / "queue.db", clock=clock)
    async with file.open(reserve=0) as opened, row.meets() as peer:
        await opened.open_sink("hook")
        entries = [
            Entry(event=None, encoded=event(one, data=row.data), sinks=("hook",))
            for one in ids
        ]
        await opened.put(entries, scope=SCOPE, since=None, to="1")
        queue = Watched(opened, len(ids))
        settings = {"timeout_seconds": row.seconds, **peer.settings}
        sink = build_sink(
            peer.url,
            mode=mode,
            engine=engine,
            concurrency=1,
            batch_size=len(ids),
            batch_bytes=1 << 30,
            **settings,
        )
        try:
            if row.is_known:
                await sink.send([event(0)])
            return await _deliver(sink, queue, clock)
        finally:
            await sink.aclose()


async def _deliver(sink: HttpSink, queue: Watched, clock: FakeClock) -> Told:
    metrics, status = Metrics(version="0"), SinkStatus(name="hook")
    delivery = Sender(
        sink=sink,
        queue=queue,  # type: ignore[arg-type]
        concurrency=1,
        policy=RetryPolicy(),
        breaker=BREAKER,
        status=status,
        metrics=metrics,
        now=clock.now,
        steady=clock.monotonic,
        random=lambda: 0.5,
    )
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(delivery.run(stop=stop, grace_seconds=1), name="delivery")
        await queue.done.wait()
        stop.set()
    gate, depth = await queue.gated("hook"), await queue.depth("hook")
    return Told(
        deliveries=[_told(one, clock.now()) for one in queue.outcomes],
        gate=gate and (gate.kind, gate.until and gate.until - clock.now()),
        counted=_counted(metrics),
        waiting=depth.waiting,
        dead=depth.dead,
        said=status.last_error,
    )


def _told(outcome: Outcome, now: float) -> Any:
    match outcome:
        case Delivered():
            return "delivered"
        case Dead():
            return "dead"
        case Released():
            return "kept"
        case Retry(due=due):
            return due - now


def _counted(metrics: Metrics) -> dict[str, float]:
    (attempts,) = metrics.attempts.collect()
    return {
        one.labels["code_class"]: one.value
        for one in attempts.samples
        if one.name.endswith("_total") and one.value
    }
