"""Never miss a revision: resume, repair, and say so where neither is possible."""

import asyncio
import random as _random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Literal

from bridge.cluster import Item, ProgressMark, Resource, Synced, WatchEvent
from bridge.cluster.client import ClusterClient
from bridge.cluster.metadata import MetadataFilter
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.observer import Observer
from bridge.cluster.reflector.pages import Pages
from bridge.cluster.reflector.repair import (
    FaultCounter,
    FaultKind,
    Relist,
    Resume,
    WatchFault,
    examine,
    oldest_watchable,
)
from bridge.cluster.reflector.retry import WatchRetry
from bridge.cluster.reflector.snapshot import Snapshot
from bridge.cluster.reflector.watcher import SilentError, Watcher
from bridge.cluster.reflector.watchlist import InitialEvents, WatchListSupport
from bridge.cluster.store import Store
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ExpiredError,
    UnreachableError,
    UnreadableError,
)

EMPTY_SECONDS = 2.0
"""A watch that brings nothing and ends sooner is not an idle one."""

_JUST_REPAIRED_SECONDS = 10.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(_: object) -> None:
    """Nobody listens."""


@asynccontextmanager
async def list_and_watch(
    client: ClusterClient,
    resource: Resource,
    *,
    namespace: str | None = None,
    field_selector: str = "",
    label_selector: str = "",
    metadata_only: bool = False,
    cursor: str | None = None,
    initial: Literal["skip", "emit"] = "skip",
    note: ProgressMark | None = None,
    store: Store | None = None,
    report: Callable[[ClusterError | None], None] = _ignore,
    count: Callable[[WatchEvent], None] = _ignore,
    now: Callable[[], datetime] = _utc_now,
    random: Callable[[], float] = _random.random,
) -> AsyncIterator[AsyncIterator[list[Item]]]:
    """Yield batches of what happens to a resource, see `bridge.cluster`, without end.

    The watch is not read while a batch is handled: TCP holds the API server back,
    nothing is dropped. Leaving the block closes the connection at once. Trouble is
    reported, waited out and tried again.

    Args:
        client: The cluster.
        resource: What to watch.
        namespace: Where; None: everywhere.
        field_selector: Pushed to the API server; empty: all.
        label_selector: Pushed to the API server; empty: all.
        metadata_only: Read the metadata of objects instead of whole objects.
        cursor: Version up to which everything has been read; None: nothing yet.
        initial: Without a cursor: ``skip`` what is there, or ``emit`` it as added.
        note: What was last noted beside the cursor.
        store: What was known at the cursor; it is kept up to what was yielded. None,
            for Kubernetes Events: only versions tell what is news.
        report: Called with each error that is waited out, again for each attempt, and
            with None when a watch is open for the first time or again.
        count: Called for each `WatchEvent`.
        now: Wall clock, for notes and gaps.
        random: Uniform in [0, 1), for jitter.

    Raises:
        NotServedError: Iterating, twice in a row: there is no such resource any more,
            or it cannot be listed or watched. All else is waited out.
    """
    list_watch = ListWatch(
        client=client,
        resource=resource,
        namespace=namespace,
        field_selector=field_selector,
        label_selector=label_selector,
        metadata_only=metadata_only,
    )
    observer = Observer(report=report, count=count, now=now, random=random)
    reader = Reflector(list_watch, store=store, note=note, observer=observer)
    async with aclosing(reader.run(cursor, initial=initial)) as batches:
        yield batches


class Reflector:
    """Goes round: catch up, follow the watches, find out why they ended.

    ::

        first plan ──Resume──────────────────┐
            │ Relist                         ▼
            ├─▶ the newest: stream it ──▶ follow ──▶ examine ──┐
            │     │ not understood, cut     ▲                  │
            │     ▼ again and again         │                  │
            ├─▶ list it, page by page ──────┤                  │
            │                               │ Resume           │
            └───────────────────────────────┴──────────────────┘
    """

    def __init__(
        self,
        list_watch: ListWatch,
        *,
        store: Store | None,
        note: ProgressMark | None,
        observer: Observer,
    ) -> None:
        self._list_watch = list_watch
        self._store = store
        self._observer = observer
        self._retry = WatchRetry(observer)
        self._stream = Watcher(
            list_watch, store=store, retry=self._retry, note=note, observer=observer
        )
        self._keeps = store.keeps if store is not None else MetadataFilter()
        self._pages = Pages(
            list_watch, keeps=self._keeps, retry=self._retry, observer=observer
        )
        self._streaming = WatchListSupport(retry=self._retry, observer=observer)
        self._watch_fault: WatchFault = "none"
        self._fault_counter = FaultCounter()
        self._watchable: str | None = None

    async def run(
        self, cursor: str | None, *, initial: Literal["skip", "emit"]
    ) -> AsyncGenerator[list[Item]]:
        """Yield batches of items without end; see `list_and_watch`."""
        plan = await self._first_plan(cursor, initial=initial)
        if isinstance(plan, Resume):
            yield [Synced(resource_version=self._stream.position)]
        while True:
            async with aclosing(self._round(plan)) as batches:
                async for batch in batches:
                    yield batch
            plan = await self._examine()

    async def _first_plan(
        self, cursor: str | None, *, initial: Literal["skip", "emit"]
    ) -> Resume | Relist:
        if cursor is None:
            return await self._very_first_plan(initial)
        self._stream.position = cursor
        plan = await self._examine()
        knows_all = self._store is None or self._store.is_complete
        if isinstance(plan, Resume) and not knows_all:
            return Relist(version=cursor, cursor=cursor)
        return plan

    async def _very_first_plan(
        self, initial: Literal["skip", "emit"]
    ) -> Resume | Relist:
        if initial == "emit" or self._store is not None:
            return Relist(announces=initial == "emit")
        newest = await self._retry.call(self._list_watch.newest_version)
        self._stream.position = newest
        return Resume()

    async def _examine(self) -> Resume | Relist:
        return await examine(
            self._list_watch,
            self._stream.position,
            watch_fault=self._watch_fault,
            watchable=self._watchable,
            retry=self._retry,
        )

    async def _round(self, plan: Resume | Relist) -> AsyncGenerator[list[Item]]:
        """Catch up if need be, then follow, until that needs an explanation."""
        snapshot = self._snapshot(plan) if isinstance(plan, Relist) else None
        while snapshot is not None and self._streaming.is_fit(snapshot):
            async with aclosing(self._follow(snapshot)) as batches:
                async for batch in batches:
                    yield batch
            if snapshot.version:
                return
        if snapshot is not None:
            async with aclosing(self._pages.read(snapshot)) as batches:
                async for batch in batches:
                    yield batch
            self._stream.synced(snapshot.version)
        async with aclosing(self._follow()) as batches:
            async for batch in batches:
                yield batch

    def _snapshot(self, plan: Relist) -> Snapshot:
        if plan.cause is not None:
            self._observer.count(plan.cause)
        return Snapshot(
            plan,
            list_watch=self._list_watch,
            store=self._store,
            note=self._stream.note,
            retry=self._retry,
            observer=self._observer,
        )

    async def _follow(
        self, snapshot: Snapshot | None = None
    ) -> AsyncGenerator[list[Item]]:
        """Watch again and again, until that needs an explanation.

        Args:
            snapshot: The first watch brings it; None: nothing is to catch up with.
        """
        self._watch_fault = "none"
        while self._watch_fault == "none":
            opened_at = _time()
            try:
                async with aclosing(self._watch(snapshot)) as batches:
                    async for batch in batches:
                        yield batch
            except ClusterError as error:
                await self._failed(error, snapshot)
                return
            snapshot = None
            await self._ended(seconds=_time() - opened_at)

    def _watch(self, snapshot: Snapshot | None) -> AsyncGenerator[list[Item]]:
        if snapshot is None:
            return self._stream.watch()
        burst = InitialEvents(
            snapshot,
            list_watch=self._list_watch,
            keeps=self._keeps,
            observer=self._observer,
        )
        return self._stream.watch_initial(burst)

    async def _ended(self, *, seconds: float) -> None:
        """Go on at once after a good end; be wary of watches that bring nothing."""
        if self._stream.brought or seconds >= EMPTY_SECONDS:
            self._fault_counter.clear()
            self._observer.count("reconnect-end")
            await asyncio.sleep(self._observer.random())
            return
        self._observer.count("watch-empty")
        self._suspect("empty")
        if self._watch_fault == "none":
            await asyncio.sleep(1.0)
            return
        name = self._list_watch.resource.name
        error = f"watch {name}: expected it to last, got an empty answer twice"
        await self._retry.back_off(UnreachableError(error, phase="stream"))

    async def _failed(self, error: ClusterError, snapshot: Snapshot | None) -> None:
        """Wait until it makes sense to find out where to go on from."""
        if snapshot is not None and not snapshot.version:
            await self._streaming.failed(snapshot, error)
            return
        if isinstance(error, ExpiredError):
            self._suspect("expired")
            self._watchable = oldest_watchable(error)
            await self._expired(error)
            return
        is_silent = isinstance(error, SilentError)
        self._observer.count("reconnect-silent" if is_silent else "reconnect-error")
        # A connection that broke, or was refused, says nothing about what comes next.
        if self._stream.is_open and isinstance(error, ApiStatusError | UnreadableError):
            self._suspect("unreadable")
        await self._retry.back_off(error)

    async def _expired(self, error: ExpiredError) -> None:
        if _time() - self._stream.synced_at < _JUST_REPAIRED_SECONDS:
            await self._retry.back_off(error)  # the repair did not help
        else:
            await asyncio.sleep(self._observer.random())

    def _suspect(self, word: FaultKind) -> None:
        self._watch_fault = self._fault_counter.add(word, version=self._stream.position)


def _time() -> float:
    return asyncio.get_running_loop().time()
