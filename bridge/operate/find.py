"""Finds deliveries and stored events: a page of them, or one by its handle.

The conditions on a row itself are checked first, for a bounded number of rows; events
of delivered rows and last attempts are looked up for the rows that are left. No whole
event is held longer than it takes to check it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from bridge.errors import NotFoundError
from bridge.events import EncodedEvent
from bridge.events.encode import without_data
from bridge.journal import Attempt, Recorded
from bridge.operate import Delivery, DeliveryStore, Place, State
from bridge.operate.selection import EVER, Selection
from bridge.operate.streams import (
    MergedStreams,
    ReadOptions,
    Walked,
    from_attempt,
    from_letter,
    from_pending,
    get,
    readable,
    stream,
    walk,
)
from bridge.queue import DeadLetter, Extent, Kept

_EXTENTS: tuple[Extent, ...] = ("handle", "head", "whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryQuery:
    """A page of a list of deliveries.

    Attributes:
        place: Which rows are listed; ``all``: deliveries in every state.
        selection: Conditions on the deliveries.
        after: The place to go on after; None: from the beginning.
        limit: Most deliveries to find.
        newest: Newest first, else oldest first.
        is_shown: Whether attributes and last attempts are needed too.
        waiting_for: Only stored events that wait for this sink; None: all.
        takes: Checks each whole event that is selected; None: no check.
    """

    place: Place | Literal["all"]
    selection: Selection
    after: str | None
    limit: int
    newest: bool = False
    is_shown: bool = False
    waiting_for: str | None = None
    takes: Callable[[EncodedEvent], bool] | None = None

    @property
    def extent(self) -> Extent:
        """How much of an event is read."""
        if self.takes is not None:
            return "whole"
        least: Extent = "head" if self.is_shown else "handle"
        return max(least, self.selection.extent, key=_EXTENTS.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPage:
    """The deliveries of one page.

    Attributes:
        found: The deliveries.
        next: The place to go on after; None: there are no more. Fewer than `limit` may
            be found although there are more.
        follow: The place after which later deliveries come, oldest first; None: there
            is nothing yet, or this is not the first page.
    """

    found: list[Delivery]
    next: str | None
    follow: str | None


async def find_page(store: DeliveryStore, query: DeliveryQuery) -> DeliveryPage:
    """Return the deliveries of one page.

    Raises:
        RequestError: `query.after` is not a place of such a list.
    """
    async with store.reading:
        walked, follow = await _walk(store, query)
        found = await _look_up(store, query, walked.found)
    return DeliveryPage(
        found=[one for one in found if query.selection.takes_reason_of(one)],
        next=None if walked.is_over else walked.last,
        follow=follow,
    )


async def _walk(
    store: DeliveryStore, query: DeliveryQuery
) -> tuple[Walked, str | None]:
    options = ReadOptions(
        selection=query.selection, extent=query.extent, newest=query.newest
    )
    merged = None
    if query.place == "all":
        merged = MergedStreams(store, options, query.after)
        rows = merged.rows()
    else:
        rows = stream(store, query.place, options, query.after)
    walked = await walk(rows, lambda one: _taken(one, query), limit=query.limit)
    if not query.newest:
        return walked, walked.last or query.after
    if merged is not None:
        return walked, merged.follow
    return walked, walked.first if query.after is None else None


def _taken(one: Delivery, query: DeliveryQuery) -> Delivery | None:
    """Return a row without its data if the row itself meets the conditions."""
    if query.place == "kept":
        if query.waiting_for not in {None, *one.waiting}:
            return None
    elif one.state is None or query.selection.sink not in {None, one.sink}:
        return None  # an attempt that was no end, or of another sink
    if one.state == "delivered":  # its event is looked up later
        return one
    if not query.selection.takes_event_of(one):
        return None
    if query.takes is not None and not (one.encoded and query.takes(one.encoded)):
        return None
    return _without_data(one)


def _without_data(one: Delivery) -> Delivery:
    if one.encoded is None or not one.encoded.data_offset:
        return one
    return replace(one, encoded=without_data(one.encoded))


async def _look_up(
    store: DeliveryStore, query: DeliveryQuery, found: Sequence[Delivery]
) -> list[Delivery]:
    """Return the rows that are selected, with their events and last attempts."""
    delivered = [one for one in found if one.state == "delivered"]
    step = 1 if query.extent == "whole" else max(len(delivered), 1)
    events: dict[str, Delivery] = {}
    for start in range(0, len(delivered), step):
        some = delivered[start : start + step]
        for one in await _with_events(store, some, extent=query.extent):
            if query.selection.takes_event_of(one):
                events[one.place] = _without_data(one)
    known = [
        one if one.state != "delivered" else events.get(one.place) for one in found
    ]
    selected = [one for one in known if one is not None]
    if query.place == "kept" or not (query.is_shown or query.selection.reason):
        return selected
    return await _with_attempts(store, selected)


async def _with_events(
    store: DeliveryStore, found: Sequence[Delivery], *, extent: Extent
) -> list[Delivery]:
    handles = [one.event for one in found if one.event]
    kept = {one.handle: one for one in await store.queue.events(handles, extent=extent)}
    return [_with_event(one, kept.get(one.event)) for one in found]


def _with_event(one: Delivery, kept: Kept | None) -> Delivery:
    """Return a delivery with its event, unless another event has its handle now."""
    if kept is None or one.id not in {"", kept.event.id}:
        return one
    return replace(
        one,
        id=kept.event.id,
        encoded=readable(kept.event),
        stored=kept.stored,
        routes=kept.routes,
    )


async def _with_attempts(
    store: DeliveryStore, found: Sequence[Delivery]
) -> list[Delivery]:
    tried = [(one.event, one.sink) for one in found if one.sink and one.attempts]
    last = await store.journal.last_attempts(tried)
    return [_with_attempt(one, last.get((one.event, one.sink or ""))) for one in found]


def _with_attempt(one: Delivery, last: Attempt | None) -> Delivery:
    if last is None or last.id not in {"", one.id}:
        return one
    return replace(
        one,
        status=last.status if one.status is None else one.status,
        reason=last.reason,
        text=one.text or last.excerpt.decode(errors="replace"),
        at=datetime.fromtimestamp(last.at, UTC),
    )


async def find_event(store: DeliveryStore, handle: str) -> Kept:
    """Return a stored event, whole.

    Raises:
        NotFoundError: No event has this handle.
    """
    async with store.reading:
        kept = await get(partial(store.queue.kept, EVER, extent="whole"), handle)
    if kept is None:
        raise NotFoundError(f"no such handle: {handle}")
    return kept


async def find_letter(
    store: DeliveryStore, handle: str
) -> tuple[DeadLetter, list[Attempt]]:
    """Return a dead letter, whole, and its attempts.

    Raises:
        NotFoundError: No dead letter has this handle.
    """
    async with store.reading:
        letter = await get(partial(store.queue.dead, None, extent="whole"), handle)
        if letter is None:
            raise NotFoundError(f"no such handle: {handle}")
        attempts = await store.journal.attempts_of(letter.kept, letter.sink)
    return letter, _own(attempts, letter.event.id)


async def find_letters(
    store: DeliveryStore, handles: Sequence[str]
) -> Sequence[Delivery]:
    """Return the dead letters with these handles; those that are gone are left out."""
    rows_after = partial(store.queue.dead, None, extent="handle")
    named = [await get(rows_after, one) for one in dict.fromkeys(handles)]
    return [from_letter(letter) for letter in named if letter is not None]


async def find_delivery(
    store: DeliveryStore, event: str, sink: str
) -> tuple[Delivery, list[Attempt]]:
    """Return a delivery with its whole event, and its attempts.

    Raises:
        NotFoundError: The delivery never was, or is forgotten.
    """
    async with store.reading:
        attempts = await store.journal.attempts_of(event, sink)
        found = await _find_state(store, event, sink, attempts)
        if found is None:
            raise NotFoundError(
                f"no such delivery: {event} to {sink}, or it is forgotten"
            )
        kept = await get(partial(store.queue.kept, EVER, extent="whole"), event)
    found = _with_event(found, kept)
    return found, _own(attempts, found.id)


async def _find_state(
    store: DeliveryStore, event: str, sink: str, attempts: Sequence[Attempt]
) -> Delivery | None:
    pending = await get(partial(store.queue.waiting, sink, extent="handle"), event)
    if pending is not None:
        return (await _with_attempts(store, [from_pending(pending)]))[0]
    kept = await get(partial(store.queue.kept, EVER, extent="handle"), event)
    letters = [] if kept is None else await store.queue.letters(event)
    dead = [from_letter(one) for one in letters if one.sink == sink]
    if dead:
        return (await _with_attempts(store, dead[-1:]))[0]
    if not attempts:
        return None
    state: State = "dead" if attempts[-1].ending == "dead" else "delivered"
    return replace(from_attempt(Recorded("", attempts[-1])), state=state)


def _own(attempts: Sequence[Attempt], id_: str) -> list[Attempt]:
    """Return the attempts of one event: a handle may have been another event's."""
    return [one for one in attempts if one.id in {"", id_}]
