"""A queue in memory, for tests on a virtual clock: what ingest and deliver call."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, takewhile
from typing import Any

from msgspec.structs import replace as altered

from bridge.errors import (
    OutcomeNotRecordedError,
    QueueError,
    QueueFullError,
    StaleCursorError,
)
from bridge.queue import (
    RECALL_LIMIT,
    Dead,
    Delivered,
    Depth,
    Entry,
    Forward,
    Gate,
    Lease,
    Ordering,
    Outcome,
    Released,
    Retry,
    Scope,
    Storage,
    StoredCursor,
)
from bridge.queue.sqlite.order import lane_of

MOST_WAITED = 0.5
"""Seconds after which a waiting call of `lease` looks again whatever happened."""


@dataclass
class Delivery:
    """A row."""

    lease: Lease
    due: float
    leased: bool = False


def _age(row: Delivery) -> int:
    return int(row.lease.handle)  # type: ignore[call-overload,no-any-return]


@dataclass
class MemoryQueue:
    """Keeps what a test puts.

    Attributes:
        now: Unix seconds.
        full: Set to make put refuse.
        stuck: Set to make settle fail as on a full volume.
        orderings: Of sinks that were opened with one.
        runs: Of sinks that were opened with one.
        lazily: How each call of settle was.
    """

    now: Callable[[], float] = time.time
    full: str | None = None
    stuck: bool = False
    max_entries: int = 500
    entries: list[Entry] = field(default_factory=list)
    dead_letters: list[Dead] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)
    lazily: list[bool] = field(default_factory=list)
    rows: dict[int, Delivery] = field(default_factory=dict)
    positions: dict[Scope, str] = field(default_factory=dict)
    memory: dict[Scope, dict[str, bytes]] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    orderings: dict[str, Ordering] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    handles: Any = field(default_factory=count)

    async def put(
        self,
        entries: Sequence[Entry],
        *,
        scope: Scope,
        since: str | None,
        to: str | None,
    ) -> None:
        """See `Queue.put`."""
        if self.positions.get(scope) != since:
            raise StaleCursorError(f"expected {since}")
        if self.full is not None:
            raise QueueFullError(self.full)
        self.entries.extend(entries)
        for entry in entries:
            self._remember(scope, entry)
            for sink in entry.sinks:
                self.add(entry, sink)
        if to is not None:
            self.positions[scope] = to
        self._wake()

    def _remember(self, scope: Scope, entry: Entry) -> None:
        if entry.remember is not None:
            key, value = entry.remember
            known = self.memory.setdefault(scope, {})
            known.pop(key, None)
            if value is not None:
                known[key] = value

    def add(self, entry: Entry, sink: str) -> None:
        """Make one delivery wait."""
        assert entry.encoded is not None
        handle = next(self.handles)
        lease = Lease(
            handle=handle,
            sink=sink,
            event=entry.encoded,
            attempt=1,
            age_seconds=0.0,
            stored=self.now(),
        )
        self.rows[handle] = Delivery(lease=lease, due=self.now())
        self._wake()

    async def cursors(self) -> Sequence[StoredCursor]:
        """See `Queue.cursors`."""
        moved = datetime.fromtimestamp(self.now(), UTC)
        return [
            StoredCursor(scope=scope, resource_version=version, moved=moved)
            for scope, version in self.positions.items()
        ]

    async def cursor(self, scope: Scope) -> str | None:
        """See `Queue.cursor`."""
        return self.positions.get(scope)

    async def set_cursor(self, scope: Scope, to: str | None) -> None:
        """See `Queue.set_cursor`."""
        self.positions.pop(scope, None)
        if to is None:
            self.memory.pop(scope, None)
        else:
            self.positions[scope] = to

    async def remembered(
        self, scope: Scope, prefix: str = ""
    ) -> AsyncIterator[tuple[str, bytes]]:
        """See `Queue.remembered`."""
        for key, value in sorted(self.memory.get(scope, {}).items()):
            if key.startswith(prefix):
                yield key, value

    async def recall(self, scope: Scope, keys: Sequence[str]) -> Mapping[str, bytes]:
        """See `Queue.recall`."""
        if len(keys) > RECALL_LIMIT:
            raise QueueError(f"recall: got {len(keys)} keys")
        known = self.memory.get(scope, {})
        return {key: known[key] for key in keys if key in known}

    async def lease(self, sink: str, limit: int) -> Sequence[Lease]:
        """See `Queue.lease`."""
        while not (due := self._due(sink)):
            self.changed.clear()
            try:
                async with asyncio.timeout(self._seconds_to_wait(sink)):
                    await self.changed.wait()
            except TimeoutError:
                continue
        for row in due[:limit]:
            row.leased = True
        return [row.lease for row in due[:limit]]

    def _seconds_to_wait(self, sink: str) -> float:
        """Return how long nothing changes by itself; tests may move the clock."""
        gate = self.gates.get(sink)
        times = [row.due for row in self.rows.values() if row.lease.sink == sink]
        times += [gate.until] if gate is not None and gate.until is not None else []
        return min([MOST_WAITED, *(at - self.now() for at in times if at > self.now())])

    def _due(self, sink: str) -> list[Delivery]:
        gate = self.gates.get(sink)
        if gate is not None and (gate.until is None or gate.until > self.now()):
            return []
        rows = [row for row in self.rows.values() if row.lease.sink == sink]
        ordering = self.orderings.get(sink, "none")
        if ordering == "sink":
            oldest = [] if any(row.leased for row in rows) else sorted(rows, key=_age)
            run = oldest[: self.runs[sink]]
            return list(takewhile(lambda row: row.due <= self.now(), run))
        if ordering == "object":
            heads: dict[int, Delivery] = {}
            for row in sorted(rows, key=lambda row: (not row.leased, _age(row))):
                heads.setdefault(lane_of(row.lease.event), row)
            rows = list(heads.values())
        rows = [row for row in rows if not row.leased and row.due <= self.now()]
        return sorted(rows, key=lambda row: (row.due, row.lease.handle))

    async def open_sink(
        self, sink: str, *, ordering: Ordering = "none", run: int = 1, **_: Any
    ) -> None:
        """See `Queue.open_sink`; one that was not opened is in no order."""
        self.orderings[sink] = ordering
        self.runs[sink] = run

    async def sinks(self) -> Sequence[str]:
        """See `Queue.sinks`."""
        return list({*self.orderings, *(row.lease.sink for row in self.rows.values())})

    async def settle(
        self, outcomes: Sequence[Outcome], *, lazily: bool = False
    ) -> None:
        """See `Queue.settle`; nothing is any later for it."""
        self.lazily.append(lazily)
        await asyncio.sleep(0)
        if self.stuck:
            raise OutcomeNotRecordedError("no space left")
        for outcome in outcomes:
            self._settle(outcome)
        self._wake()

    def _settle(self, outcome: Outcome) -> None:
        handle = outcome.lease.handle
        assert isinstance(handle, int)
        row = self.rows.pop(handle, None)
        if row is None:
            return
        match outcome:
            case Delivered():
                self.delivered.append(row.lease.event.id)
            case Dead(forward=Forward(sink=sink, event=event)):
                self.add(Entry(event=None, encoded=event), sink)
            case Dead():
                self.dead_letters.append(outcome)
            case Released():
                self.rows[handle] = Delivery(lease=row.lease, due=row.due)
            case Retry(due=due):
                lease = altered(
                    row.lease,
                    attempt=row.lease.attempt + 1,
                    age_seconds=self.now() - row.lease.stored,
                )
                self.rows[handle] = Delivery(lease=lease, due=due)

    async def gate(self, sink: str, gate: Gate | None) -> None:
        """See `Queue.gate`."""
        self.gates.pop(sink, None)
        if gate is not None:
            self.gates[sink] = gate
        self._wake()

    async def gated(self, sink: str) -> Gate | None:
        """See `Queue.gated`."""
        return self.gates.get(sink)

    async def depth(self, sink: str) -> Depth:
        """See `Queue.depth`."""
        rows = [row for row in self.rows.values() if row.lease.sink == sink]
        stored = [row.lease.stored for row in rows]
        return Depth(
            waiting=len(rows),
            leased=sum(row.leased for row in rows),
            delayed=sum(row.due > self.now() for row in rows),
            dead=sum(one.lease.sink == sink for one in self.dead_letters),
            oldest=datetime.fromtimestamp(min(stored), UTC) if stored else None,
        )

    async def storage(self) -> Storage:
        """See `Queue.storage`."""
        return Storage(used_bytes=0, max_bytes=1, full=self.full)

    def _wake(self) -> None:
        self.changed.set()
