"""Finds deliveries: in the queue, among its dead letters, in the journal.

What can be asked of the row itself is asked first, for a bounded number of rows; what
has to be looked up elsewhere is looked up for those that are left.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from bridge.api.parts import Parts
from bridge.api.rows import closing, get, page
from bridge.api.selection import EVER, Chooser, State
from bridge.events import EncodedEvent
from bridge.journal import Attempt, Recorded
from bridge.queue import DeadLetter, Kept, Pending

Place = Literal["kept", "waiting", "delivered", "dead"]
"""Where to look; ``kept``: at every stored event, whatever became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of one delivery, or of a kept event.

    Attributes:
        handle: The place to page from.
        target: What `Queue.enqueue` takes for it.
        state: How far it has come; None: only the event was asked for.
        event: Handle of the event.
        sink: Where it goes; None: it is an object that could not be converted, or
            only the event was asked for.
        id: The event's own; empty: not known any more.
        encoded: The event; None: it is not stored any more.
        stored: When it entered the queue; None: not known any more.
        entered: When it came to this state.
        routes: Names of the routes that chose its sinks.
        attempts: How many were made.
        due: When it is tried again; None: at once, or never.
        status: Of the last attempt; None: no answer, or nothing is known.
        reason: Why the last attempt failed: a word.
        text: The same as a sentence; empty: nothing more is known.
        at: When the last attempt ended; None: there was none, or it is forgotten.
    """

    handle: str
    target: str
    state: State | None
    event: str
    sink: str | None
    id: str
    encoded: EncodedEvent | None
    stored: datetime | None
    entered: datetime
    routes: tuple[str, ...] = ()
    attempts: int = 0
    due: datetime | None = None
    status: int | None = None
    reason: str = ""
    text: str = ""
    at: datetime | None = None


async def find_page(
    parts: Parts, place: Place, chooser: Chooser, *, after: str | None, limit: int
) -> tuple[list[Found], str | None]:
    """Return up to `limit` deliveries that are meant, and the handle to read on from.

    None for the handle: there are no more. Fewer may be found although there are.
    """
    rows = _rows(parts, place, chooser, after)

    def passes(one: Found) -> bool:
        if chooser.sink not in {None, one.sink} and place != "kept":
            return False
        if place == "delivered":  # its event is looked up later
            return one.state == "delivered"
        stored = one.stored or one.entered
        return chooser.takes(one.encoded, stored=stored, routes=one.routes)

    found, last = await page(rows, passes, limit=limit)
    if place == "delivered":
        found = [
            one for one in await _with_events(parts, found) if _is_meant(one, chooser)
        ]
    elif place != "kept":
        found = await with_attempts(parts, found)
    return [one for one in found if _has_reason(one, chooser)], last


def _is_meant(one: Found, chooser: Chooser) -> bool:
    stored = one.stored or one.entered
    return chooser.takes(one.encoded, stored=stored, routes=one.routes)


def _has_reason(one: Found, chooser: Chooser) -> bool:
    words = (one.reason, one.text)
    return chooser.takes_reason(status_code=one.status, words=words)


async def with_attempts(parts: Parts, found: Sequence[Found]) -> list[Found]:
    """Return the same deliveries with what the journal says of their last attempts."""
    tried = [(one.event, one.sink) for one in found if one.sink and one.attempts]
    last = await parts.journal.last_attempts(tried)
    return [_with_attempt(one, last.get((one.event, one.sink or ""))) for one in found]


def _with_attempt(one: Found, last: Attempt | None) -> Found:
    if last is None or last.id not in {"", one.id}:
        return one
    return replace(
        one,
        status=last.status if one.status is None else one.status,
        reason=last.reason,
        text=one.text or last.excerpt.decode(errors="replace"),
        at=datetime.fromtimestamp(last.at, UTC),
    )


async def _with_events(parts: Parts, found: Sequence[Found]) -> list[Found]:
    return [_with_event(one, await kept_event(parts, one.event)) for one in found]


def _with_event(one: Found, kept: Kept | None) -> Found:
    if kept is None or one.id not in {"", kept.event.id}:
        return one
    return replace(
        one,
        id=kept.event.id,
        encoded=kept.event,
        stored=kept.stored,
        routes=kept.routes,
    )


async def kept_event(parts: Parts, handle: str) -> Kept | None:
    """Return a stored event; None: it is not there any more."""
    return await get(partial(parts.queue.kept, EVER), handle)


def _rows(
    parts: Parts, place: Place, chooser: Chooser, after: str | None
) -> AsyncIterator[Found]:
    match place:
        case "kept":
            return _kept(parts, chooser.since, after)
        case "waiting":
            return _waiting(parts, chooser.sink, after)
        case "delivered":
            return _delivered(parts, chooser.since, after)
        case "dead":
            return _dead(parts, chooser.sink, after)


async def _kept(
    parts: Parts, since: datetime, after: str | None
) -> AsyncIterator[Found]:
    async with closing(parts.queue.kept(since, after)) as rows:
        async for kept in rows:
            yield Found(
                handle=kept.handle,
                target=kept.handle,
                state=None,
                event=kept.handle,
                sink=None,
                id=kept.event.id,
                encoded=kept.event,
                stored=kept.stored,
                entered=kept.stored,
                routes=kept.routes,
            )


async def _waiting(
    parts: Parts, sink: str | None, after: str | None
) -> AsyncIterator[Found]:
    """Iterate sink by sink; a place is its name, a slash and the event."""
    first, _, place = (after or "").rpartition("/")
    names = [sink] if sink is not None else await parts.queue.sinks()
    for name in names:
        if name < first:
            continue
        begin = place if name == first and place else None
        async with closing(parts.queue.waiting(name, begin)) as rows:
            async for row in rows:
                yield of_pending(name, row)


def of_pending(sink: str, row: Pending) -> Found:
    """Return what is known of a delivery that waits."""
    return Found(
        handle=f"{sink}/{row.handle}",
        target=row.handle,
        state="waiting",
        event=row.handle,
        sink=sink,
        id=row.event.id,
        encoded=row.event,
        stored=row.stored,
        entered=row.stored,
        routes=row.routes,
        attempts=row.attempts,
        due=row.due,
    )


async def _delivered(
    parts: Parts, since: datetime, after: str | None
) -> AsyncIterator[Found]:
    recorded = parts.journal.recorded(after, since=since.timestamp())
    async with closing(recorded) as rows:
        async for row in rows:
            yield of_attempt(row)


def of_attempt(row: Recorded) -> Found:
    """Return what an attempt says of a delivery; its state: None if it was no end."""
    attempt = row.attempt
    ended = datetime.fromtimestamp(attempt.at, UTC)
    return Found(
        handle=row.handle,
        target=attempt.event,
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


async def _dead(
    parts: Parts, sink: str | None, after: str | None
) -> AsyncIterator[Found]:
    async with closing(parts.queue.dead(sink, after)) as rows:
        async for letter in rows:
            yield of_letter(letter)


def of_letter(letter: DeadLetter) -> Found:
    """Return what a dead letter says of a delivery."""
    return Found(
        handle=letter.handle,
        target=letter.handle,
        state="dead",
        event=letter.kept,
        sink=letter.sink,
        id=letter.event.id,
        encoded=None if letter.sink is None else letter.event,
        stored=letter.stored,
        entered=letter.died,
        routes=letter.routes,
        attempts=letter.attempts,
        status=letter.status,
        text=letter.reason,
    )
