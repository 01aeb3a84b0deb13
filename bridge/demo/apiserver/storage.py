"""Objects with revisions and history: what etcd is to a real API server.

One counter numbers all writes. A *table* holds the objects of one resource in the
order of their keys (``<namespace>/<name>`` or ``<name>``). Every write is kept as a
`Record`, so that the past can be listed and watched until it is compacted.
"""

import asyncio
import math
import time
from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from operator import attrgetter
from typing import Any, Literal

import msgspec

Change = Literal["ADDED", "MODIFIED", "DELETED"]
Object = dict[str, Any]

_revision = attrgetter("revision")


class CompactedError(Exception):
    """The history that was asked for is gone."""


class FutureRevisionError(Exception):
    """The revision that was asked for has not happened yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A write: what was done to one object, at which revision."""

    revision: int
    change: Change
    key: str
    body: bytes
    """The object as JSON, without ``kind`` and ``apiVersion``, stamped with
    ``revision``; of a deleted one, its last state."""
    previous: bytes | None
    """The body before this write; ``None`` if there was no object."""

    @property
    def object(self) -> Object:
        """The decoded body."""
        decoded: Object = msgspec.json.decode(self.body)
        return decoded


@dataclass(slots=True)
class _Table:
    """The objects of one resource, now and in the past."""

    keys: list[str] = field(default_factory=list)
    versions: dict[str, list[Record]] = field(default_factory=dict)
    log: list[Record] = field(default_factory=list)
    ledger: list[Record] = field(default_factory=list)
    deadlines: dict[str, float] = field(default_factory=dict)
    lease_open_until: float = -math.inf
    lease_ends: float = -math.inf

    def at(self, key: str, revision: int | None = None) -> Record | None:
        """Return the write that made ``key`` what it is at ``revision`` (now)."""
        versions = self.versions.get(key, [])
        if revision is not None:
            versions = versions[: bisect_right(versions, revision, key=_revision)]
        if not versions or versions[-1].change == "DELETED":
            return None
        return versions[-1]

    def append(self, record: Record) -> None:
        """Take a new write in."""
        if record.key not in self.versions:
            insort(self.keys, record.key)
        self.versions.setdefault(record.key, []).append(record)
        self.log.append(record)
        self.ledger.append(record)

    def due(self, now: float) -> list[str]:
        """Return the keys whose time is over; the deadlines are in order."""
        deadlines = self.deadlines.items()
        return [key for key, _ in takewhile(lambda item: item[1] <= now, deadlines)]

    def live(self, key: str, *, now: float, ttl: float) -> None:
        """Let an object live that long from now.

        As in a real API server, what is written shortly after one another shares a
        lease of etcd, and so dies in one revision.
        """
        if now >= self.lease_open_until:
            window = min(0.05 * ttl, 60.0)
            self.lease_open_until, self.lease_ends = now + window, now + window + ttl
        # Taken out and put back: the dictionary stays in the order of the deadlines.
        self.deadlines.pop(key, None)
        self.deadlines[key] = self.lease_ends

    def forget(self, revision: int) -> None:
        """Drop what only reads before ``revision`` could see."""
        for key, versions in list(self.versions.items()):
            kept = bisect_right(versions, revision, key=_revision) - 1
            del versions[: max(kept, 0)]
            if len(versions) == 1 and versions[0].change == "DELETED":
                del self.versions[key]
        self.keys = sorted(self.versions)
        del self.log[: bisect_left(self.log, revision, key=_revision)]

    def rewind(self, revision: int) -> None:
        """Undo what was written after ``revision``; the ledger keeps it."""
        self.deadlines.clear()
        del self.log[bisect_right(self.log, revision, key=_revision) :]
        for key, versions in list(self.versions.items()):
            del versions[bisect_right(versions, revision, key=_revision) :]
            if not versions:
                del self.versions[key]
        self.keys = sorted(self.versions)


class ObjectStorage:
    """All tables under one revision counter.

    ``changed`` is set, and replaced by a fresh one, whenever something was written:
    take it, read, then wait for it, and no write is missed.
    """

    def __init__(
        self,
        *,
        ttl_seconds: Mapping[str, float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start empty at revision 1.

        Args:
            ttl_seconds: by table, how long an object lives after its last write.
            clock: the present in seconds.
        """
        self.revision = 1
        self.compacted = 0
        self.changed = asyncio.Event()
        self._tables: defaultdict[str, _Table] = defaultdict(_Table)
        self._ttl_seconds = ttl_seconds
        self._clock = clock

    def get(self, table: str, key: str) -> bytes | None:
        """Return the object at ``key``, or ``None``."""
        record = self._tables[table].at(key)
        return record.body if record else None

    def put(self, table: str, key: str, value: Object) -> bytes:
        """Write ``value`` as a new revision, stamp it with that, return it as JSON."""
        before = self.get(table, key)
        self._write(table, key, "MODIFIED" if before else "ADDED", value, before)
        if ttl := self._ttl_seconds.get(table):
            self._tables[table].live(key, now=self._clock(), ttl=ttl)
        self._advance()
        return self._tables[table].log[-1].body

    def remove(self, table: str, *keys: str) -> None:
        """Delete the objects at ``keys``, all in one revision."""
        for key in keys:
            self._tables[table].deadlines.pop(key, None)
            if before := self.get(table, key):
                last = msgspec.json.decode(before)
                self._write(table, key, "DELETED", last, before)
        self._advance()

    def expire(self) -> None:
        """Delete what has outlived its time to live, all in one revision."""
        for name in self._ttl_seconds:
            if due := self._tables[name].due(self._clock()):
                self.remove(name, *due)

    def page(
        self,
        table: str,
        *,
        prefix: str = "",
        start: str = "",
        revision: int | None = None,
    ) -> Iterator[Record]:
        """Yield what lay under ``prefix`` at ``revision``, from key ``start`` on.

        ``revision`` is the current one if not given. Nothing must be written while the
        iterator is in use.

        Raises:
            CompactedError: ``revision`` was compacted away.
            FutureRevisionError: ``revision`` has not happened.
        """
        revision = self.revision if revision is None else revision
        if revision < self.compacted:
            raise CompactedError
        if revision > self.revision:
            raise FutureRevisionError
        rows = self._tables[table]
        for index in range(bisect_left(rows.keys, max(prefix, start)), len(rows.keys)):
            if not rows.keys[index].startswith(prefix):
                return
            if record := rows.at(rows.keys[index], revision):
                yield record

    def changes(self, table: str, *, after: int, limit: int) -> Sequence[Record]:
        """Return the first ``limit`` writes after revision ``after``, or a few more.

        Writes of one revision are never parted.

        Raises:
            CompactedError: some of them were compacted away. The write at the
                compacted revision itself can still be read, as in etcd.
        """
        if after + 1 < self.compacted:
            raise CompactedError
        log = self._tables[table].log
        first = bisect_right(log, after, key=_revision)
        if first == len(log):
            return ()
        last = log[min(first + limit, len(log)) - 1].revision
        return log[first : bisect_right(log, last, key=_revision)]

    def compact(self, revision: int) -> None:
        """Forget the history before ``revision``; the ledger keeps it."""
        self.compacted = max(self.compacted, min(revision, self.revision))
        for table in self._tables.values():
            table.forget(self.compacted)

    def rollback(self, revision: int) -> None:
        """Go back to ``revision``, as a restored backup does.

        Later revisions are numbered anew. The ledger keeps both lines of history.
        """
        for name, table in self._tables.items():
            table.rewind(revision)
            if ttl := self._ttl_seconds.get(name):
                for key in filter(table.at, table.keys):
                    table.live(key, now=self._clock(), ttl=ttl)
        self.revision = revision
        self.wake()

    def ledger(self, table: str) -> Sequence[Record]:
        """Return every write there ever was, compacted and rolled back ones too."""
        return tuple(self._tables[table].ledger)

    def wake(self) -> None:
        """Let everybody who waits for a change look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def _write(
        self, table: str, key: str, change: Change, value: Object, before: bytes | None
    ) -> None:
        """Record one write at the revision that is about to be."""
        revision = self.revision + 1
        value["metadata"]["resourceVersion"] = str(revision)
        self._tables[table].append(
            Record(
                revision=revision,
                change=change,
                key=key,
                body=msgspec.json.encode(value),
                previous=before,
            )
        )

    def _advance(self) -> None:
        """Make the revision that was just written the current one."""
        self.revision += 1
        self.wake()
