"""What a list says, as items, however it is read."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing

from bridge.cluster import (
    BATCH_LIMIT,
    Change,
    Gap,
    Item,
    Observed,
    ProgressMark,
    Synced,
)
from bridge.cluster.changes import ListedObject
from bridge.cluster.reflector.diff import (
    Delta,
    Differ,
    StoreDiff,
    VersionDiff,
    plain_changes,
)
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.observer import Observer
from bridge.cluster.reflector.repair import Relist
from bridge.cluster.reflector.retry import WatchRetry
from bridge.cluster.reflector.rewind import Rewinder
from bridge.cluster.store import Store
from bridge.cluster.versions import is_newer, is_next


def may_miss(
    plan: Relist, version: str, *, note: ProgressMark | None, found_newer: bool
) -> bool:
    """Tell whether a revision may be missing between a cursor and a snapshot.

    Args:
        plan: Why the snapshot was read.
        version: The snapshot's version.
        note: Up to here the stream is said to have been complete.
        found_newer: Whether it held anything newer than the cursor, which then was
            not read: it gives a note that says otherwise the lie.
    """
    if plan.cursor is None or plan.cause is None:
        return False
    if plan.cause != "expired":
        return True
    if is_next(version, after=plan.cursor):
        return False
    if note is None or found_newer:
        return True
    return is_newer(version, than=note.resource_version)


class Snapshot:
    """Carries out one `Relist`: is told what a list holds, and says what it means.

    Attributes:
        plan: What to list.
        version: That of the state that was listed; empty until it is read to its end.
        is_begun: Whether a list was begun, and is not known to have failed.
        cuts: How often a stream of it was cut off.
    """

    def __init__(
        self,
        plan: Relist,
        *,
        list_watch: ListWatch,
        store: Store | None,
        note: ProgressMark | None,
        retry: WatchRetry,
        observer: Observer,
    ) -> None:
        """Expect the first list.

        Args:
            plan: What to list.
            list_watch: Where.
            store: What was known; None: only versions tell what is news.
            note: Up to here the stream is said to have been complete; None: unknown.
            retry: Waits out what prevents looking back.
            observer: What the caller lends.
        """
        self.plan = plan
        self.version = ""
        self.is_begun = False
        self.cuts = 0
        self._list_watch = list_watch
        self._store = store
        self._note = note
        self._retry = retry
        self._observer = observer
        self._rewinder: Rewinder | None = None
        self._judge: Differ = (
            VersionDiff(plan) if store is None else StoreDiff(store, plan=plan)
        )
        self._is_rollback_announced = False

    def begin(self, plan: Relist) -> None:
        """Expect a list from its beginning, for the same or for another plan."""
        self._observer.count("relist")
        self.is_begun = True
        self.plan = plan
        self._judge.begin(plan)
        self._rewinder = self._rewinder or self._build_rewinder()

    def announced(self, version: str) -> list[Item]:
        """Return the `Gap` that comes first, once, where versions are used again."""
        if self.plan.cause != "rolled-back" or self._is_rollback_announced:
            return []
        self._is_rollback_announced = True
        return [self._gap(version)]

    async def take(self, listed: Sequence[ListedObject]) -> AsyncGenerator[list[Item]]:
        """Yield what a part of the list says."""
        async with aclosing(self._tell(self._judge.judge(listed))) as batches:
            async for batch in batches:
                yield batch

    async def deleted_while_listing(
        self, deletion: Change
    ) -> AsyncGenerator[list[Item]]:
        """Yield what a deletion means that came in the midst of the list."""
        change = self._judge.deleted_while_listing(deletion)
        if change is not None:
            yield [change]

    async def finish(self, version: str) -> AsyncGenerator[list[Item]]:
        """Yield what is not there any more, a `Gap` if there is one, and `Synced`."""
        async with aclosing(self._tell(self._judge.end(version), version)) as batches:
            async for batch in batches:
                yield batch
        if self._store is not None:
            self._store.is_complete = True
        yield [*self._end(version)]
        self.version = version

    async def _tell(
        self, found: Iterable[Delta | Observed], version: str = ""
    ) -> AsyncGenerator[list[Item]]:
        items: list[Item] = []
        for one in found:
            items += (
                [one]
                if isinstance(one, Observed)
                else await self._changes(one, version=version)
            )
            if len(items) >= BATCH_LIMIT:
                for batch in _batches(items):
                    yield batch
                items = []
        for batch in _batches(items):
            yield batch

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

    def _end(self, version: str) -> Iterator[Item]:
        if self._misses(version):
            yield self._gap(version)
        yield Synced(resource_version=version)

    def _misses(self, version: str) -> bool:
        found_newer = self._judge.found_newer
        if self.plan.cause == "rolled-back":
            return False  # said at the beginning
        if self._rewinder is not None:
            is_whole = self._rewinder.is_whole
            return not is_whole or (found_newer and not self._rewinder.covers(version))
        return may_miss(self.plan, version, note=self._note, found_newer=found_newer)

    def _gap(self, version: str) -> Gap:
        return Gap(
            cause=self.plan.cause or "expired",
            cursor=self.plan.cursor or "",
            snapshot=version,
            since=self._note.time if self._note else None,
            until=self._observer.now(),
        )


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(items), BATCH_LIMIT):
        yield [*items[start : start + BATCH_LIMIT]]
