"""A list, read page by page, as changes."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from bridge.cluster import BATCH_LIMIT, Change, Gap, Item, Note, Synced
from bridge.cluster.changes import Listed, read_listed
from bridge.cluster.client import Page
from bridge.cluster.collection import Collection
from bridge.cluster.hooks import Hooks
from bridge.cluster.patience import Patience
from bridge.cluster.repair import Relist, examine
from bridge.cluster.versions import is_newer, is_next, order
from bridge.errors import ExpiredError, FutureVersionError

_RESTARTS_LIMIT = 3
"""After so many expired repairs the newest state has to do."""


class Passed:
    """Remembers which part of a list was handed over, at which version.

    Pages expire when reading them takes longer than the history lasts. Then the list
    begins anew; without this it would hand everything over again and never end.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._marks: list[tuple[bytes, str]] = []

    def add(self, key: bytes, version: str) -> None:
        """Note that everything up to `key` was handed over as it was at `version`."""
        self._marks = [mark for mark in self._marks if mark[0] > key]
        self._marks.append((key, version))

    def has(self, listed: Listed) -> bool:
        """Tell whether this very revision was handed over."""
        return any(
            listed.key <= key and not is_newer(listed.version, than=version)
            for key, version in self._marks
        )


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
    if plan.cursor is None:
        return False
    if plan.cause != "expired":
        return True
    if is_next(version, after=plan.cursor):
        return False
    if note is None or found_newer:
        return True
    return is_newer(version, than=note.resource_version)


class Snapshot:
    """Carries out one `Relist`.

    Attributes:
        version: That of the state that was listed, once it is read to its end.
    """

    def __init__(
        self,
        plan: Relist,
        *,
        collection: Collection,
        patience: Patience,
        note: Note | None,
        hooks: Hooks,
    ) -> None:
        """Bind what is read.

        Args:
            plan: What to list.
            collection: Where.
            patience: Waits out what prevents it.
            note: Up to here the stream is said to have been complete; None: unknown.
            hooks: What the caller lends.
        """
        self.version = ""
        self._plan = plan
        self._collection = collection
        self._patience = patience
        self._note = note
        self._hooks = hooks
        self._passed = Passed()
        self._found_newer = False
        self._is_rollback_announced = False

    async def read(self) -> AsyncGenerator[list[Item]]:
        """Yield its changes, then a `Gap` if there is one, and `Synced`."""
        restarts = 0
        while True:
            try:
                async with aclosing(self._read_once()) as batches:
                    async for batch in batches:
                        yield batch
            except (ExpiredError, FutureVersionError) as error:
                restarts += 1
                self._hooks.count("relist-restart")
                await self._patience.wait_out(error)
                await self._plan_again(restarts)
            else:
                return

    async def _read_once(self) -> AsyncGenerator[list[Item]]:
        self._hooks.count("relist")
        token = ""
        while True:
            page = await self._patience.insist(
                partial(
                    self._collection.page,
                    version=self._plan.version,
                    continue_token=token,
                ),
                unless=(ExpiredError, FutureVersionError),
            )
            for batch in self._batches(page):
                yield batch
            token = page.continue_token
            if not token:
                break
        self.version = page.resource_version
        yield list(self._end(self.version))

    def _batches(self, page: Page) -> Iterator[list[Item]]:
        version = page.resource_version
        if self._plan.cause == "rolled-back" and not self._is_rollback_announced:
            self._is_rollback_announced = True
            yield [self._gap(version)]
        listed = list(read_listed(page.items, resource=self._collection.resource))
        for _ in range(len(listed), len(page.items)):
            self._hooks.count("line-skipped")
        changes = self._changes(listed)
        for start in range(0, len(changes), BATCH_LIMIT):
            yield [*changes[start : start + BATCH_LIMIT]]
        if listed:
            self._passed.add(listed[-1].key, version)

    def _changes(self, listed: Sequence[Listed]) -> list[Change]:
        """Return what counts, in the order in which it happened."""
        newer_than = self._plan.newer_than
        wanted = [
            one
            for one in listed
            if newer_than is None or is_newer(one.version, than=newer_than)
        ]
        self._found_newer = self._found_newer or bool(wanted)
        return [
            Change(
                change="added",
                resource=self._collection.resource,
                object=one.object,
                resource_version=one.version,
                listed=True,
            )
            for one in sorted(wanted, key=lambda one: order(one.version))
            if not self._passed.has(one)
        ]

    def _end(self, version: str) -> Iterator[Item]:
        plan = self._plan
        if plan.cause != "rolled-back" and may_miss(
            plan, version, note=self._note, found_newer=self._found_newer
        ):
            yield self._gap(version)
        yield Synced(resource_version=version)

    def _gap(self, version: str) -> Gap:
        return Gap(
            cause=self._plan.cause or "expired",
            cursor=self._plan.cursor or "",
            snapshot=version,
            since=self._note.time if self._note else None,
            until=self._hooks.now(),
        )

    async def _plan_again(self, restarts: int) -> None:
        plan = self._plan
        if plan.version is None or plan.cursor is None:
            return
        newest = replace(plan, version=None)
        if restarts < _RESTARTS_LIMIT:
            found = await examine(
                self._collection,
                plan.cursor,
                suspicion="expired",
                patience=self._patience,
            )
            self._plan = found if isinstance(found, Relist) else newest
        else:
            self._plan = newest
