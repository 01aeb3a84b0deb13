"""Read one scope into the queue, for as long as the process runs."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Protocol

from bridge.cluster import BatchConsumer, Change, Item, ProgressMark, Resource
from bridge.cluster.reflector.reflector import Reflector
from bridge.cluster.reflector.retry import Observer
from bridge.cluster.store import Store
from bridge.errors import (
    EntryTooLargeError,
    QueueFullError,
    StaleCursorError,
)
from bridge.events import EncodedEvent
from bridge.health import ReaderStatus
from bridge.ingest.accept import cut_entries, put
from bridge.ingest.buffer import (
    Buffer,
    BufferedItem,
    DigestTick,
    ResyncItem,
    resync_items,
)
from bridge.ingest.checkpoint import Checkpoint, load_checkpoint, memo
from bridge.ingest.entries import Conversion
from bridge.ingest.object_cache import ObjectCache
from bridge.ingest.plan import Plan, Planner
from bridge.ingest.source import Source
from bridge.ingest.telemetry import ReaderTelemetry
from bridge.metrics import Metrics
from bridge.queue import Entry, Queue, Scope

ROOM_SECONDS = 0.5
"""How often a full queue is asked again for room."""

HELD_SECONDS = 0.05
"""How often held changes are tried again."""

DIGEST_SECONDS = 1.0
"""How often digests of noise control are looked at whether they are due."""

BuildConversion = Callable[[ObjectCache | None, Mapping[str, bytes]], Conversion]
"""Builds a conversion from the last state of objects, if they are kept, and from the
memos of noise control."""


class BuildReflector(Protocol):
    """Builds the reflector of one scope, bound to a client and a resource."""

    def __call__(
        self,
        *,
        into: BatchConsumer,
        cursor: str | None,
        mark: ProgressMark | None,
        store: Store | None,
        observer: Observer,
    ) -> Reflector:
        """Return a reflector that puts what happens after `cursor` into a buffer."""
        ...


class _Intake:
    """Counts each batch that is read, and puts it into the buffer."""

    def __init__(
        self, buffer: Buffer, telemetry: ReaderTelemetry, store: Store | None
    ) -> None:
        self._buffer = buffer
        self._telemetry = telemetry
        self._store = store

    async def put(self, batch: Sequence[Item]) -> None:
        self._telemetry.read(batch, self._store)
        await self._buffer.put(batch)


class ScopeReader:
    """Keeps the queue in step with one scope of the cluster."""

    def __init__(
        self,
        *,
        reflector: BuildReflector,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        convert: BuildConversion,
        keeps_objects: bool,
        keeps_labels: bool,
        queue: Queue,
        status: ReaderStatus,
        metrics: Metrics,
    ) -> None:
        """Bind the parts; nothing is read before `run`.

        Args:
            reflector: Builds what reads the API server.
            resource: What is read.
            scope: Where its cursor is kept.
            sources: The sources that it reads for.
            convert: Makes what turns changes into entries.
            keeps_objects: Whether objects are remembered, so that they can be compared.
            keeps_labels: Whether labels of objects are remembered, for routes that
                select by them.
            queue: Where to.
            status: What the probes and the API see of this reader.
            metrics: What is counted.
        """
        self._reflector = reflector
        self._resource = resource
        self._scope = scope
        self._sources = sources
        self._convert = convert
        self._keeps_objects = keeps_objects
        self._keeps_labels = keeps_labels
        self._queue = queue
        self._metrics = metrics
        self._telemetry = ReaderTelemetry(
            resource=resource,
            scope=scope,
            sources=sources,
            status=status,
            metrics=metrics,
        )

    async def run(self) -> None:
        """Read until cancelled; start again where an operator set the cursor."""
        while True:
            try:
                await self._read_from_cursor()
            except* StaleCursorError:
                self._telemetry.cursor_was_set()

    async def _read_from_cursor(self) -> None:
        memo = await self._remembered()
        buffer = Buffer()
        object_cache = ObjectCache(partial(self._queue.recall, self._scope))
        planner = self._planner(memo, object_cache)
        self._telemetry.begin(memo)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read(buffer, memo), name="read")
            storing = self._store(buffer, planner, object_cache)
            tasks.create_task(storing, name="store")
            if planner.has_digests:
                tasks.create_task(_tick(buffer), name="tick")
            for source in self._sources:
                if source.settings.resync is not None and memo.store is not None:
                    resync = self._resync(source, buffer, memo)
                    tasks.create_task(resync, name=f"resync {source.name}")

    async def _remembered(self) -> Checkpoint:
        return await load_checkpoint(
            self._queue,
            self._scope,
            has_store=not self._resource.is_events,
            keeps_objects=self._keeps_objects,
            keeps_labels=self._keeps_labels,
        )

    def _planner(self, memo: Checkpoint, object_cache: ObjectCache) -> Planner:
        return Planner(
            self._convert(object_cache if self._keeps_objects else None, memo.noise),
            cursor=memo.cursor,
            moved=memo.moved,
            epoch=memo.epoch,
            has_store=memo.store is not None,
        )

    async def _read(self, buffer: Buffer, memo: Checkpoint) -> None:
        self._telemetry.syncing()
        reflector = self._reflector(
            into=_Intake(buffer, self._telemetry, memo.store),
            cursor=memo.cursor,
            mark=memo.note,
            store=memo.store,
            observer=Observer(
                report=self._telemetry.trouble, count=self._telemetry.happened
            ),
        )
        await reflector.run()

    async def _store(
        self, buffer: Buffer, planner: Planner, object_cache: ObjectCache
    ) -> None:
        """Store one plan after the other: never two puts of a scope at a time.

        Each is made once the last one is stored; the loop delivers meanwhile. A task
        that plans ahead would cost two switches for each event.
        """
        limit = max(1, self._queue.max_entries // planner.most_entries_per_item)
        while True:
            items = await _take(buffer, planner, limit)
            if self._keeps_objects:
                await object_cache.load(chain(planner.held_keys(), _keys(items)))
            plan = planner.plan(items)
            self._telemetry.held(planner.held)
            if plan.is_needed:
                await self._put(plan)
                self._telemetry.stored(plan)

    async def _resync(self, source: Source, buffer: Buffer, memo: Checkpoint) -> None:
        """Repeat all known objects as events, periodically."""
        assert memo.store is not None  # noqa: S101  # for mypy
        assert source.settings.resync is not None  # noqa: S101
        number = memo.resyncs.get(source.name, 0)
        while True:
            await asyncio.sleep(source.settings.resync)
            number += 1
            for batch in resync_items(source.name, number, memo.store):
                await buffer.put(batch)

    async def _put(self, plan: Plan) -> None:
        """Store a plan; the cursor moves with the last of its entries."""
        *first, last = cut_entries(
            plan.entries,
            most_entries=self._queue.max_entries,
            closing=len(plan.closing),
        )
        for part in first:
            await self._put_all(list(part), since=plan.since, to=plan.since)
        if last or plan.to != plan.since:
            await self._put_all(list(last), since=plan.since, to=plan.to)

    async def _put_all(
        self, entries: list[Entry], *, since: str | None, to: str | None
    ) -> None:
        """Store entries; wait for room as long as it takes."""
        while True:
            try:
                await put(
                    entries,
                    queue=self._queue,
                    metrics=self._metrics,
                    scope=self._scope,
                    since=since,
                    to=to,
                )
            except QueueFullError as error:
                self._telemetry.blocked(error)
                await asyncio.sleep(ROOM_SECONDS)
            except EntryTooLargeError as error:
                entries[error.index] = _shortened(entries[error.index], str(error))
            else:
                self._telemetry.has_room()
                return


def _shortened(entry: Entry, error: str) -> Entry:
    """Return a dead letter of the first 4 kB of an entry that is too large to store."""
    if entry.encoded is None and entry.remember is not None:
        key, _ = entry.remember
        return memo(key, None)  # it cannot be compared, which loses no event
    body = b"" if entry.encoded is None else entry.encoded.body[:4096]
    id_ = "unknown" if entry.encoded is None else entry.encoded.id
    stub = EncodedEvent(id=id_, body=body, data_offset=0)
    return Entry(event=None, encoded=stub, remember=entry.remember, error=error)


async def _tick(buffer: Buffer) -> None:
    """Ask for digests, periodically."""
    while True:
        await asyncio.sleep(DIGEST_SECONDS)
        await buffer.put([DigestTick()])


async def _take(buffer: Buffer, planner: Planner, limit: int) -> Sequence[BufferedItem]:
    """Return the next items; none when held changes are due for another try."""
    if not planner.held:
        return await buffer.take(limit)
    if planner.is_full:
        await asyncio.sleep(HELD_SECONDS)
        return ()
    try:
        async with asyncio.timeout(HELD_SECONDS):
            return await buffer.take(limit)
    except TimeoutError:
        return ()


def _keys(items: Sequence[BufferedItem]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Change) and item.known is not None:
            yield item.known.key
        elif isinstance(item, ResyncItem) and item.key is not None:
            yield item.key
