"""Rows of the queue, of its dead letters and of the journal, as one list in time.

::

    waiting ───┐
    delivered ─┼─▶ merged by when each came to its state ─▶ a place in all three
    dead ──────┘

A list of one state has the handles of its rows for places. A list of all states, newest
first, also has the time of its first page, so that later changes do not appear in it.
"""

import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar, get_args

from bridge.errors import RequestError
from bridge.events import EncodedEvent
from bridge.events.encode import without_data
from bridge.journal import Attempt, Recorded
from bridge.operate import Delivery, DeliveryStore, Place, State
from bridge.operate.selection import Selection
from bridge.queue import DeadLetter, Extent, Kept, Pending

MOST_SCANNED = 2_000
"""Most rows that one request for a page looks at, some 50 ms of work."""

MOST_SECONDS = 1.0
"""After this time a request for a page looks at no further row."""

STATES: tuple[State, ...] = get_args(State)

_ATTEMPT = re.compile(r"j[0-9]{1,18}\.[0-9]{1,9}")
_TIME = re.compile(r"[0-9]{1,11}\.[0-9]{6}")
_BEGAN = "began"
_LONGEST_NUMBER = 18


class Row(Protocol):
    """A stored row with a handle."""

    @property
    def handle(self) -> str:
        """The store's name for the row."""
        ...


Item = TypeVar("Item")
Stored = TypeVar("Stored", bound=Row)


@asynccontextmanager
async def closing(rows: AsyncIterator[Item]) -> AsyncIterator[AsyncIterator[Item]]:
    """Yield `rows`, and close them when the block is left early."""
    try:
        yield rows
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """The result of a walk through rows.

    Attributes:
        found: The rows that were taken.
        first: Place of the first row that was looked at; None: there was none.
        last: Place of the last one; None: there was none.
        is_over: Whether there are no more rows.
    """

    found: list[Delivery]
    first: str | None
    last: str | None
    is_over: bool


async def walk(
    rows: AsyncIterator[Delivery],
    take: Callable[[Delivery], Delivery | None],
    *,
    limit: int,
) -> Walked:
    """Look at rows until `limit` are found, or the bounds of one request are reached.

    Args:
        rows: The rows.
        take: Returns what to keep of a row; None: leave it out.
        limit: Most rows to find.
    """
    found: list[Delivery] = []
    first = last = None
    end = time.monotonic() + MOST_SECONDS
    scanned = 0
    async with closing(rows):
        async for row in rows:
            scanned += 1
            last = row.place
            first = first or last
            if (taken := take(row)) is not None:
                found.append(taken)
            is_enough = len(found) == limit or scanned == MOST_SCANNED
            if is_enough or time.monotonic() > end:
                return Walked(found=found, first=first, last=last, is_over=False)
    return Walked(found=found, first=first, last=last, is_over=True)


async def get(
    rows_after: Callable[[str], AsyncIterator[Stored]], handle: str
) -> Stored | None:
    """Return the row with a handle; None: there is none.

    Args:
        rows_after: Returns the rows after a handle.
        handle: A letter and a number, as the store makes them.
    """
    number = handle[1:]
    is_number = number.isascii() and number.isdecimal()
    if not is_number or len(number) > _LONGEST_NUMBER or int(number) < 1:
        return None
    async with closing(rows_after(f"{handle[:1]}{int(number) - 1}")) as rows:
        async for row in rows:
            return row if row.handle == handle else None
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How rows are read.

    Attributes:
        selection: Rows of other sinks and older ones are left out; its other
            conditions are not checked here.
        extent: How much of each event is read.
        newest: Newest first, else oldest first.
    """

    selection: Selection
    extent: Extent
    newest: bool = False


def stream(
    store: DeliveryStore, place: Place, options: ReadOptions, after: str | None
) -> AsyncIterator[Delivery]:
    """Return the rows of one kind after a place; None: from the beginning.

    Raises:
        RequestError: `after` is not the handle of an attempt.
    """
    selection, extent, newest = options.selection, options.extent, options.newest
    queue = store.queue
    match place:
        case "kept":
            kept = queue.kept(selection.since, after, extent=extent, newest=newest)
            return _converted(kept, from_kept)
        case "waiting":
            rows = queue.waiting(selection.sink, after, extent=extent, newest=newest)
            return _converted(rows, from_pending)
        case "dead":
            letters = queue.dead(selection.sink, after, extent=extent, newest=newest)
            return _converted(letters, from_letter)
        case "delivered":
            if after is not None and not _ATTEMPT.fullmatch(after):
                raise _no_place()
            return _converted(_attempts(store, options, after), from_attempt)


async def _converted(
    rows: AsyncIterator[Item], convert: Callable[[Item], Delivery]
) -> AsyncIterator[Delivery]:
    async with closing(rows):
        async for row in rows:
            yield convert(row)


def _attempts(
    store: DeliveryStore, options: ReadOptions, after: str | None
) -> AsyncIterator[Recorded]:
    """Iterate attempts that were taken, and a few others that show the progress."""
    sink = options.selection.sink

    def is_taken(attempt: Attempt) -> bool:
        return attempt.ending == "delivered" and sink in {None, attempt.sink}

    since = options.selection.since.timestamp()
    newest = options.newest
    return store.journal.recorded(after, since=since, newest=newest, keep=is_taken)


def from_kept(row: Kept) -> Delivery:
    """Return a stored event, delivered or not."""
    return Delivery(
        place=row.handle,
        handle=row.handle,
        state=None,
        event=row.handle,
        sink=None,
        id=row.event.id,
        encoded=readable(row.event),
        stored=row.stored,
        entered=row.stored,
        routes=row.routes,
        waiting=row.waiting,
        size_bytes=row.size_bytes,
    )


def from_pending(row: Pending) -> Delivery:
    """Return a delivery that waits."""
    return Delivery(
        place=row.place,
        handle=row.handle,
        state="waiting",
        event=row.handle,
        sink=row.sink,
        id=row.event.id,
        encoded=readable(row.event),
        stored=row.stored,
        entered=row.stored,
        routes=row.routes,
        attempts=row.attempts,
        due=row.due,
    )


def from_attempt(row: Recorded) -> Delivery:
    """Return a delivery by an attempt; its state is None if the attempt was no end."""
    attempt = row.attempt
    ended = datetime.fromtimestamp(attempt.at, UTC)
    return Delivery(
        place=row.handle,
        handle=attempt.event,
        state="delivered" if attempt.ending == "delivered" else None,
        event=attempt.event,
        sink=attempt.sink,
        id=attempt.id,
        encoded=None,
        stored=None,
        entered=ended,
        attempts=attempt.number,
        status=attempt.status,
        reason=attempt.reason,
        at=ended,
    )


def from_letter(letter: DeadLetter) -> Delivery:
    """Return a delivery that was given up."""
    return Delivery(
        place=letter.handle,
        handle=letter.handle,
        state="dead",
        event=letter.kept,
        sink=letter.sink,
        id=letter.event.id,
        encoded=readable(letter.event) if letter.is_event else None,
        stored=letter.stored,
        entered=letter.died,
        routes=letter.routes,
        attempts=letter.attempts,
        status=letter.status,
        text=letter.reason,
    )


def readable(event: EncodedEvent) -> EncodedEvent | None:
    """Return an event of which at least the head was read; None: nothing was."""
    is_head = 0 < event.data_offset == len(event.body)
    return without_data(event) if is_head else event if event.body else None


class MergedStreams:
    """The rows of all states in the order of their times.

    Attributes:
        follow: The place after all rows that exist now, to go on from oldest first;
            None: there are none, or this is not the first page.
    """

    def __init__(
        self, store: DeliveryStore, options: ReadOptions, after: str | None
    ) -> None:
        """Begin, or go on after a place.

        Raises:
            RequestError: `after` is not a place.
        """
        self._began, self._places = read_places(after)
        self._is_first = after is None
        self._newest = options.newest
        self._now = store.now()
        self._streams = {
            state: stream(store, state, options, self._places.get(state))
            for state in STATES
        }
        self.follow: str | None = None

    async def rows(self) -> AsyncIterator[Delivery]:
        """Iterate the rows; the place of each is one in the merged list."""
        try:
            heads = {state: await self._head(state) for state in STATES}
            self._begin([one for one in heads.values() if one is not None])
            while (state := self._next(heads)) is not None:
                one = heads[state]
                assert one is not None  # noqa: S101  # `_next` has looked
                self._places[state] = one.place
                place = write_places(self._began, self._places)
                heads[state] = await self._head(state)
                yield replace(one, place=place)
        finally:
            for rows in self._streams.values():
                async with closing(rows):
                    pass

    def _begin(self, heads: list[Delivery]) -> None:
        if self._newest and self._is_first and heads:
            self._began = max(self._now, *(one.entered for one in heads))
            places = {one.state or "delivered": one.place for one in heads}
            self.follow = write_places(None, places)

    async def _head(self, state: State) -> Delivery | None:
        async for one in self._streams[state]:
            if not self._newest or self._is_known(one):
                return one
        return None

    def _is_known(self, one: Delivery) -> bool:
        return self._is_first or self._began is None or one.entered <= self._began

    def _next(self, heads: Mapping[State, Delivery | None]) -> State | None:
        there = {state: one.entered for state, one in heads.items() if one is not None}
        choose = max if self._newest else min
        return choose(there, key=lambda state: there[state], default=None)


def write_places(began: datetime | None, places: Mapping[State, str]) -> str:
    """Return the text that `read_places` reads."""
    head = [] if began is None else [f"{_BEGAN}={began.timestamp():.6f}"]
    return "|".join([*head, *(f"{state}={one}" for state, one in places.items())])


def read_places(after: str | None) -> tuple[datetime | None, dict[State, str]]:
    """Return when the first page was asked for, and a place for each state.

    Raises:
        RequestError: `write_places` did not write it.
    """
    if after is None:
        return None, {}
    places = dict(_pair(part) for part in after.split("|"))
    began = places.pop(_BEGAN, None)
    if not set(places) <= set(STATES) or not (began is None or _TIME.fullmatch(began)):
        raise _no_place()
    moment = None if began is None else datetime.fromtimestamp(float(began), UTC)
    return moment, {state: places[state] for state in STATES if state in places}


def _pair(part: str) -> tuple[str, str]:
    name, _, place = part.partition("=")
    return name, place


def _no_place() -> RequestError:
    return RequestError(
        "after: expected `next` or `follow` of the answer before, to this state"
    )
