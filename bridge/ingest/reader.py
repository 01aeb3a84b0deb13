"""Reads one scope into the queue, for as long as the process runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Protocol

from bridge.cluster import Happening, Item, Note, Resource
from bridge.errors import (
    ClusterError,
    EntryTooLargeError,
    ForbiddenError,
    QueueFullError,
    StaleCursorError,
)
from bridge.events import EncodedEvent
from bridge.events.convert import Origin
from bridge.filters.routes import Router
from bridge.health import Health, ReaderStatus
from bridge.ingest.buffer import Buffer
from bridge.ingest.memory import EPOCH, NOTE, read_epoch, read_note
from bridge.ingest.plan import Plan, Planner, Profile, Source
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Entry, Queue, Scope

ROOM_SECONDS = 0.5
"""How often a full queue is asked again for room."""


class Watch(Protocol):
    """`bridge.cluster.watch.list_and_watch`, bound to a client and a resource."""

    def __call__(
        self,
        *,
        cursor: str | None,
        note: Note | None,
        report: Callable[[ClusterError | None], None],
        count: Callable[[Happening], None],
    ) -> AbstractAsyncContextManager[AsyncIterator[list[Item]]]:
        """Yield batches of what happens after `cursor`."""
        ...


class Reader:
    """Keeps the queue in step with one scope of the cluster."""

    def __init__(
        self,
        *,
        watch: Watch,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        router: Router,
        profiles: Mapping[str, Profile],
        origins: Mapping[Profile, Origin],
        queue: Queue,
        health: Health,
        status: ReaderStatus,
        metrics: Metrics,
    ) -> None:
        """Bind the parts; nothing is read before `run`.

        Args:
            watch: Reads the API server.
            resource: What is read.
            scope: Where its cursor is kept.
            sources: The sources that it reads for.
            router: Chooses the sinks.
            profiles: The profile of each sink.
            origins: Where the events come from, for each profile.
            queue: Where to.
            health: Says when the queue is full.
            status: What the probes and the API see of this reader.
            metrics: What is counted.
        """
        self._watch = watch
        self._resource = resource
        self._scope = scope
        self._sources = sources
        self._router = router
        self._profiles = profiles
        self._origins = origins
        self._queue = queue
        self._health = health
        self._status = status
        self._metrics = metrics
        self._log = get_logger(resource=resource.name, namespace=scope.namespace)
        self._failures = RepeatedFailure(self._log, "Watching failed.")
        self._full = RepeatedFailure(self._log, "Queue full, reading stopped.")

    async def run(self) -> None:
        """Read until cancelled; start again where an operator set the cursor."""
        while True:
            try:
                await self._read_from_cursor()
            except* StaleCursorError:
                self._log.warning("Cursor was set, reading goes on from there.")
                self._status.state = "starting"

    async def _read_from_cursor(self) -> None:
        cursor = await self._queue.cursor(self._scope)
        memory = {
            key: value
            async for key, value in self._queue.remembered(self._scope)
            if key in (EPOCH, NOTE)
        }
        planner = Planner(
            resource=self._resource,
            scope=self._scope,
            sources=self._sources,
            router=self._router,
            profiles=self._profiles,
            origins=self._origins,
            epoch=read_epoch(memory.get(EPOCH)),
            cursor=cursor,
        )
        buffer = Buffer()
        plans: asyncio.Queue[Plan] = asyncio.Queue(1)
        self._status.resource_version = cursor
        async with asyncio.TaskGroup() as tasks:
            note = read_note(memory.get(NOTE))
            tasks.create_task(self._read(buffer, cursor, note), name="read")
            tasks.create_task(self._plan(buffer, planner, plans), name="plan")
            tasks.create_task(self._store(plans), name="store")

    async def _read(
        self, buffer: Buffer, cursor: str | None, note: Note | None
    ) -> None:
        self._status.state = "syncing"
        watch = self._watch(
            cursor=cursor, note=note, report=self._report, count=self._happened
        )
        async with watch as batches:
            async for batch in batches:
                buffer.add(batch)
                await buffer.wait_for_room()

    async def _plan(
        self, buffer: Buffer, planner: Planner, plans: asyncio.Queue[Plan]
    ) -> None:
        """Plan the next put while the last one is stored."""
        limit = max(1, self._queue.max_entries // planner.most_entries_per_item)
        while True:
            await plans.put(planner.plan(await buffer.take(limit)))

    async def _store(self, plans: asyncio.Queue[Plan]) -> None:
        """Store one plan after the other: never two puts of a scope at a time."""
        while True:
            plan = await plans.get()
            await self._put(plan)
            self._count(plan)
            self._show(plan)

    async def _put(self, plan: Plan) -> None:
        """Store, however long it takes until there is room."""
        while plan.entries or plan.to != plan.since:
            try:
                await self._queue.put(
                    plan.entries, scope=self._scope, since=plan.since, to=plan.to
                )
            except QueueFullError as error:
                await self._wait_for_room(error)
            except EntryTooLargeError as error:
                entry = plan.entries[error.index]
                plan.entries[error.index] = _shortened(entry, str(error))
            else:
                self._note_room()
                return

    async def _wait_for_room(self, error: QueueFullError) -> None:
        self._health.full = str(error)
        self._status.state = "blocked"
        self._metrics.queue_full.labels(error.sink or "").set(1)
        self._full.failed(str(error))
        await asyncio.sleep(ROOM_SECONDS)

    def _note_room(self) -> None:
        if self._health.full is not None:
            self._health.full = None
            self._metrics.queue_full.clear()
            self._full.recovered("Queue has room, reading goes on.")
        if self._status.state == "blocked":
            self._status.state = "watching" if self._status.started else "syncing"

    def _count(self, plan: Plan) -> None:
        for source in self._sources:
            received = self._metrics.received.labels(source.name, self._resource.name)
            received.inc(plan.received)
            self._metrics.filtered.labels(source.name).inc(plan.filtered)
            self._metrics.unconverted.labels(source.name).inc(plan.unconverted)
        for entry in plan.entries:
            for sink in entry.sinks:
                self._metrics.routed.labels(sink).inc()
        for gap in plan.gaps:
            self._metrics.gaps.labels(self._resource.name, gap.cause).inc()
            self._log.error(
                "Gap: revisions may be missing.",
                cause=gap.cause,
                cursor=gap.cursor,
                snapshot=gap.snapshot,
            )

    def _show(self, plan: Plan) -> None:
        now = datetime.now(UTC)
        status = self._status
        status.gaps += len(plan.gaps)
        if plan.to != status.resource_version:
            status.resource_version = plan.to
            status.last_progress = now
            progress = self._metrics.last_progress
            progress.labels(self._resource.name, self._scope.namespace).set(
                now.timestamp()
            )
        if plan.synced and not status.started:
            status.started = True
            self._log.info("Watching.", resource_version=plan.to)
        if plan.synced:
            status.state = "watching"

    def _report(self, error: ClusterError | None) -> None:
        """Take word from the watch: why it waits, or that it works again."""
        status = self._status
        if error is None:
            status.error = ""
            status.state = "watching" if status.started else "syncing"
            self._failures.recovered("Watching again.")
            return
        status.error = str(error)
        status.state = "failed" if isinstance(error, ForbiddenError) else "waiting"
        self._failures.failed(str(error))

    def _happened(self, happening: Happening) -> None:
        self._metrics.watch_restarts.labels(self._resource.name, happening).inc()


def _shortened(entry: Entry, error: str) -> Entry:
    """What can never be stored whole is kept as a dead letter of its first 4 kB."""
    body = b"" if entry.encoded is None else entry.encoded.body[:4096]
    id_ = "unknown" if entry.encoded is None else entry.encoded.id
    stub = EncodedEvent(id=id_, body=body, data_offset=0)
    return Entry(event=None, encoded=stub, remember=entry.remember, error=error)
