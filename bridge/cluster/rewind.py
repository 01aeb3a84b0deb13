"""What lay between two known states, asked for one revision at a time.

The watch cache of an API server forgets sooner than etcd: after a restart it begins
empty. Then no watch begins at the cursor, although etcd still has every state since.
A list at an exact version tells the state of one object at that version, so each object
that changed is walked back, from its newest state to the one that was known::

    known ◀── … ◀── the state one version before ◀── newest
    known ◀── … ◀── the last state ◀─ bisected ─▶ deleted

What cannot be seen so: an object that was created and deleted again between the cursor
and the list, or deleted, created and deleted under one name, for nothing that is known
leads to it. The list is read at the oldest version that can be watched, if the API
server tells it, so that this is about the time before its restart and not after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from bridge.cluster import Change, Known
from bridge.cluster.changes import Listed, read_listed, stamped
from bridge.cluster.collection import Collection
from bridge.cluster.difference import News, listed_change, unseen_deletion
from bridge.cluster.hooks import Hooks
from bridge.cluster.identity import Keeps
from bridge.cluster.patience import Patience
from bridge.cluster.versions import is_newer, is_next, middle, order, previous
from bridge.errors import ExpiredError, FutureVersionError, NotServedError

REQUESTS_LIMIT = 5_000
"""Most requests for one repair, one after the other: about ten seconds of the cheapest
kind, 2 ms each. Where more was missed the API server should be spared, and a `Gap` says
so."""

BYTES_LIMIT = 64 * 1024 * 1024
"""Most bytes of one object's states, which are held until the oldest is found."""


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

    states: Sequence[Listed]
    reached: Literal["known", "nothing", "lost"]
    version: str


class Rewinder:
    """Finds the changes between a cursor and a list.

    Attributes:
        is_whole: Whether nothing that it looked for was lost.
    """

    def __init__(
        self,
        collection: Collection,
        *,
        cursor: str,
        keeps: Keeps,
        patience: Patience,
        hooks: Hooks,
    ) -> None:
        """Bind what is asked.

        Args:
            collection: What is listed.
            cursor: Up to here everything is known.
            keeps: What is remembered of objects.
            patience: Waits out failures.
            hooks: What the caller lends.
        """
        self.is_whole = True
        self._collection = collection
        self._cursor = cursor
        self._keeps = keeps
        self._patience = patience
        self._hooks = hooks
        self._requests_left = REQUESTS_LIMIT
        self._bytes_left = BYTES_LIMIT

    async def changes(self, news: News, *, version: str) -> list[Change]:
        """Return what led from one state to the other, oldest first.

        Args:
            news: What was known and what is there.
            version: That of the list, if nothing is there.
        """
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

    async def _walk(self, newest: Listed, was: Known | None) -> _Walk:
        """Go back from one state until what was known, or as far as possible."""
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

    async def _deleted(self, was: Known, absent: str) -> list[Change]:
        """Return what became of an object that was not there any more at a version."""
        try:
            last, version = await self._last_state(was, absent)
        except _LostError:
            self.is_whole = False
            return [unseen_deletion(was, resource=self._collection.resource)]
        changes = []
        if last.version != was.version:
            walk = await self._walk(last, was)
            changes = self._modified(walk, begins="modified")
            self._hooks.count("rewound")
        self._hooks.count("rewound")
        deletion = Change(
            change="deleted",
            resource=self._collection.resource,
            object=stamped(last.object, version=version),
            resource_version=version,
            listed=True,
            known=last.known,
        )
        return [*changes, deletion]

    async def _last_state(self, was: Known, absent: str) -> tuple[Listed, str]:
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
            self._hooks.count("rewound")
        kinds = [begins] + ["modified"] * (len(walk.states) - 1)
        return [
            listed_change(state, change=kind, resource=self._collection.resource)
            for state, kind in zip(reversed(walk.states), kinds, strict=True)
        ]

    async def _state(self, known: Known, version: str) -> Listed | None:
        if not version or self._requests_left <= 0 or self._bytes_left <= 0:
            raise _LostError
        self._requests_left -= 1
        try:
            found = await self._patience.insist(
                partial(self._collection.object_at, known, version=version),
                unless=_LOST,
            )
        except _LOST as error:
            raise _LostError from error
        if found is None:
            return None
        self._bytes_left -= len(found)
        resource = self._collection.resource
        return next(read_listed([found], resource=resource, keeps=self._keeps), None)
