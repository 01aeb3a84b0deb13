"""A file, one writer thread: the embedded store."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from bridge.errors import QueueError
from bridge.queue import (
    DeadLetter,
    Depth,
    Entry,
    Extent,
    Gate,
    Kept,
    Lease,
    Ordering,
    Outcome,
    Pending,
    Scope,
    Storage,
    StoredCursor,
    Tally,
)
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite import gates, pages, read, search
from bridge.queue.sqlite import operate as replay
from bridge.queue.sqlite import put as intake
from bridge.queue.sqlite import settle as settlement
from bridge.queue.sqlite.clock import Clock
from bridge.queue.sqlite.commit import WriteJob
from bridge.queue.sqlite.lockfile import check_owner, claim, locked
from bridge.queue.sqlite.pages import View
from bridge.queue.sqlite.read import ReadThread
from bridge.queue.sqlite.store import SqliteStore
from bridge.queue.sqlite.upkeep import open_store, resize
from bridge.queue.sqlite.write_thread import WriteThread
from bridge.queue.sqlite.writer import Writer


class SqliteQueue:
    """The `Queue` that needs nothing but a file; see there for its promises.

    A call that is cancelled may still take effect: a thread does not stop half-way.
    Ask `cursor` where a cancelled `put` left it.
    """

    max_entries = 500

    def __init__(
        self, *, store: SqliteStore, writer: Writer, reader: ReadThread
    ) -> None:
        """Put the parts together; `open` is how a queue is made."""
        self._store = store
        self._writer = writer
        self._reader = reader

    @classmethod
    def open(
        cls,
        settings: QueueConfig,
        *,
        lock_timeout_seconds: float = 30.0,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> AbstractAsyncContextManager[Self]:
        """Own the file until the block ends.

        Args:
            settings: The file, its sizes and times. The log beside it takes up to
                `reserve` more.
            lock_timeout_seconds: How long another owner has to leave.
            now: Unix seconds.
            monotonic: Seconds that never go back.

        Raises:
            QueueLockedError: Another process owns the file.
            QueueCorruptError: The file is damaged, or no queue.
            QueueNewerError: A later version of kubebridge wrote it.
            QueueError: The folder or the file cannot be used.
        """
        clock = Clock(now=now, monotonic=monotonic)
        opening = partial(open_store, settings, clock)
        return cls._own(settings.path, opening, lock_timeout_seconds)

    @classmethod
    @asynccontextmanager
    async def open_owned(
        cls, settings: QueueConfig, *, owner: str
    ) -> AsyncIterator[Self]:
        """Own the file until the block ends, for one configuration.

        Args:
            settings: See `open`.
            owner: The configuration that they stand in. A file that it does not name,
                the default one, is for the first owner that opens it: two
                configurations do not deliver each other's events.

        Raises:
            ConfigError: It is the default file, and another owner's.
            QueueError: See `open`.
        """
        is_default = "path" not in settings.model_fields_set
        if is_default:
            check_owner(settings.path, owner)
        async with cls.open(settings) as queue:
            if is_default:
                claim(settings.path, owner)
            yield queue

    @classmethod
    @asynccontextmanager
    async def _own(
        cls, path: Path, opening: Callable[[], SqliteStore], lock_timeout_seconds: float
    ) -> AsyncIterator[Self]:
        async with (
            locked(path, timeout_seconds=lock_timeout_seconds),
            AsyncExitStack() as stack,
        ):
            thread = WriteThread()
            stack.callback(thread.stop)
            store = await thread.run(opening)
            writer = Writer(store=store, thread=thread)
            stack.push_async_callback(writer.aclose)
            reader = ReadThread(path)
            stack.push_async_callback(reader.aclose)
            yield cls(store=store, writer=writer, reader=reader)

    async def resize(self, settings: QueueConfig) -> None:
        """Take other sizes and times from now on; the file stays the same."""
        known = self._store.settings
        settings = settings.model_copy(update={"path": known.path})
        if settings != known:
            await self._order(partial(resize, self._store, settings))

    async def put(
        self,
        entries: Sequence[Entry],
        *,
        scope: Scope,
        since: str | None,
        to: str | None,
    ) -> None:
        """See `Queue.put`."""
        if len(entries) > self.max_entries:
            raise QueueError(
                f"put: expected at most {self.max_entries} entries, got {len(entries)}"
            )
        request = intake.Put(entries=entries, scope=scope, since=since, to=to)
        await self._writer.do(
            WriteJob(
                kind="put",
                prepare=partial(intake.make_room, self._store, entries),
                work=partial(intake.put, self._store, request),
                rows=len(entries),
            )
        )

    async def cursor(self, scope: Scope) -> str | None:
        """See `Queue.cursor`."""
        return await self._reader.ask(partial(read.cursor, scope))

    async def cursors(self) -> Sequence[StoredCursor]:
        """See `Queue.cursors`."""
        return await self._reader.ask(read.cursors)

    async def set_cursor(self, scope: Scope, to: str | None) -> None:
        """See `Queue.set_cursor`."""
        await self._order(partial(intake.set_cursor, self._store, scope, to))

    def remembered(
        self, scope: Scope, prefix: str = ""
    ) -> AsyncIterator[tuple[str, bytes]]:
        """See `Queue.remembered`."""
        return self._reader.remembered(scope, prefix)

    async def recall(self, scope: Scope, keys: Sequence[str]) -> Mapping[str, bytes]:
        """See `Queue.recall`."""
        return await self._reader.ask(partial(read.recall, scope, keys))

    async def open_sink(
        self,
        sink: str,
        *,
        ordering: Ordering = "none",
        run: int = 1,
        max_backlog: int | None = None,
        on_full: Literal["block", "dead-letter-oldest"] = "block",
    ) -> None:
        """See `Queue.open_sink`."""
        after: int | None = 0 if ordering == "object" else None
        while after is not None:
            some = partial(search.assign_some, self._store, sink, after)
            after = await self._order(some)
        terms = gates.Terms(
            ordering=ordering, run=run, max_backlog=max_backlog, on_full=on_full
        )
        await self._order(partial(gates.open_sink, self._store, sink, terms))

    async def sinks(self) -> Sequence[str]:
        """See `Queue.sinks`."""
        totals = self._store.committed
        return sorted(
            name
            for name, backlog in self._store.backlogs.items()
            if totals.waiting[backlog.id] or totals.dead[backlog.id]
        )

    async def lease(self, sink: str, limit: int) -> Sequence[Lease]:
        """See `Queue.lease`."""
        if limit < 1:
            raise QueueError(f"lease: expected a limit of at least 1, got {limit}")
        return await self._writer.lease(self._store.backlog(sink), limit)

    async def settle(
        self, outcomes: Sequence[Outcome], *, lazily: bool = False
    ) -> None:
        """See `Queue.settle`."""
        job = settlement.recording(self._store, outcomes, lazily=lazily)
        await self._writer.do(job)

    async def gate(self, sink: str, gate: Gate | None) -> None:
        """See `Queue.gate`; it holds even if a full volume cannot record it yet."""
        work = partial(gates.set_gate, self._store, sink, gate)
        await self._writer.do(WriteJob(kind="upkeep", work=work))

    async def gated(self, sink: str) -> Gate | None:
        """See `Queue.gated`."""
        backlog = self._store.backlogs.get(sink)
        return None if backlog is None else backlog.gate

    async def enqueue(self, sink: str, handles: Sequence[str]) -> int:
        """See `Queue.enqueue`; what still waits for the sink is not doubled."""
        return await self._by_chunks(replay.enqueue, sink, handles)

    def kept(
        self,
        since: datetime,
        after: str | None,
        *,
        extent: Extent = "head",
        newest: bool = False,
    ) -> AsyncIterator[Kept]:
        """See `Queue.kept`."""
        return self._reader.kept(since, after, View(extent, newest))

    def dead(
        self,
        sink: str | None,
        after: str | None,
        *,
        extent: Extent = "head",
        newest: bool = False,
    ) -> AsyncIterator[DeadLetter]:
        """See `Queue.dead`."""
        return self._reader.dead(sink, after, View(extent, newest))

    def waiting(
        self,
        sink: str | None,
        after: str | None,
        *,
        extent: Extent = "head",
        newest: bool = False,
    ) -> AsyncIterator[Pending]:
        """See `Queue.waiting`."""
        return self._reader.waiting(sink, after, View(extent, newest))

    async def events(
        self, handles: Sequence[str], *, extent: Extent = "head"
    ) -> Sequence[Kept]:
        """See `Queue.events`."""
        return await self._reader.events(handles, extent)

    async def letters(self, event: str) -> Sequence[DeadLetter]:
        """See `Queue.letters`."""
        number = replay.number_of(replay.KEPT, event)
        return await self._reader.ask(partial(pages.letters, number))

    async def purge(self, sink: str | None, handles: Sequence[str] | None) -> int:
        """See `Queue.purge`."""
        if handles is None:
            return await self._purge_waiting(sink)
        return await self._by_chunks(replay.purge, sink, handles)

    async def depth(self, sink: str) -> Depth:
        """See `Queue.depth`."""
        backlog = self._store.backlogs.get(sink)
        if backlog is None:
            return Depth(waiting=0, leased=0, delayed=0, dead=0, oldest=None)
        wall = self._store.clock.wall()
        waits = await self._reader.ask(partial(read.waits, backlog.id, wall))
        return Depth(
            waiting=self._store.committed.waiting[backlog.id],
            leased=len(backlog.leased),
            delayed=waits.delayed,
            dead=self._store.committed.dead[backlog.id],
            oldest=waits.oldest,
        )

    async def storage(self) -> Storage:
        """See `Queue.storage`."""
        capacity = self._store.capacity
        used = await self._reader.ask(read.used_bytes)
        return Storage(
            used_bytes=used, max_bytes=capacity.max_bytes, full=capacity.refusal
        )

    def tally(self, sink: str) -> Tally:
        """See `Queue.tally`."""
        backlog = self._store.backlogs.get(sink)
        return self._store.committed.tally(0 if backlog is None else backlog.id)

    def tallies(self) -> Mapping[str, Tally]:
        """See `Queue.tallies`."""
        committed = self._store.committed
        tallies = {
            name: committed.tally(backlog.id)
            for name, backlog in tuple(self._store.backlogs.items())
        }
        empty = Tally()
        return {name: tally for name, tally in tallies.items() if tally != empty}

    async def _purge_waiting(self, sink: str | None) -> int:
        last_event = self._store.committed.last_event
        work = partial(replay.purge_waiting, self._store, sink or "", last_event)
        total: int = await self._order(work)
        purged = total
        while purged == replay.CHUNK:
            purged = await self._order(work)
            total += purged
        return total

    async def _by_chunks(
        self, work: Callable[..., int], sink: str | None, handles: Sequence[str]
    ) -> int:
        total = 0
        for chunk in replay.chunks(handles):
            total += await self._order(partial(work, self._store, sink, chunk))
        return total

    async def _order(self, work: Callable[[], Any]) -> Any:
        return await self._writer.do(WriteJob(kind="order", work=work))
