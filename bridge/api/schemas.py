"""What the API takes and answers about deliveries, attempts and dead letters."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from bridge.api.found import Found
from bridge.api.models import ApiModel, Handles, Purged, Replayed
from bridge.api.selection import DeliverySelection, State, Time
from bridge.events.encode import attributes
from bridge.journal import Attempt, Ending


class AttemptView(ApiModel):
    """One attempt to deliver, as far as it is remembered."""

    number: int
    """From 1; a replay begins anew."""

    at: datetime
    """When it ended."""

    duration_seconds: float

    ending: Ending
    """What it came to; `released`: it did not count."""

    status: int | None
    """HTTP status; null: there was no answer."""

    reason: str
    """One word; empty: delivered."""

    excerpt: str
    """First bytes of the answer, or what went wrong: up to 4,096 of a failure, 256 of
    a success."""


class Delivery(ApiModel):
    """One event on its way to one sink."""

    handle: str
    """That of the event, as in `/events`."""

    sink: str | None
    """Where it goes; null: the object could not be converted to an event."""

    state: State
    """`waiting`, `delivered`, or `dead`: given up."""

    id: str
    """The event's own id; empty: not known any more."""

    type: str | None
    """The event's type; null: it is not stored any more."""

    subject: str | None
    """The event's subject; null: it has none, or is not stored any more."""

    routes: list[str]
    """Routes that chose its sinks; empty: not known."""

    stored: datetime | None
    """When the event entered the queue; null: not known any more."""

    attempts: int
    """How many were made since it last began."""

    status: int | None
    """HTTP status of the last attempt; null: no answer, or nothing is remembered."""

    reason: str
    """Why the last attempt failed; empty: nothing is remembered."""

    at: datetime | None
    """When the last attempt ended; null: nothing is remembered."""

    due: datetime | None
    """When it is tried again; null: as soon as there is room."""

    dead_letter: str | None
    """Handle of the dead letter; null: it is none."""


class DeliveryDetail(Delivery):
    """One delivery, with all that is known of it."""

    tries: list[AttemptView]
    """Every attempt that is remembered, oldest first."""

    content: Any
    """The CloudEvent in the JSON format; null: it is not stored any more."""


class DeadLetterView(ApiModel):
    """A delivery that was given up, or an object that could not be converted."""

    handle: str
    """Name for replay and purge; also the place to page from."""

    kept: str
    """Handle of the event, as in `/events` and `/deliveries`."""

    sink: str | None
    """Where it was to go; null: the object could not be converted."""

    id: str
    """id of the event."""

    reason: str
    status: int | None
    """Last HTTP status; null: there was no answer."""

    routes: list[str]
    """Routes that chose its sinks; empty: not known."""

    attempts: int
    stored: datetime
    died: datetime


class DeadLetterDetailView(DeadLetterView):
    """A dead letter with all of it."""

    answer: str
    """First 4 kB of the last answer."""

    tries: list[AttemptView]
    """Every attempt that is remembered, oldest first."""

    event: Any
    """The CloudEvent in the JSON format, or the object that could not be converted;
    text where it is not JSON."""


class DeadLetterSelection(DeliverySelection):
    """Some dead letters by handle, or all of them to which the rest applies."""

    handles: Handles | None = None

    all: Literal[True] | None = None
    """Every dead letter there is now to which the rest applies."""

    after: str | None = None
    """`next` of the answer before; null: from the start. Only with `all`."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.handles is None) == (self.all is None):
            raise ValueError("expected exactly one of handles and all")
        if self.all is None and not (self.is_empty and self.after is None):
            raise ValueError("expected sink and the like only beside all")
        return self


class DeadLetterReplay(DeadLetterSelection):
    """Which dead letters to deliver anew."""

    to: str | None = None
    """Another sink to deliver them to, they then stay dead letters of theirs; null:
    each to its own, and it is a dead letter no more."""


class DeliveryPurge(DeliverySelection):
    """Which waiting deliveries of a sink to end."""

    sink: str = Field()  # type: ignore[mutable-override]  # narrower on purpose
    """Whose."""

    after: str | None = None
    """`next` of the answer before; null: from the start."""


class DeliveryReplay(DeliverySelection):
    """What to deliver anew, and where to."""

    to: str
    """Where to; a configured sink."""

    state: Literal["kept", "waiting", "delivered", "dead"] = "kept"
    """What to deliver: every event that is still stored, or the events of deliveries
    in that state."""

    handles: Handles | None = None
    """Which events or dead letters; null: all to which the rest applies."""

    backfill: bool = False
    """Only what the routes lead to `to`; and after what is stored also what the API
    server still holds: Kubernetes Events for an hour, other objects as they are now."""

    after: str | None = None
    """`next` of the answer before; null: from the start."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.handles is not None and (
            self.backfill or self.after or self.state != "kept" or not self.is_empty
        ):
            raise ValueError("expected nothing but to beside handles")
        if self.state == "kept" and (self.sink or self.reason):
            raise ValueError("expected state beside sink and reason")
        if self.state != "kept" and self.backfill:
            raise ValueError("expected no state beside backfill")
        return self


class ReplayedSome(Replayed):
    """What came of a replay that may have to be continued."""

    next: str | None = None
    """What to give as `after` to go on, for one request takes a bounded time; null: all
    was seen to."""


class PurgedSome(Purged):
    """What came of a purge that may have to be continued."""

    next: str | None = None
    """What to give as `after` to go on; null: all was seen to."""


class Reached(ApiModel):
    """What a list of the API server brought."""

    resource: str
    namespace: str
    """Where it was listed; `*`: everywhere."""

    listed: int
    """Objects that were looked at."""

    replayed: int
    """Deliveries that wait now."""

    oldest: Time | None
    """Time of the oldest event of these: the API server held none that was older and
    was meant; null: there is none."""


class DeliveriesReplayed(ReplayedSome):
    """What came of a replay, and how far back it reached."""

    kept: int
    """Deliveries of events that were still stored."""

    oldest: Time | None
    """When the oldest of these events was stored; null: there is none."""

    listed: list[Reached]
    """What came from lists of the API server, by resource and namespace."""


def show_attempts(attempts: Iterable[Attempt]) -> list[AttemptView]:
    """Return what the API tells of attempts."""
    return [
        AttemptView(
            number=one.number,
            at=datetime.fromtimestamp(one.at, UTC),
            duration_seconds=one.duration_seconds,
            ending=one.ending,
            status=one.status,
            reason=one.reason,
            excerpt=one.excerpt.decode(errors="replace"),
        )
        for one in attempts
    ]


def show_delivery(one: Found, state: State) -> Delivery:
    """Return what the API tells of a delivery."""
    head = {} if one.encoded is None else attributes(one.encoded)
    subject = head.get("subject")
    return Delivery(
        handle=one.event,
        sink=one.sink,
        state=state,
        id=one.id,
        type=None if one.encoded is None else str(head["type"]),
        subject=None if subject is None else str(subject),
        routes=list(one.routes),
        stored=one.stored,
        attempts=one.attempts,
        status=one.status,
        reason=one.text if state == "dead" else one.reason,
        at=one.at,
        due=one.due,
        dead_letter=one.target if state == "dead" else None,
    )
