"""Decide which objects of a list are news, without waiting.

Without a store, objects newer than the cursor are news. With a store::

    listed       known: nothing   the same version   same uid     other uid
    there               added     no news            modified     deleted, added
    not there           -         deleted            deleted      deleted
"""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol

import msgspec

from bridge.cluster import Change, ObjectMeta, Observed, Resource
from bridge.cluster.changes import ListedObject, minimal_object
from bridge.cluster.reflector.repair import Relist
from bridge.cluster.store import Store
from bridge.cluster.versions import is_newer, order


class Delta(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The difference of one name between what was known and a list.

    Attributes:
        was: What was known; None: nothing.
        now: What is there; None: nothing any more.
    """

    was: ObjectMeta | None
    now: ListedObject | None

    @property
    def is_same_object(self) -> bool:
        """Return whether one object was there then and is there now."""
        return bool(self.was and self.now and self.was.uid == self.now.known.uid)


def plain_changes(
    news: Delta, *, resource: Resource, remembers: bool = True
) -> list[Change]:
    """Return the changes between two states, without the states in between.

    Args:
        news: The two states.
        resource: What kind of object it is.
        remembers: Whether there is a store to remember them.
    """
    changes = []
    if news.was is not None and not news.is_same_object:
        changes.append(unseen_deletion(news.was, resource=resource))
    if news.now is not None:
        kind: Literal["added", "modified"]
        kind = "modified" if news.is_same_object else "added"
        changes.append(
            listed_change(news.now, change=kind, resource=resource, remembers=remembers)
        )
    return changes


def listed_change(
    listed: ListedObject,
    *,
    change: Literal["added", "modified"],
    resource: Resource,
    remembers: bool = True,
) -> Change:
    """Return a listed object as a change; see `plain_changes`."""
    return Change(
        change=change,
        resource=resource,
        object=listed.object,
        resource_version=listed.version,
        listed=True,
        known=listed.known if remembers else None,
        event=listed.event,
    )


def unseen_deletion(known: ObjectMeta, *, resource: Resource) -> Change:
    """Return the deletion of an object whose last state is unknown."""
    return Change(
        change="deleted",
        resource=resource,
        object=minimal_object(known, resource=resource),
        resource_version=known.version,
        listed=True,
        known=known,
    )


class Differ(Protocol):
    """Decides which objects of a list are news.

    Attributes:
        found_newer: Whether anything was, since it was made.
    """

    found_newer: bool

    def begin(self, plan: Relist) -> None:
        """Expect a list from its beginning, again or for the first time."""
        ...

    def judge(self, listed: Sequence[ListedObject]) -> list[Delta | Observed]:
        """Return what is news, in the order in which it happened."""
        ...

    def deleted_while_listing(self, deletion: Change) -> Change | None:
        """Return what a deletion in the midst of a list means; None: nothing."""
        ...

    def end(self, version: str) -> Iterator[Delta]:
        """Return what was known and is not there at this version, by key."""
        ...


class StoreDiff:
    """Compares lists with a store, and updates the store."""

    def __init__(self, store: Store, *, plan: Relist) -> None:
        """Expect the first list for this plan."""
        self.found_newer = False
        self._store = store
        self._plan = Relist()
        self._unseen: set[str] = set()
        # Versions of before a rollback say nothing about those after it.
        self._untrusted: set[str] = set()
        self.begin(plan)

    def begin(self, plan: Relist) -> None:
        """Expect a list from its beginning; objects of a list before it stay known."""
        self._unseen = {known.key for known in self._store}
        if plan.cause == "rolled-back" != self._plan.cause:
            self._untrusted = set(self._unseen)
        self._plan = plan

    def judge(self, listed: Sequence[ListedObject]) -> list[Delta | Observed]:
        """Return what is news, or worth remembering, in the order of versions."""
        found = (self._compare(one) for one in sorted(listed, key=_version_order))
        return [one for one in found if one is not None]

    def _compare(self, listed: ListedObject) -> Delta | Observed | None:
        known, key = listed.known, listed.known.key
        was = self._store.get(key)
        is_trusted = key not in self._untrusted
        self._unseen.discard(key)
        self._untrusted.discard(key)
        if was == known and is_trusted:
            return None
        self._store.put(known)
        if not self._is_news(was if is_trusted else None, known):
            return Observed(known=known, object=listed.object)
        self.found_newer = True
        return Delta(was=was, now=listed)

    def _is_news(self, was: ObjectMeta | None, known: ObjectMeta) -> bool:
        plan = self._plan
        if was and (was.uid, was.version) == (known.uid, known.version):
            return False  # only more is remembered of it
        if plan.cursor is None or plan.newer_than is None or self._store.is_complete:
            return plan.announces
        return is_newer(known.version, than=plan.newer_than)

    def deleted_while_listing(self, deletion: Change) -> Change | None:
        """Forget what was deleted; return that, if it was known."""
        followed = self._store.follow(deletion)
        if followed is deletion:
            return None
        self.found_newer = True
        return msgspec.structs.replace(followed, listed=True)

    def end(self, version: str) -> Iterator[Delta]:
        """Return what is gone, and forget it."""
        plan, is_rollback = self._plan, self._plan.cause == "rolled-back"
        is_own = self._store.is_complete or plan.cursor is None or is_rollback
        for key in sorted(self._unseen):
            was = self._store.get(key)
            if was is None:
                continue
            if is_newer(was.version, than=version) and not is_rollback:
                continue  # created later than the state that was listed
            self._store.drop(key)
            # What was inherited may be outside of what this scope sees.
            if is_own:
                self.found_newer = True
                yield Delta(was=was, now=None)
        self._unseen.clear()


class HandedOver:
    """Keeps which part of a list was put, at which version.

    Lists break off: their pages expire, their streams are cut. Then they begin again;
    without this everything would be put again, without end.
    """

    def __init__(self) -> None:
        """Start with nothing."""
        self._marks: list[tuple[bytes, str]] = []

    def add(self, key: bytes, version: str) -> None:
        """Note that everything up to `key` was put as it was at `version`."""
        self._marks = [mark for mark in self._marks if mark[0] > key]
        self._marks.append((key, version))

    def has(self, listed: ListedObject) -> bool:
        """Return whether this very revision was put."""
        key = listed.key
        for mark, version in self._marks:
            if key <= mark and not is_newer(listed.version, than=version):
                return True
        return False


class VersionDiff:
    """Takes objects newer than the cursor, where nothing else is known."""

    def __init__(self, plan: Relist) -> None:
        """Expect the first list for this plan."""
        self.found_newer = False
        self._passed = HandedOver()
        self.begin(plan)

    def begin(self, plan: Relist) -> None:
        """Expect a list from its beginning."""
        self._plan = plan
        self._last = b""
        self._newest = ""
        self._is_sorted = True

    def judge(self, listed: Sequence[ListedObject]) -> list[Delta | Observed]:
        """Return what is newer and was not put yet, in the order of versions."""
        newer_than = self._plan.newer_than
        wanted = listed
        if newer_than is not None:
            wanted = [one for one in listed if is_newer(one.version, than=newer_than)]
        self.found_newer = self.found_newer or bool(wanted)
        news: list[Delta | Observed] = [
            Delta(was=None, now=one)
            for one in sorted(wanted, key=_version_order)
            if not self._passed.has(one)
        ]
        self._mark(listed)
        return news

    def _mark(self, listed: Sequence[ListedObject]) -> None:
        """Note how far the list came, as long as it comes in the order of keys."""
        if not listed:
            return
        keys = [self._last, *[one.key for one in listed]]
        self._is_sorted = self._is_sorted and keys == sorted(keys)
        self._last = keys[-1]
        # As good as the list's own version, which a stream has at its end: the list
        # holds nothing newer up to here.
        newest = max(listed, key=_version_order).version
        self._newest = max(self._newest, newest, key=order)
        if self._is_sorted:
            self._passed.add(self._last, self._newest)

    def deleted_while_listing(self, deletion: Change) -> Change | None:
        """Return nothing: an Event that is deleted is over, and nothing happened."""
        del deletion
        return None  # mypy wants it

    def end(self, version: str) -> Iterator[Delta]:
        """Return nothing: what is not known cannot be missed."""
        del version
        return iter(())


def _version_order(listed: ListedObject) -> tuple[int, str]:
    return order(listed.known.version)
