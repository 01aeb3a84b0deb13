"""What a list says, as items, however it is read."""

from collections.abc import AsyncGenerator, Iterator, Sequence

from bridge.cluster import BATCH_LIMIT, Change, Gap, Item, Learned, Note, Synced
from bridge.cluster.changes import Listed
from bridge.cluster.collection import Collection
from bridge.cluster.difference import (
    Difference,
    Judge,
    NewerOnly,
    News,
    plain_changes,
)
from bridge.cluster.hooks import Hooks
from bridge.cluster.repair import Relist
from bridge.cluster.store import Store
from bridge.cluster.versions import is_newer, is_next


def may_miss(
    plan: Relist, version: str, *, note: Note | None, found_newer: bool
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
    """

    def __init__(
        self,
        plan: Relist,
        *,
        collection: Collection,
        store: Store | None,
        note: Note | None,
        hooks: Hooks,
    ) -> None:
        """Expect the first list.

        Args:
            plan: What to list.
            collection: Where.
            store: What was known; None: only versions tell what is news.
            note: Up to here the stream is said to have been complete; None: unknown.
            hooks: What the caller lends.
        """
        self.plan = plan
        self.version = ""
        self._collection = collection
        self._store = store
        self._note = note
        self._hooks = hooks
        self._judge: Judge = (
            NewerOnly(plan) if store is None else Difference(store, plan=plan)
        )
        self._is_rollback_announced = False

    def begin(self, plan: Relist) -> None:
        """Expect a list from its beginning, for the same or for another plan."""
        self._hooks.count("relist")
        self.plan = plan
        self._judge.begin(plan)

    def announced(self, version: str) -> list[Item]:
        """Return the `Gap` that comes first, once, where versions are used again."""
        if self.plan.cause != "rolled-back" or self._is_rollback_announced:
            return []
        self._is_rollback_announced = True
        return [self._gap(version)]

    async def take(self, listed: Sequence[Listed]) -> AsyncGenerator[list[Item]]:
        """Yield what a part of the list says."""
        items: list[Item] = []
        for one in self._judge.judge(listed):
            items += [one] if isinstance(one, Learned) else self._changes(one)
        for batch in _batches(items):
            yield batch

    async def finish(self, version: str) -> AsyncGenerator[list[Item]]:
        """Yield what is not there any more, a `Gap` if there is one, and `Synced`."""
        items: list[Item] = []
        for news in self._judge.end(version):
            items += self._changes(news)
            if len(items) >= BATCH_LIMIT:
                for batch in _batches(items):
                    yield batch
                items = []
        for batch in _batches([*items, *self._end(version)]):
            yield batch
        self.version = version

    def _changes(self, news: News) -> list[Change]:
        remembers = self._store is not None
        return plain_changes(
            news, resource=self._collection.resource, remembers=remembers
        )

    def _end(self, version: str) -> Iterator[Item]:
        plan, found_newer = self.plan, self._judge.found_newer
        if plan.cause != "rolled-back" and may_miss(
            plan, version, note=self._note, found_newer=found_newer
        ):
            yield self._gap(version)
        yield Synced(resource_version=version)

    def _gap(self, version: str) -> Gap:
        return Gap(
            cause=self.plan.cause or "expired",
            cursor=self.plan.cursor or "",
            snapshot=version,
            since=self._note.time if self._note else None,
            until=self._hooks.now(),
        )


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    for start in range(0, len(items), BATCH_LIMIT):
        yield [*items[start : start + BATCH_LIMIT]]
