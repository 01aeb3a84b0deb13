"""KEEP: events, deliveries and cursors, durable together.

The promise of the whole stands here. `put` is one atomic commit of entries, what the
reader remembers and its cursor, which is compared before it is set. So at every durable
instant each routed event at or before the cursor is waiting, or was answered 2xx, or is
a dead letter. Only an answer, a dead letter or an operator's purge ends a delivery::

    put ──▶ waiting ──lease──▶ leased ──settle──▶ Delivered ──▶ kept for a while
               ▲                  │
               ├──Released────────┤
               └──Retry(due)──────┤
               ▲                  └──Dead──▶ dead letter ──purge──▶ gone
               └───────────enqueue──────────────┘
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal, Protocol

from bridge.queue.records import (
    Dead,
    DeadLetter,
    Delivered,
    Depth,
    Entry,
    Extent,
    Forward,
    Gate,
    GateKind,
    Kept,
    Lease,
    Outcome,
    Pending,
    Released,
    Retry,
    Scope,
    Storage,
    StoredCursor,
    Tally,
)

__all__ = [
    "RECALL_LIMIT",
    "Dead",
    "DeadLetter",
    "Delivered",
    "Depth",
    "Entry",
    "Extent",
    "Forward",
    "Gate",
    "GateKind",
    "Kept",
    "Lease",
    "Ordering",
    "Outcome",
    "Pending",
    "Queue",
    "Released",
    "Retry",
    "Scope",
    "Storage",
    "StoredCursor",
    "Tally",
]

Ordering = Literal["none", "object", "sink"]
"""Which deliveries to one sink may overtake each other."""

RECALL_LIMIT: Final = 500
"""Most keys that `Queue.recall` takes."""


class Queue(Protocol):
    """The durable store between reading and sending."""

    @property
    def max_entries(self) -> int:
        """Most entries that a single put may hold."""
        ...

    async def put(
        self,
        entries: Sequence[Entry],
        *,
        scope: Scope,
        since: str | None,
        to: str | None,
    ) -> None:
        """Store all entries, all they remember and cursor `to`, or nothing.

        Args:
            entries: At most `max_entries`; may be empty, then only the cursor moves.
            scope: Whose cursor.
            since: The cursor that the reader read from; None: none is stored.
            to: The new cursor; equal to `since` for a page of a snapshot that is not
                complete.

        Raises:
            StaleCursorError: The stored cursor is not `since`.
            QueueFullError: There is no room; nothing happened.
            EntryTooLargeError: One entry can never be stored; nothing happened.
        """
        ...

    async def cursor(self, scope: Scope) -> str | None:
        """Return the version up to which every routed event is in the queue.

        None when the scope was never read to the end of its first snapshot.
        """
        ...

    async def cursors(self) -> Sequence[StoredCursor]:
        """Return all cursors, also those that no source uses any more."""
        ...

    async def set_cursor(self, scope: Scope, to: str | None) -> None:
        """Set a cursor for an operator; None forgets it and all memos of its scope."""
        ...

    def remembered(
        self, scope: Scope, prefix: str = ""
    ) -> AsyncIterator[tuple[str, bytes]]:
        """Iterate what was known at the cursor, in key order, page by page.

        Args:
            scope: Whose.
            prefix: Begins each key that is wanted; empty: all are. Nothing else is
                read.
        """
        ...

    async def recall(self, scope: Scope, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the values of those keys that are remembered, as of the last put.

        Args:
            scope: Whose.
            keys: At most `RECALL_LIMIT`.

        Raises:
            QueueError: There are more.
        """
        ...

    async def open_sink(
        self,
        sink: str,
        *,
        ordering: Ordering = "none",
        run: int = 1,
        max_backlog: int | None = None,
        on_full: Literal["block", "dead-letter-oldest"] = "block",
    ) -> None:
        """From now on deliveries for this sink can be put and leased; repeatable.

        Args:
            sink: Its name.
            ordering: ``none``: any order, oldest due first. ``object``: of the events
                with one `partitionkey` (else one `subject`) at most one is leased,
                always the oldest that has not ended, while others flow; ``sink``: the
                same of all events. A dead letter lets the next one go, and what is
                delivered anew goes before what is younger: both break the order that
                the sink sees, on purpose. A purge or the end of a lease's time counts
                as an end, although an attempt may still be under way.
            run: With ``sink``: how many of the oldest one call of `lease` may hand out
                together; nothing more is leased until all of these have ended.
            max_backlog: Most deliveries that may wait; None: only `max_bytes` counts.
            on_full: What a put does that would pass `max_backlog`: refuse, or turn
                the oldest waiting ones into dead letters.
        """
        ...

    async def sinks(self) -> Sequence[str]:
        """Return the names of all sinks with rows, also those not opened."""
        ...

    async def lease(self, sink: str, limit: int) -> Sequence[Lease]:
        """Wait until a delivery is due and the gate is open; return up to `limit`."""
        ...

    async def settle(
        self, outcomes: Sequence[Outcome], *, lazily: bool = False
    ) -> None:
        """Record outcomes; each durable alone, safe to repeat.

        Args:
            outcomes: Of leases of any sinks.
            lazily: Whether it may take a tenth of a second longer, to spare a commit;
                a crash meanwhile repeats the deliveries. Not where an order depends on
                them, nor once the queue closes.

        Raises:
            OutcomeNotRecordedError: The volume is full; settle the same again.
        """
        ...

    async def gate(self, sink: str, gate: Gate | None) -> None:
        """Lease nothing for this sink before `gate.until`; None opens it."""
        ...

    async def gated(self, sink: str) -> Gate | None:
        """Return the gate if one is set, also one whose time has come; else None."""
        ...

    async def enqueue(self, sink: str, handles: Sequence[str]) -> int:
        """Deliver kept events or dead letters again, with their ids; return how many.

        A dead letter enqueued for its own sink leaves the dead letters.
        """
        ...

    def kept(
        self,
        since: datetime,
        after: str | None,
        *,
        extent: Extent = "head",
        newest: bool = False,
    ) -> AsyncIterator[Kept]:
        """Iterate stored events from a time on.

        Few of them are in memory at a time, and few bytes.

        Args:
            since: What was stored earlier is left out.
            after: Handle of the last one that is not wanted; None: from the beginning.
            extent: What of each event is read.
            newest: Newest first, else oldest first.
        """
        ...

    def dead(
        self,
        sink: str | None,
        after: str | None,
        *,
        extent: Extent = "head",
        newest: bool = False,
    ) -> AsyncIterator[DeadLetter]:
        """Iterate dead letters, as `kept`; sink None: of all and of none."""
        ...

    def waiting(
        self,
        sink: str | None,
        after: str | None,
        *,
        extent: Extent = "head",
        newest: bool = False,
    ) -> AsyncIterator[Pending]:
        """Iterate what waits for a sink, leased or not, in the order of its events.

        Args:
            sink: Its name; None: all sinks, for each event in the order of their names.
            after: `Pending.place` of the last one that is not wanted, for one sink
                also its handle; None: from the beginning.
            extent: As of `kept`.
            newest: As of `kept`.
        """
        ...

    async def events(
        self, handles: Sequence[str], *, extent: Extent = "head"
    ) -> Sequence[Kept]:
        """Return those events that are still stored, in the order of their handles."""
        ...

    async def letters(self, event: str) -> Sequence[DeadLetter]:
        """Return the dead letters of one event, by its handle, oldest first.

        A page of them at most, and nothing of the event but its id.
        """
        ...

    async def purge(self, sink: str | None, handles: Sequence[str] | None) -> int:
        """End dead letters and deliveries by handle, or all that wait; return a count.

        Args:
            sink: Whose; None: handles of objects that could not be converted.
            handles: Dead letters, and events that wait for `sink`; None: everything
                that waits for it.
        """
        ...

    async def depth(self, sink: str) -> Depth:
        """Count what lies in the queue for one sink."""
        ...

    async def storage(self) -> Storage:
        """Return the used and the most bytes of the store."""
        ...

    def tallies(self) -> Mapping[str, Tally]:
        """Return the books of all sinks for which there is or was anything.

        All as of one commit, so that what leaves one sink for another is in both.
        """
        ...

    def tally(self, sink: str) -> Tally:
        """Return what began and ended for one sink since the process started."""
        ...
