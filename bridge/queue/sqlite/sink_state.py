"""Keep the state of a sink's deliveries that needs no look at the file.

Leases are memory: they are void when the file is opened, and cost no write. The rows of
a sink fall into two kinds, and each has a place up to which it was handed out::

    fresh     in order of event    ──handed out──▶ position ──▶ not yet
    delayed   in order of due      ──handed out──▶ due_position ──▶ not yet, not due

A row behind its place is leased, or came back and stands in `returned`, or, if the sink
asks for order, waits behind the head of its lane (see `order`): so the next lease never
looks at a leased row again, however many there are.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import Literal, NamedTuple

from bridge.errors import QueueError
from bridge.events import EncodedEvent
from bridge.queue import Gate, Ordering
from bridge.queue.sqlite.clock import ActiveClock, micros
from bridge.queue.sqlite.order import Order

OnFull = Literal["block", "dead-letter-oldest"]

TAIL_EVENTS = 1000
TAIL_BYTES = 2 * 1024 * 1024


class LeaseHandle(NamedTuple):
    """The name of a lease: the event, and a number that no later lease of it has."""

    event: int
    token: int


class LeaseGroup(NamedTuple):
    """The facts that leases share that were handed out together.

    Until when they last (steady microseconds), and the tryable clock at their start.
    """

    token: int
    until: int
    tryable: int


class DeliveryRow(NamedTuple):
    """A delivery that can be leased, and its event.

    `due` orders rows of both kinds: of a fresh one it is when the event was stored.
    `lane` is None if the sink does not ask for order by object.
    """

    event: int
    due: int
    attempts: int
    first: int | None
    stored: int
    encoded: EncodedEvent
    lane: int | None = None


class RowKey(NamedTuple):
    """A delivery row whose event was not read yet."""

    event: int
    due: int
    attempts: int
    first: int | None
    lane: int | None = None


class Tail:
    """The fresh deliveries after `position`, in memory, as far as there is room.

    What was just stored is usually delivered next: it need not be read again.
    """

    def __init__(self) -> None:
        """Start empty, not knowing what the file holds."""
        self.is_complete = False
        self._rows: deque[DeliveryRow | RowKey] = deque()
        self._size_bytes = 0

    def __len__(self) -> int:
        """Return how many deliveries are in memory."""
        return len(self._rows)

    def extend(self, rows: Iterable[DeliveryRow]) -> None:
        """Append what was stored, unless something is missing before it."""
        for row in rows:
            if not self.is_complete:
                return
            self._append(row)

    def fill(self, rows: Iterable[DeliveryRow | RowKey], *, is_complete: bool) -> None:
        """Begin with rows of the file; `is_complete`: it has none after these."""
        self._rows.extend(rows)
        self._size_bytes = sum(map(_size, self._rows))
        self.is_complete = is_complete

    def first(self, limit: int) -> list[DeliveryRow | RowKey]:
        """Return the first ones; they stay."""
        return list(islice(self._rows, limit))

    def drop_through(self, event: int) -> None:
        """Forget the deliveries up to this one, which were handed out."""
        while self._rows and self._rows[0].event <= event:
            self._size_bytes -= _size(self._rows.popleft())

    def forget(self) -> None:
        """Forget all: rows ended without having been leased."""
        self._rows.clear()
        self._size_bytes = 0
        self.is_complete = False

    def _append(self, row: DeliveryRow) -> None:
        size = _size(row)
        if len(self._rows) >= TAIL_EVENTS or self._size_bytes + size > TAIL_BYTES:
            self.is_complete = False
            return
        self._rows.append(row)
        self._size_bytes += size


def _size(row: DeliveryRow | RowKey) -> int:
    return len(row.encoded.body) if isinstance(row, DeliveryRow) else 0


@dataclass(slots=True, kw_only=True)
class SinkBacklog:
    """A sink as the writer thread sees it.

    Attributes:
        id: Key of its row.
        name: Its name.
        tryable: Counts the time in which it could be tried, in microseconds.
        gate: As `Queue.gate` set it; None: no gate.
        is_open: Whether it was opened since the start.
        max_backlog: See `Queue.open_sink`.
        on_full: See `Queue.open_sink`.
        ordering: See `Queue.open_sink`.
        run: See `Queue.open_sink`.
        has_lanes: Whether rows that begin to wait are given lanes.
        saved_ordering: What the file says of `ordering`.
        order: The lanes, if `ordering` is ``object``; else None.
        is_unread: Whether the last search ended before it had seen all rows.
        position: Fresh rows up to this event were handed out.
        due_position: Delayed rows up to this (due, event) were handed out.
        next_due: Nothing after `due_position` is due before; None: nothing is there.
        tail: The fresh deliveries that are in memory.
        returned: Events whose leases ended without an outcome, oldest first.
        leased: The leases, by event.
        saved_tryable: What the file says of `tryable`.
        is_gate_saved: Whether the file knows the gate.
    """

    id: int
    name: str
    tryable: ActiveClock
    gate: Gate | None = None
    is_open: bool = False
    max_backlog: int | None = None
    on_full: OnFull = "block"
    ordering: Ordering = "none"
    run: int = 1
    has_lanes: bool = False
    saved_ordering: Ordering = "none"
    order: Order | None = None
    is_unread: bool = False
    position: int = 0
    due_position: tuple[int, int] = (0, 0)
    next_due: int | None = 0
    tail: Tail = field(default_factory=Tail)
    returned: dict[int, None] = field(default_factory=dict)
    leased: dict[int, LeaseGroup] = field(default_factory=dict)
    saved_tryable: int = 0
    is_gate_saved: bool = True

    def pass_gate(self, *, wall: int, steady: int) -> bool:
        """Return whether deliveries may be leased now; count the time if so."""
        if self.gate is not None and wall < _opens(self.gate):
            return False
        self.tryable.start(steady)
        return True

    def close_gate(self, gate: Gate | None, *, wall: int, steady: int) -> None:
        """Set or open the gate; the time behind it makes nothing older."""
        self.gate = gate
        self.is_gate_saved = False
        if not self.pass_gate(wall=wall, steady=steady):
            self.tryable.stop(steady)

    def wakes_at(self, wall: int) -> int | None:
        """Return when, by the wall clock, more may be leased; None: only by a put.

        Asked after a lease found nothing, so what is due now needs no mention.
        """
        if self.gate is not None and wall < _opens(self.gate):
            return None if self.gate.until is None else micros(self.gate.until)
        return wall if self.is_unread else self.next_due

    @property
    def has_wait(self) -> bool:
        """Whether a delivery, or the sink, waits for a time of the wall clock."""
        is_gated = self.gate is not None and self.gate.until is not None
        return is_gated or self.next_due is not None

    def has_more(self, wall: int) -> bool:
        """Return whether rows are left that no search has seen."""
        if self.next_due is not None and self.next_due <= wall:
            return True
        return bool(self.tail) or not self.tail.is_complete

    def is_ahead(self, wall: int) -> bool:
        """Return whether the next deliveries are in memory, so that no file is asked.

        Read on the event loop, while the writer's thread rests.
        """
        is_plain = self.ordering == "none" and not self.returned
        is_delayed = self.next_due is not None and self.next_due <= wall
        return is_plain and bool(self.tail) and not is_delayed

    def may_lease(self, wall: int) -> bool:
        """Return whether a lease may find anything; False: it surely finds nothing.

        Read on the event loop, while the writer's thread rests.
        """
        if self.gate is not None or self.ordering == "sink":
            return True
        has_freed = self.order is not None and bool(self.order.freed)
        return bool(self.returned) or has_freed or self.has_more(wall)

    def is_held(self, event: int) -> bool:
        """Return whether the event is leased, or came back from a lease."""
        return event in self.leased or event in self.returned

    def holds(self, handle: object) -> bool:
        """Return whether this very lease has not ended."""
        held = self.leased.get(event_of(handle))
        return held is not None and handle == (event_of(handle), held.token)

    def give_back(self, events: Sequence[int]) -> None:
        """End leases without an outcome: the deliveries are due at once."""
        if self.order is not None:
            self.order.mix_leased(events)
        for event in events:
            if self.leased.pop(event, None) is not None:
                self.returned[event] = None
                if self.order is not None:
                    self.order.end(event)

    def expire(self, steady: int) -> None:
        """End the leases whose time is over."""
        late = [event for event, held in self.leased.items() if held.until <= steady]
        self.give_back(late)

    def end(self, events: Iterable[int]) -> None:
        """Forget leases whose outcome is recorded."""
        for event in events:
            self.leased.pop(event, None)
            self.returned.pop(event, None)
            if self.order is not None:
                self.order.end(event)

    def delay(self, events: Sequence[int], due: int) -> None:
        """Forget leases whose deliveries wait; the first of them is due then."""
        if self.order is not None:
            self.order.mix_leased(events)
        self.end(events)
        self.expect(due)

    def expect(self, due: int) -> None:
        """Note that a row is due then."""
        self.next_due = due if self.next_due is None else min(self.next_due, due)

    def look_again(self) -> None:
        """Search the delayed rows from the beginning: their times were changed."""
        self.due_position = (0, 0)
        self.next_due = 0

    def search_anew(self) -> None:
        """Search all rows from the beginning; what is leased stays leased."""
        self.position = 0
        self.look_again()
        self.returned.clear()
        self.tail.forget()
        self.is_unread = False
        if self.order is not None:
            self.order.freed.clear()

    def put_in_order(
        self,
        ordering: Ordering,
        leased: Iterable[tuple[int, int]],
        mixed: Iterable[int],
    ) -> None:
        """Hand out by other rules from now on.

        Args:
            ordering: Which.
            leased: Events and their lanes.
            mixed: Lanes of delayed rows.
        """
        self.ordering = ordering
        self.has_lanes = ordering == "object"
        self.order = Order(mixed) if self.has_lanes else None
        if self.order is not None:
            for event, lane in leased:
                self.order.take(event, lane)
        self.search_anew()

    def mix_lanes(self, lanes: Iterable[int]) -> None:
        """Note that rows of these lanes may lie behind what was handed out."""
        if self.order is not None:
            self.order.mix(lanes)

    def free_lanes(self, lanes: Iterable[int]) -> None:
        """Note that rows of these lanes ended without a lease of their own."""
        if self.order is not None and not self.order.free(lanes):
            self.search_anew()


def _opens(gate: Gate) -> float:
    return inf if gate.until is None else micros(gate.until)


def event_of(handle: object) -> int:
    """Return the event of a lease's handle.

    Raises:
        QueueError: The lease is none of this queue.
    """
    if not isinstance(handle, LeaseHandle):
        raise QueueError(f"lease {handle!r}: expected one of this queue")
    return handle.event
