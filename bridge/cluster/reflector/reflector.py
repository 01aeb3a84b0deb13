"""Never miss a revision: resume, repair, and say so where neither is possible."""

import asyncio
from typing import Literal

from bridge.cluster import BatchConsumer, ProgressMark, Synced
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.repair import (
    FaultCounter,
    FaultKind,
    Relist,
    Resume,
    WatchFault,
    examine,
    oldest_watchable,
)
from bridge.cluster.reflector.retry import Observer, WatchRetry
from bridge.cluster.reflector.snapshot import Pages, Snapshot
from bridge.cluster.reflector.watcher import SilentError, Watcher
from bridge.cluster.reflector.watchlist import InitialEvents, WatchListSupport
from bridge.cluster.store import MetadataFilter, Store
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ExpiredError,
    UnreachableError,
    UnreadableError,
)

EMPTY_SECONDS = 2.0
"""A watch that brings nothing and ends sooner counts as faulty, not as idle."""

_JUST_REPAIRED_SECONDS = 10.0


class Reflector:
    """Catches up, follows the watches, finds out why they ended, and so on.

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
        into: BatchConsumer,
        cursor: str | None = None,
        initial: Literal["skip", "emit"] = "skip",
        mark: ProgressMark | None = None,
        store: Store | None = None,
        observer: Observer | None = None,
    ) -> None:
        """Bind what is read; `run` reads it.

        Args:
            list_watch: What to read.
            into: Takes the batches.
            cursor: Version up to which everything has been read; None: nothing yet.
            initial: Without a cursor: ``skip`` what is there, or ``emit`` it as added.
            mark: The last progress mark, kept beside the cursor; None: there is none.
            store: What was known at the cursor; it is kept up to what was put. None,
                for Kubernetes Events: only versions tell what is news.
            observer: Receives reports and counts; None: nobody does.
        """
        self._list_watch = list_watch
        self._into = into
        self._cursor = cursor
        self._initial = initial
        self._store = store
        self._observer = observer = observer or Observer()
        self._retry = WatchRetry(observer)
        self._watcher = Watcher(
            list_watch,
            into=into,
            store=store,
            retry=self._retry,
            mark=mark,
            observer=observer,
        )
        self._keeps = store.keeps if store is not None else MetadataFilter()
        self._pages = Pages(
            list_watch, keeps=self._keeps, retry=self._retry, observer=observer
        )
        self._watch_list = WatchListSupport(retry=self._retry, observer=observer)
        self._watch_fault: WatchFault = "none"
        self._fault_counter = FaultCounter()
        self._watchable: str | None = None

    async def run(self) -> None:
        """Put batches, see `bridge.cluster`, until cancelled; never return.

        Errors are reported, waited out and tried again. Cancelling closes the
        connection at once.

        Raises:
            NotServedError: Twice in a row: there is no such resource any more, or it
                cannot be listed or watched. All else is waited out.
        """
        plan = await self._first_plan()
        if isinstance(plan, Resume):
            await self._into.put([Synced(resource_version=self._watcher.position)])
        while True:
            await self._catch_up_and_follow(plan)
            plan = await self._examine()

    async def _first_plan(self) -> Resume | Relist:
        cursor, emits = self._cursor, self._initial == "emit"
        if cursor is None and (emits or self._store is not None):
            return Relist(announces=emits)
        if cursor is None:
            newest = await self._retry.call(self._list_watch.newest_version)
            self._watcher.position = newest
            return Resume()
        self._watcher.position = cursor
        plan = await self._examine()
        knows_all = self._store is None or self._store.is_complete
        if isinstance(plan, Resume) and not knows_all:
            return Relist(version=cursor, cursor=cursor)
        return plan

    async def _examine(self) -> Resume | Relist:
        return await examine(
            self._list_watch,
            self._watcher.position,
            watch_fault=self._watch_fault,
            watchable=self._watchable,
            retry=self._retry,
        )

    async def _catch_up_and_follow(self, plan: Resume | Relist) -> None:
        """Read a snapshot if need be, then watch, until that needs an explanation."""
        snapshot = self._snapshot(plan) if isinstance(plan, Relist) else None
        while snapshot is not None and self._watch_list.is_fit(snapshot):
            await self._follow(snapshot)
            if snapshot.version:
                return
        if snapshot is not None:
            await self._pages.read(snapshot)
            self._watcher.synced(snapshot.version)
        await self._follow()

    def _snapshot(self, plan: Relist) -> Snapshot:
        if plan.cause is not None:
            self._observer.count(plan.cause)
        return Snapshot(
            plan,
            list_watch=self._list_watch,
            into=self._into,
            store=self._store,
            mark=self._watcher.mark,
            retry=self._retry,
            observer=self._observer,
        )

    async def _follow(self, snapshot: Snapshot | None = None) -> None:
        """Watch again and again, until that needs an explanation.

        Args:
            snapshot: The first watch brings it; None: nothing is to be caught up with.
        """
        self._watch_fault = "none"
        while self._watch_fault == "none":
            opened_at = _time()
            try:
                await self._watch(snapshot)
            except ClusterError as error:
                await self._failed(error, snapshot)
                return
            snapshot = None
            await self._ended(seconds=_time() - opened_at)

    async def _watch(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            await self._watcher.watch()
            return
        initial = InitialEvents(
            snapshot,
            list_watch=self._list_watch,
            keeps=self._keeps,
            observer=self._observer,
        )
        await self._watcher.watch_initial(initial)

    async def _ended(self, *, seconds: float) -> None:
        """Go on at once after a good end; count watches that bring nothing."""
        if self._watcher.brought or seconds >= EMPTY_SECONDS:
            self._fault_counter.clear()
            self._observer.count("reconnect-end")
            await asyncio.sleep(self._observer.random())
            return
        self._observer.count("watch-empty")
        self._count_fault("empty")
        if self._watch_fault == "none":
            await asyncio.sleep(1.0)
            return
        name = self._list_watch.resource.name
        error = f"watch {name}: expected it to last, got an empty answer twice"
        await self._retry.back_off(UnreachableError(error, phase="stream"))

    async def _failed(self, error: ClusterError, snapshot: Snapshot | None) -> None:
        """Count an error, and wait before the next attempt."""
        if snapshot is not None and not snapshot.version:
            await self._watch_list.failed(snapshot, error)
            return
        if isinstance(error, ExpiredError):
            self._count_fault("expired")
            self._watchable = oldest_watchable(error)
            await self._expired(error)
            return
        is_silent = isinstance(error, SilentError)
        self._observer.count("reconnect-silent" if is_silent else "reconnect-error")
        # A connection that broke, or was refused, is no fault of the history.
        if self._watcher.is_open and isinstance(
            error, ApiStatusError | UnreadableError
        ):
            self._count_fault("unreadable")
        await self._retry.back_off(error)

    async def _expired(self, error: ExpiredError) -> None:
        if _time() - self._watcher.synced_at < _JUST_REPAIRED_SECONDS:
            await self._retry.back_off(error)  # the repair did not help
        else:
            await asyncio.sleep(self._observer.random())

    def _count_fault(self, kind: FaultKind) -> None:
        self._watch_fault = self._fault_counter.add(
            kind, version=self._watcher.position
        )


def _time() -> float:
    return asyncio.get_running_loop().time()
