"""What is known of a delivery: from the queue, its dead letters, or the journal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bridge.api.context import ApiContext
from bridge.api.selection import State
from bridge.events import EncodedEvent
from bridge.events.encode import without_data
from bridge.journal import Attempt, Recorded
from bridge.queue import DeadLetter, Extent, Kept, Pending


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
        encoded: The event, as far as it was read; None: it was not read, or is not
            stored any more.
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


async def with_attempts(parts: ApiContext, found: Sequence[Found]) -> list[Found]:
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


async def with_events(
    parts: ApiContext, found: Sequence[Found], *, extent: Extent
) -> list[Found]:
    """Return the same deliveries with what is stored of their events."""
    handles = [one.event for one in found if one.event]
    kept = {one.handle: one for one in await parts.queue.events(handles, extent=extent)}
    return [with_event(one, kept.get(one.event)) for one in found]


def with_event(one: Found, kept: Kept | None) -> Found:
    """Return a delivery with its event, unless another one has its handle now."""
    if kept is None or one.id not in {"", kept.event.id}:
        return one
    return replace(
        one,
        id=kept.event.id,
        encoded=_read(kept.event),
        stored=kept.stored,
        routes=kept.routes,
    )


def _read(event: EncodedEvent) -> EncodedEvent | None:
    is_head = 0 < event.data_offset == len(event.body)
    return without_data(event) if is_head else event if event.body else None


def of_kept(kept: Kept) -> Found:
    """Return what is known of an event, whatever became of it."""
    return Found(
        handle=kept.handle,
        target=kept.handle,
        state=None,
        event=kept.handle,
        sink=None,
        id=kept.event.id,
        encoded=_read(kept.event),
        stored=kept.stored,
        entered=kept.stored,
        routes=kept.routes,
    )


def of_pending(row: Pending) -> Found:
    """Return what is known of a delivery that waits."""
    return Found(
        handle=row.place,
        target=row.handle,
        state="waiting",
        event=row.handle,
        sink=row.sink,
        id=row.event.id,
        encoded=_read(row.event),
        stored=row.stored,
        entered=row.stored,
        routes=row.routes,
        attempts=row.attempts,
        due=row.due,
    )


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


def of_letter(letter: DeadLetter) -> Found:
    """Return what a dead letter says of a delivery."""
    return Found(
        handle=letter.handle,
        target=letter.handle,
        state="dead",
        event=letter.kept,
        sink=letter.sink,
        id=letter.event.id,
        encoded=_read(letter.event) if letter.is_event else None,
        stored=letter.stored,
        entered=letter.died,
        routes=letter.routes,
        attempts=letter.attempts,
        status=letter.status,
        text=letter.reason,
    )
