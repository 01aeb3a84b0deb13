"""One reader of objects that are remembered: store, past, resync, what waits."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from bridge.cluster import Change, Gap, Item, Observed, Synced
from bridge.errors import EntryTooLargeError
from bridge.health import ReaderStatus
from bridge.ingest import ScopeReader, Source
from bridge.ingest.checkpoint import EPOCH, STORE
from bridge.metrics import Metrics
from bridge.queue import Entry, Scope
from tests.unit.ingest.objects import (
    NOW,
    PODS,
    conversion,
    ids,
    pod,
    remembers,
    source_of,
)
from tests.unit.memory_queue import MemoryQueue

pytestmark = pytest.mark.looptime

SCOPE = Scope(cluster="uid", resource="pods")
WHOLE = source_of("events", previous=True)
SYNCED = Synced(resource_version="100")


@dataclass
class Puts(MemoryQueue):
    """A queue that keeps what each put was."""

    puts: list[tuple[int, str | None, str | None]] = field(default_factory=list)
    largest: int = 1_000_000

    async def put(
        self,
        entries: Sequence[Entry],
        *,
        scope: Scope,
        since: str | None,
        to: str | None,
    ) -> None:
        """See `Queue.put`."""
        for index, entry in enumerate(entries):
            if entry.remember and len(entry.remember[1] or b"") > self.largest:
                raise EntryTooLargeError("too large", index=index)
        await super().put(entries, scope=scope, since=since, to=to)
        self.puts.append((len(entries), since, to))


@dataclass
class Bench:
    """A reader of Pods that gets batches as a test sends them."""

    source: Source = WHOLE
    queue: Puts = field(default_factory=Puts)
    metrics: Metrics = field(default_factory=lambda: Metrics(version="0"))
    batches: asyncio.Queue[list[Item]] = field(default_factory=asyncio.Queue)
    status: ReaderStatus = field(
        default_factory=lambda: ReaderStatus(
            sources=("events",), resource="pods", namespace="*"
        )
    )

    def __call__(self, *, into: Any, store: Any, **arguments: Any) -> Any:
        """Be a reflector."""
        self.into, self.store = into, store
        return self

    async def run(self) -> None:
        """Put what is sent."""
        while True:
            batch = await self.batches.get()
            for item in batch:
                if isinstance(item, Change):
                    self.store.follow(item)
            await self.into.put(batch)

    @asynccontextmanager
    async def reading(self, *, keeps_objects: bool = True) -> AsyncIterator[None]:
        """Read while the block runs."""
        reader = ScopeReader(
            reflector=self,
            resource=PODS,
            scope=SCOPE,
            sources=[self.source],
            convert=lambda object_cache, _: conversion(
                resource=PODS, sources=[self.source], object_cache=object_cache
            ),
            keeps_objects=keeps_objects,
            keeps_labels=False,
            queue=self.queue,  # type: ignore[arg-type]
            status=self.status,
            metrics=self.metrics,
        )
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(reader.run(), name="reader")
            yield
            task.cancel()

    async def send(self, *items: Item) -> None:
        """Let a batch be read, and what comes of it be stored."""
        self.batches.put_nowait(list(items))
        await asyncio.sleep(1)

    @property
    def previous(self) -> list[bool]:
        """For each event, whether it knows what the object was before."""
        bodies = [one.event.data or b"" for one in self.queue.entries if one.event]
        return [b'"previous":null' not in body for body in bodies]


async def test_object_is_compared_across_a_restart() -> None:
    """What it was is recalled from the queue."""
    bench = Bench()

    async with bench.reading():
        await bench.send(SYNCED, pod(101))
    async with bench.reading():
        await bench.send(pod(102))

    assert ids(bench.queue.entries) == ["web-101", "web-102"]
    assert bench.previous == [False, True]


async def test_what_is_known_is_shown_beside_the_status() -> None:
    """For the API, which pages through it."""
    bench = Bench()

    async with bench.reading():
        await bench.send(SYNCED, pod(101))
        [known] = bench.status.stores["pods"]  # type: ignore[misc]

    assert (known.name, known.version) == ("web", "101")


async def test_object_of_what_waits_is_recalled_again(monkeypatch) -> None:
    """However many others were compared meanwhile."""
    monkeypatch.setattr("bridge.ingest.object_cache.AT_HAND", 2)
    selected = {"shop": True, "new": None}
    choosing = source_of("events", previous=True, selects=selected.get)
    bench = Bench(source=choosing)

    async with bench.reading():
        await bench.send(SYNCED, pod(101, namespace="new", kind="added"))
        selected["new"] = True
        await asyncio.sleep(1)
        selected["new"] = None
        await bench.send(pod(102, namespace="new"))
        await bench.send(*[pod(103 + n, name=f"p{n}") for n in range(4)])
        selected["new"] = True
        await asyncio.sleep(1)

    assert ids(bench.queue.entries)[-1] == "web-102"
    assert bench.previous[-1] is True


async def test_reader_says_how_much_it_knows_and_when_it_heard() -> None:
    """Of a cluster that says nothing else too."""
    bench = Bench()

    async with bench.reading():
        never = bench.status.last_read
        await bench.send(SYNCED, pod(101), pod(102, name="db"))

    assert (never, bench.status.objects) == (None, 2)
    assert bench.status.last_read is not None


async def test_objects_that_nobody_compares_are_not_kept() -> None:
    """Only that they are there."""
    bench = Bench(source=source_of("events"))

    async with bench.reading(keeps_objects=False):
        await bench.send(SYNCED, pod(101))

    assert set(bench.queue.memory[SCOPE]) == {"+shop/web", "@store"}


async def test_plan_that_is_too_long_is_put_in_parts() -> None:
    """The cursor moves with the last one; an event is never after what it leads to."""
    bench = Bench()
    bench.queue.max_entries = 4
    bench.queue.positions[SCOPE] = "90"

    async with bench.reading():
        bench.batches.put_nowait([pod(101), pod(102), pod(103)])
        await asyncio.sleep(1)

    assert ids(bench.queue.entries) == ["web-101", "web-102", "web-103"]
    assert [to for _, _, to in bench.queue.puts] == ["101", "102", "103"]


async def test_long_release_is_put_in_parts_with_the_cursor_last() -> None:
    """What waited may be more than one put takes."""
    selected: dict[str, bool] = {}
    bench = Bench(source=source_of("events", selects=selected.get))
    bench.queue.max_entries = 4
    bench.queue.positions[SCOPE] = "100"

    async with bench.reading():
        await bench.send(*[pod(100 + n, name=f"p{n}") for n in range(1, 4)])
        selected["shop"] = True
        await asyncio.sleep(1)

    assert ids(bench.queue.entries) == ["p1-101", "p2-102", "p3-103"]
    parts = [(1, "100", "100"), (4, "100", "100"), (4, "100", "103")]
    assert bench.queue.puts == parts


async def test_what_goes_with_a_jump_is_in_the_put_that_moves_the_cursor() -> None:
    """However long the plan is: else a crash would announce the gap twice."""
    selected: dict[str, bool] = {}
    bench = Bench(source=source_of("events", selects=selected.get))
    bench.queue.max_entries = 4
    bench.queue.positions[SCOPE] = "90"
    gap = Gap(cause="rolled-back", cursor="90", snapshot="9", since=NOW, until=NOW)

    async with bench.reading():
        await bench.send(gap, pod(8, listed=True), Synced(resource_version="9"))
        await bench.send(pod(11, name="a"), pod(12, name="b"))
        selected["shop"] = True
        await asyncio.sleep(1)

    *_, (size, since, to) = bench.queue.puts
    assert (size, since, to) == (4, "90", "12")
    assert remembers(bench.queue.entries[-size:])[-2:] == [(EPOCH, True), (STORE, True)]
    assert bench.queue.entries[-3].sinks == ("hook", "broker")


async def test_object_that_is_too_large_is_forgotten() -> None:
    """It cannot be compared; its event is stored, and nothing is tried for ever."""
    bench = Bench(queue=Puts(largest=5_000))
    noise = os.urandom(9_000).hex()

    async with bench.reading():
        await bench.send(SYNCED, pod(101, spec={"noise": noise}))

    assert ids(bench.queue.entries) == ["web-101"]
    assert set(bench.queue.memory[SCOPE]) == {"+shop/web", "@store"}
    assert bench.queue.positions[SCOPE] == "101"


async def test_what_waits_is_looked_at_while_nothing_is_read() -> None:
    """And counted meanwhile."""
    selected: dict[str, bool] = {}
    bench = Bench(source=source_of("events", selects=selected.get))

    async with bench.reading():
        await bench.send(SYNCED, pod(101))
        held = bench.status.held
        selected["shop"] = True
        await asyncio.sleep(1)

    assert (held, ids(bench.queue.entries)) == (1, ["web-101"])


async def test_nothing_is_read_while_too_much_waits(monkeypatch) -> None:
    """The API server is held back, as by a full queue."""
    monkeypatch.setattr("bridge.ingest.plan.HELD_LIMIT", 1)
    selected = {"bank": True}
    bench = Bench(source=source_of("events", selects=selected.get))

    async with bench.reading():
        await bench.send(SYNCED, pod(101))
        await bench.send(pod(102, namespace="bank", name="b"))
        before = ids(bench.queue.entries)
        selected["shop"] = True
        await asyncio.sleep(1)

    assert (before, ids(bench.queue.entries)) == ([], ["web-101", "b-102"])


async def test_everything_that_is_known_comes_again() -> None:
    """From time to time, with a number that is remembered."""
    bench = Bench(source=source_of("events", resync="60s"))

    async with bench.reading():
        await bench.send(SYNCED, pod(101), pod(102, name="db"))
        await asyncio.sleep(120)
    async with bench.reading():
        await asyncio.sleep(61)

    again = {f"{id_}-r{n}" for n in (1, 2, 3) for id_ in ("web-101", "db-102")}
    assert ids(bench.queue.entries)[:2] == ["web-101", "db-102"]
    assert sorted(ids(bench.queue.entries)[2:]) == sorted(again)
    assert bench.queue.memory[SCOPE]["@resync/events"] == b"3"


async def test_what_was_only_learned_comes_again_too() -> None:
    """It is known, though it was never an event."""
    bench = Bench(source=source_of("events", resync="60s"))
    seen = pod(99)
    assert seen.known is not None
    learned = Observed(known=seen.known, object=seen.object)

    async with bench.reading():
        await bench.send(learned, SYNCED)
    async with bench.reading():
        await asyncio.sleep(61)

    assert ids(bench.queue.entries) == ["web-99-r1"]
