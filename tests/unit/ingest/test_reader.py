"""One reader: watch, buffer, plan, put."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

import bridge.ingest.buffer
from bridge.cluster import CORE_EVENTS, Gap, Item, ProgressMark, Synced
from bridge.errors import EntryTooLargeError, ForbiddenError, UnreachableError
from bridge.health import Health, ReaderStatus
from bridge.ingest import ScopeReader
from bridge.ingest.buffer import Buffer
from bridge.metrics import Metrics
from bridge.queue import Scope
from tests.unit.ingest.objects import change, conversion, source_of
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

SCOPE = Scope(cluster="uid", resource="events")
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


@dataclass
class ScriptedWatch:
    """Puts batches as a test says; keeps how it was built."""

    batches: list[list[Item]]
    calls: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, **arguments: Any) -> Any:
        """See `bridge.cluster.reflector.reflector.Reflector`."""
        self.calls.append(arguments)
        return self

    async def run(self) -> None:
        """Put one batch after the other, then nothing."""
        while self.batches:
            await asyncio.sleep(0.1)
            await self.calls[-1]["into"].put(self.batches.pop(0))
        await asyncio.sleep(3600)


@dataclass
class Bench:
    """A reader and what is around it."""

    batches: list[list[Item]]
    queue: MemoryQueue = field(default_factory=MemoryQueue)
    health: Health = field(default_factory=Health)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="0"))
    status: ReaderStatus = field(
        default_factory=lambda: ReaderStatus(
            sources=("events",), resource="events", namespace="*"
        )
    )

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ScriptedWatch]:
        """Read while the block runs."""
        watch = ScriptedWatch(self.batches)
        self.health.readers = [self.status]
        reader = ScopeReader(
            reflector=watch,
            resource=CORE_EVENTS,
            scope=SCOPE,
            sources=[source_of("events")],
            convert=lambda object_cache, _: conversion(object_cache=object_cache),
            keeps_objects=False,
            keeps_labels=False,
            queue=self.queue,  # type: ignore[arg-type]
            status=self.status,
            metrics=self.metrics,
        )
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(reader.run(), name="reader")
            yield watch
            task.cancel()

    def counted(self, name: str, **labels: str) -> float:
        """Return a counter."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def ids(queue: MemoryQueue) -> list[str]:
    """Return the id of each event put."""
    return [entry.event.id for entry in queue.entries if entry.event is not None]


async def test_changes_are_put_and_the_reader_says_where_it_stands() -> None:
    """From the first cursor to the last change."""
    bench = Bench([[Synced(resource_version="100")], [change(101), change(102)]])

    async with bench.reading():
        await asyncio.sleep(1)

    assert ids(bench.queue) == ["uid-101", "uid-102"]
    assert bench.queue.positions[SCOPE] == "102"
    assert (bench.status.state, bench.status.started) == ("watching", True)
    assert bench.counted("kubebridge_events_routed_total", route="all") == 2


async def test_reader_is_not_started_before_its_cursor_is_stored() -> None:
    """A full queue: no cursor, so no start is reported."""
    bench = Bench([[Synced(resource_version="100")]], queue=MemoryQueue(full="no room"))

    async with bench.reading():
        await asyncio.sleep(5)
        assert (bench.status.started, bench.status.state) == (False, "blocked")
        assert bench.health.full == "no room"
        bench.queue.full = None
        await asyncio.sleep(1)

    assert (bench.status.started, bench.status.state) == (True, "watching")
    assert bench.health.full == ""


async def test_full_queue_stops_the_reading_and_loses_nothing() -> None:
    """The same put is tried until there is room."""
    bench = Bench([[Synced(resource_version="100")], [change(101)]])

    async with bench.reading():
        await asyncio.sleep(0.15)
        bench.queue.full = "no room"
        await asyncio.sleep(5)
        assert bench.status.state == "blocked"
        bench.queue.full = None
        await asyncio.sleep(1)

    assert ids(bench.queue) == ["uid-101"]
    assert bench.status.state == "watching"


async def test_reader_resumes_from_its_cursor_and_memory() -> None:
    """Epoch and note are read back with the cursor."""
    queue = MemoryQueue(positions={SCOPE: "100"})
    queue.memory[SCOPE] = {"@epoch": b"3", "@note": b'["90","2026-11-20T10:00:00Z"]'}
    bench = Bench([[change(101)]], queue=queue)

    async with bench.reading() as watch:
        await asyncio.sleep(1)

    assert watch.calls[0]["cursor"] == "100"
    assert watch.calls[0]["mark"] == ProgressMark(resource_version="90", time=NOW)
    assert ids(queue) == ["uid-101-e3"]


async def test_cursor_set_by_an_operator_restarts_the_reading() -> None:
    """The reader goes on from there, nothing is put beside it."""
    batches: list[list[Item]] = [[Synced(resource_version="100")], [change(101)]]
    bench = Bench(batches)

    async with bench.reading() as watch:
        await asyncio.sleep(0.15)
        bench.queue.positions[SCOPE] = "50"
        await asyncio.sleep(1)

    assert [call["cursor"] for call in watch.calls] == [None, "50"]
    assert ids(bench.queue) == []


async def test_gap_is_counted_and_shown() -> None:
    """Operators see it."""
    gap = Gap(cause="expired", cursor="1", snapshot="9", since=None, until=NOW)
    bench = Bench([[gap, Synced(resource_version="9")]])

    async with bench.reading():
        await asyncio.sleep(1)

    assert bench.status.gaps == 1
    name = "kubebridge_gaps_total"
    assert bench.counted(name, resource="events", cause="expired") == 1


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (UnreachableError("refused", phase="connect"), "waiting"),
        (ForbiddenError("events is forbidden", status=403), "failed"),
    ],
)
async def test_trouble_of_the_watch_is_shown_until_it_is_over(
    error: Exception, state: str
) -> None:
    """Not ready, with the reason; then ready again."""
    bench = Bench([[Synced(resource_version="100")]])

    async with bench.reading() as watch:
        await asyncio.sleep(1)
        report: Callable[[Any], None] = watch.calls[0]["observer"].report
        report(error)
        shown = (bench.status.state, bench.status.error)
        report(None)

    assert shown == (state, str(error))
    assert (bench.status.state, bench.status.error) == ("watching", "")


async def test_page_that_nobody_wants_is_no_put() -> None:
    """Nothing to store, no cursor to move: no transaction."""
    page = [change(90, listed=True, reason="Killing")]
    bench = Bench([page], queue=MemoryQueue(positions={SCOPE: "80"}, full="no room"))

    async with bench.reading():
        await asyncio.sleep(1)

    assert bench.health.full == ""
    assert bench.queue.positions[SCOPE] == "80"


async def test_what_happens_to_the_watch_is_counted() -> None:
    """By reason, a closed set."""
    bench = Bench([])

    async with bench.reading() as watch:
        await asyncio.sleep(0.1)
        watch.calls[0]["observer"].count("expired")

    name = "kubebridge_watch_restarts_total"
    assert bench.counted(name, resource="events", reason="expired") == 1


class SmallQueue(MemoryQueue):
    """Refuses entries with large bodies."""

    async def put(self, entries: Any, **arguments: Any) -> None:
        """See `Queue.put`."""
        for index, entry in enumerate(entries):
            if entry.encoded is not None and len(entry.encoded.body) > 5_000:
                raise EntryTooLargeError("too large", index=index)
        await super().put(entries, **arguments)


async def test_entry_that_can_never_be_stored_is_kept_as_its_beginning() -> None:
    """A dead letter with the first 4 kB; the stream goes on."""
    large = change(101, reason="x" * 9_000)
    bench = Bench([[large, change(102)]], queue=SmallQueue(positions={SCOPE: "100"}))

    async with bench.reading():
        await asyncio.sleep(1)

    stub = bench.queue.entries[0]
    assert stub.error == "too large"
    assert stub.encoded is not None
    assert len(stub.encoded.body) == 4_096
    assert bench.queue.positions[SCOPE] == "102"


async def test_buffer_holds_back_the_reading_when_it_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By number; what was put is there, and taking makes room."""
    monkeypatch.setattr(bridge.ingest.buffer, "MOST_ITEMS", 3)
    buffer = Buffer()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await buffer.put([change(1), change(2), change(3)])
    taken = await buffer.take(2)
    await buffer.put([])

    assert [one.resource_version for one in taken] == ["1", "2"]  # type: ignore[union-attr]


async def test_buffer_counts_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few large objects fill it too."""
    monkeypatch.setattr(bridge.ingest.buffer, "MOST_BYTES", 10)
    buffer = Buffer()

    for batch in ([change(1), Synced(resource_version="1"), change(2)], []):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await buffer.put(batch)
        await buffer.take(2)

    await buffer.put([])


async def test_empty_batch_wakes_nobody() -> None:
    """There is nothing to take."""
    buffer = Buffer()
    await buffer.put([])

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await buffer.take(1)
