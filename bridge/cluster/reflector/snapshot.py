"""Turn a list into items, and read one page by page."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

from bridge.cluster import (
    BATCH_LIMIT,
    BatchConsumer,
    Change,
    Gap,
    Item,
    Observed,
    ProgressMark,
    Synced,
)
from bridge.cluster.changes import ListedObject, read_listed
from bridge.cluster.client import ListPage
from bridge.cluster.reflector.diff import (
    Delta,
    Differ,
    StoreDiff,
    VersionDiff,
    plain_changes,
)
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.repair import Relist, examine
from bridge.cluster.reflector.retry import Observer, WatchRetry
from bridge.cluster.reflector.rewind import Rewinder
from bridge.cluster.store import MetadataFilter, Store
from bridge.cluster.versions import is_newer, is_next
from bridge.errors import ExpiredError, FutureVersionError

_RESTARTS_LIMIT = 3
"""After so many expired lists of an old state, the newest state is listed instead."""


def may_miss(
    plan: Relist, version: str, *, mark: ProgressMark | None, found_newer: bool
) -> bool:
    """Return whether a revision may be missing between a cursor and a snapshot.

    Args:
        plan: Why the snapshot was read.
        version: The snapshot's version.
        mark: The last proof that the stream was complete; None: there is none.
        found_newer: Whether the snapshot held anything newer than the cursor. That was
            not read, so that the mark proves nothing.
    """
    if plan.cursor is None or plan.cause is None:
        return False
    if plan.cause != "expired":
        return True
    if is_next(version, after=plan.cursor):
        return False
    if mark is None or found_newer:
        return True
    return is_newer(version, than=mark.resource_version)


class Snapshot:
    """Carries out one `Relist`: takes the objects of a list, and puts what they mean.

    Attributes:
        plan: What to list.
        version: Version of the list; empty until it was read to its end.
        is_begun: Whether a list was begun, and is not known to have failed.
        cuts: How often a stream of the list was cut off.
    """

    def __init__(
        self,
        plan: Relist,
        *,
        list_watch: ListWatch,
        into: BatchConsumer,
        store: Store | None,
        mark: ProgressMark | None,
        retry: WatchRetry,
        observer: Observer,
    ) -> None:
        """Expect the first list.

        Args:
            plan: What to list.
            list_watch: What is listed.
            into: Takes the batches.
            store: What was known; None: only versions tell what is news.
            mark: The last proof that the stream was complete; None: there is none.
            retry: Waits errors out while objects are walked back.
            observer: Receives counts.
        """
        self.plan = plan
        self.version = ""
        self.is_begun = False
        self.cuts = 0
        self._list_watch = list_watch
        self._into = into
        self._store = store
        self._mark = mark
        self._retry = retry
        self._observer = observer
        self._rewinder: Rewinder | None = None
        self._differ: Differ = (
            VersionDiff(plan) if store is None else StoreDiff(store, plan=plan)
        )
        self._is_rollback_announced = False

    def begin(self, plan: Relist) -> None:
        """Expect a list from its beginning, for the same or for another plan."""
        self._observer.count("relist")
        self.is_begun = True
        self.plan = plan
        self._differ.begin(plan)
        self._rewinder = self._rewinder or self._build_rewinder()

    async def announce_rollback(self, version: str) -> None:
        """Put the `Gap` that comes first, once, where versions are used again."""
        if self.plan.cause == "rolled-back" and not self._is_rollback_announced:
            self._is_rollback_announced = True
            await self._into.put([self._gap(version)])

    async def take(self, listed: Sequence[ListedObject]) -> None:
        """Put what a part of the list means."""
        await self._put_all(self._differ.judge(listed))

    async def deleted_while_listing(self, deletion: Change) -> None:
        """Put a deletion that came in the midst of the list, if it is news."""
        change = self._differ.deleted_while_listing(deletion)
        if change is not None:
            await self._into.put([change])

    async def finish(self, version: str) -> None:
        """Put what is not there any more, a `Gap` if there is one, and `Synced`."""
        await self._put_all(self._differ.end(version), version)
        if self._store is not None:
            self._store.is_complete = True
        gap = [self._gap(version)] if self._misses(version) else []
        await self._into.put([*gap, Synced(resource_version=version)])
        self.version = version

    async def _put_all(
        self, found: Iterable[Delta | Observed], version: str = ""
    ) -> None:
        items: list[Item] = []
        for one in found:
            items += (
                [one]
                if isinstance(one, Observed)
                else await self._changes(one, version=version)
            )
            if len(items) >= BATCH_LIMIT:
                await self._put(items)
                items = []
        await self._put(items)

    async def _put(self, items: Sequence[Item]) -> None:
        for start in range(0, len(items), BATCH_LIMIT):
            await self._into.put(items[start : start + BATCH_LIMIT])

    async def _changes(self, news: Delta, *, version: str) -> list[Change]:
        if self._rewinder is not None:
            return await self._rewinder.changes(news, version=version)
        return plain_changes(
            news,
            resource=self._list_watch.resource,
            remembers=self._store is not None,
        )

    def _build_rewinder(self) -> Rewinder | None:
        store, cursor = self._store, self.plan.cursor
        is_possible = self.plan.rewinds and cursor is not None
        if not is_possible or store is None or not store.is_complete:
            return None
        return Rewinder(
            self._list_watch,
            cursor=cursor or "",
            keeps=store.keeps,
            retry=self._retry,
            observer=self._observer,
        )

    def _misses(self, version: str) -> bool:
        found_newer = self._differ.found_newer
        if self.plan.cause == "rolled-back":
            return False  # put at the beginning
        if self._rewinder is not None:
            is_whole = self._rewinder.is_whole
            return not is_whole or (found_newer and not self._rewinder.covers(version))
        return may_miss(self.plan, version, mark=self._mark, found_newer=found_newer)

    def _gap(self, version: str) -> Gap:
        return Gap(
            cause=self.plan.cause or "expired",
            cursor=self.plan.cursor or "",
            snapshot=version,
            since=self._mark.time if self._mark else None,
            until=self._observer.now(),
        )


class Pages:
    """Reads a list for a snapshot, page by page."""

    def __init__(
        self,
        list_watch: ListWatch,
        *,
        keeps: MetadataFilter,
        retry: WatchRetry,
        observer: Observer,
    ) -> None:
        """Bind what is read.

        Args:
            list_watch: What is listed.
            keeps: The metadata that is kept of objects.
            retry: Waits errors out.
            observer: Receives counts.
        """
        self._list_watch = list_watch
        self._keeps = keeps
        self._retry = retry
        self._observer = observer

    async def read(self, snapshot: Snapshot) -> None:
        """Put a snapshot to its end; begin the list again where its pages expire."""
        restarts = 0
        plan = snapshot.plan
        while True:
            try:
                snapshot.begin(plan)
                await self._read_once(snapshot)
            except (ExpiredError, FutureVersionError) as error:
                restarts += 1
                self._observer.count("relist-restart")
                await self._retry.back_off(error)
                plan = await self._plan_again(plan, restarts)
            else:
                return

    async def _read_once(self, snapshot: Snapshot) -> None:
        token = ""
        while True:
            page, listed = await self._retry.call(
                partial(self._page, version=snapshot.plan.version, token=token),
                unless=(ExpiredError, FutureVersionError),
            )
            await snapshot.announce_rollback(page.resource_version)
            await snapshot.take(listed)
            token = page.continue_token
            if not token:
                break
        await snapshot.finish(page.resource_version)

    async def _page(
        self, *, version: str | None, token: str
    ) -> tuple[ListPage, list[ListedObject]]:
        page = await self._list_watch.page(version=version, continue_token=token)
        resource = self._list_watch.resource
        return page, [*read_listed(page.items, resource=resource, keeps=self._keeps)]

    async def _plan_again(self, plan: Relist, restarts: int) -> Relist:
        if plan.version is None or plan.cursor is None:
            return plan
        # A list of everything, at the cursor, is found expired like any other.
        newest = replace(plan, version=None, cause=plan.cause or "expired")
        if restarts >= _RESTARTS_LIMIT:
            return newest
        found = await examine(
            self._list_watch, plan.cursor, watch_fault="expired", retry=self._retry
        )
        return found if isinstance(found, Relist) else newest
