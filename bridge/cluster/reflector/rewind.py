"""Find the revisions between two known states, by one request for each.

The watch cache of an API server forgets sooner than etcd: after a restart it begins
empty. Then no watch begins at the cursor, although etcd still has every state since.
A list at an exact version has the state of one object at that version, so each object
that changed is walked back, from its newest state to the one that was known::

    known ◀── … ◀── the state one version before ◀── newest
    known ◀── … ◀── the last state ◀─ bisected ─▶ deleted

Nothing that is known leads to an object that was created and deleted again between the
cursor and the list. Where anything else happened in that time, a `Gap` says that such
an object may be missing, unless the versions leave no room for one. Where nothing else
happened, no `Gap` is announced. The list is read at the oldest version that can be
watched, if the API server names it, so that all this is about the time before its
restart and not after.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from bridge.cluster import Change, ObjectMeta
from bridge.cluster.changes import ListedObject, read_listed, with_resource_version
from bridge.cluster.reflector.diff import Delta, listed_change, unseen_deletion
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.retry import Observer, WatchRetry
from bridge.cluster.store import MetadataFilter
from bridge.cluster.versions import is_newer, is_next, middle, order, previous
from bridge.errors import (
    ExpiredError,
    FutureVersionError,
    NotServedError,
    UnreadableError,
)

REQUESTS_LIMIT = 5_000
"""Most requests for one repair, one after the other: about ten seconds of the cheapest
kind, 2 ms each. Where more was missed, a `Gap` is put instead."""

BYTES_LIMIT = 64 * 1024 * 1024
"""Most bytes of one object's states, which are held until the oldest is found."""


T = TypeVar("T")

_LOST = (ExpiredError, FutureVersionError, NotServedError)


class _LostError(Exception):
    """A state cannot be read any more, or enough was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """States of one object, the newest first, and where the walk came to.

    Attributes:
        states: At least the one it began with.
        reached: What was known, the time before it was created, or neither.
        version: The version last asked for.
    """

    states: Sequence[ListedObject]
    reached: Literal["known", "nothing", "lost"]
    version: str


class Rewinder:
    """Finds the changes between a cursor and a list.

    Attributes:
        is_whole: Whether nothing that it looked for was lost.
    """

    def __init__(
        self,
        list_watch: ListWatch,
        *,
        cursor: str,
        keeps: MetadataFilter,
        retry: WatchRetry,
        observer: Observer,
    ) -> None:
        """Bind what is read.

        Args:
            list_watch: What is listed.
            cursor: Up to here everything is known.
            keeps: The metadata that is kept of objects.
            retry: Waits errors out.
            observer: Receives counts.
        """
        self.is_whole = True
        self._list_watch = list_watch
        self._cursor = cursor
        self._keeps = keeps
        self._retry = retry
        self._observer = observer
        self._found: set[str] = set()
        self._requests_left = REQUESTS_LIMIT
        self._bytes_left = BYTES_LIMIT

    async def changes(self, news: Delta, *, version: str) -> list[Change]:
        """Return the changes from one state to the other, oldest first.

        Args:
            news: What was known and what is there.
            version: That of the list, if nothing is there.
        """
        changes = await self._changes(news, version)
        self._found.update(change.resource_version for change in changes)
        return changes

    def covers(self, version: str) -> bool:
        """Return whether every version after the cursor, up to this one, was found.

        Only then did no other object come and go in between.
        """
        if not (self._cursor + version).isdecimal():
            return False
        between = range(int(self._cursor) + 1, int(version) + 1)
        return all(str(number) in self._found for number in between)

    async def _read_state(self, known: ObjectMeta, version: str) -> ListedObject | None:
        found = await self._list_watch.object_at(known, version=version)
        return None if found is None else self._listed([found])[0]

    def _listed(self, items: Sequence[bytes]) -> list[ListedObject]:
        resource = self._list_watch.resource
        try:
            return [*read_listed(items, resource=resource, keeps=self._keeps)]
        except UnreadableError as error:
            raise _LostError from error

    async def _changes(self, news: Delta, version: str) -> list[Change]:
        self._bytes_left = BYTES_LIMIT
        changes: list[Change] = []
        if news.now is not None:
            walk = await self._walk(news.now, news.was)
            is_known = news.is_same_object and walk.reached != "nothing"
            changes = self._modified(walk, begins="modified" if is_known else "added")
            if is_known:
                return changes
            version = walk.version
        if news.was is not None:
            changes = [*await self._deleted(news.was, version), *changes]
        return changes

    async def _walk(self, newest: ListedObject, was: ObjectMeta | None) -> _Walk:
        """Go back from one state to the known one, or as far as possible."""
        states, version = [newest], newest.version
        uid = newest.known.uid
        known = was.version if was and was.uid == uid else self._cursor
        while is_newer(states[-1].version, than=known):
            version = previous(states[-1].version) or ""
            try:
                before = await self._state(newest.known, version)
            except _LostError:
                self.is_whole = False
                return _Walk(states=states, reached="lost", version=states[-1].version)
            if before is None or before.known.uid != uid:
                return _Walk(states=states, reached="nothing", version=version)
            states.append(before)
        return _Walk(states=states[:-1] or states, reached="known", version=version)

    async def _deleted(self, was: ObjectMeta, absent: str) -> list[Change]:
        """Return the changes of an object that was gone at a version."""
        try:
            last, version = await self._last_state(was, absent)
        except _LostError:
            self.is_whole = False
            return [unseen_deletion(was, resource=self._list_watch.resource)]
        changes = []
        if last.version != was.version:
            walk = await self._walk(last, was)
            changes = self._modified(walk, begins="modified")
            self._observer.count("rewound")
        self._observer.count("rewound")
        deletion = Change(
            change="deleted",
            resource=self._list_watch.resource,
            object=with_resource_version(last.object, version=version),
            resource_version=version,
            listed=True,
            known=last.known,
        )
        return [*changes, deletion]

    async def _last_state(
        self, was: ObjectMeta, absent: str
    ) -> tuple[ListedObject, str]:
        """Return the state before a deletion, and the deletion's version."""
        present, last = max(self._cursor, was.version, key=order), None
        while (half := middle(present, absent)) is not None:
            state = await self._state(was, half)
            if state is not None and state.known.uid == was.uid:
                present, last = half, state
            else:
                absent = half
        last = last or await self._state(was, present)
        if last is None or not is_next(absent, after=present):
            raise _LostError
        return last, absent

    def _modified(
        self, walk: _Walk, *, begins: Literal["added", "modified"]
    ) -> list[Change]:
        """Return the states of a walk as changes, oldest first."""
        for _ in walk.states[1:]:
            self._observer.count("rewound")
        kinds = [begins] + ["modified"] * (len(walk.states) - 1)
        return [
            listed_change(state, change=kind, resource=self._list_watch.resource)
            for state, kind in zip(reversed(walk.states), kinds, strict=True)
        ]

    async def _state(self, known: ObjectMeta, version: str) -> ListedObject | None:
        if not version or self._bytes_left <= 0:
            raise _LostError
        found = await self._ask(partial(self._read_state, known, version))
        if found is not None:
            self._bytes_left -= len(found.object)
        return found

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        if self._requests_left <= 0:
            raise _LostError
        self._requests_left -= 1
        try:
            return await self._retry.call(question, unless=_LOST)
        except _LOST as error:
            raise _LostError from error
