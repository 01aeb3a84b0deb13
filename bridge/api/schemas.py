"""Forms of deliveries, attempts, dead letters and stored events in the API."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bridge.api.models import QUERY, ApiModel, AskedModel, Handles, PageQuery
from bridge.journal import Attempt, Ending
from bridge.operate import Place, State
from bridge.operate.selection import EVER, Selection


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_aware)]
"""RFC 3339; without an offset it is UTC."""

AttributeText = Annotated[str, Field(max_length=1024)]


class DeliverySelection(AskedModel):
    """Selects the deliveries to which every given condition applies."""

    model_config = QUERY

    sink: str | None = None
    """Where they go."""

    route: str | None = None
    """Name of a route that chose their sinks."""

    since: Time | None = None
    """Only events that entered the queue since then."""

    until: Time | None = None
    """Only events that entered the queue before then."""

    attribute: tuple[AttributeText, ...] = ()
    """Only events with this attribute, as `reason=BackOff`; with `*` at the end any
    value that begins so, as `subject=shop/*`."""

    reason: str | None = None
    """Why the last attempt failed: a status, as `503` or `5xx`, or a word, as
    `timeout`, that is its reason or stands in its text."""

    @property
    def is_empty(self) -> bool:
        """Whether it selects everything."""
        return not self.model_fields_set & set(DeliverySelection.model_fields)

    def compile(self) -> Selection:
        """Return the conditions, ready to be checked.

        Raises:
            RequestError: An attribute is not ``name=value``.
        """
        return Selection(
            sink=self.sink,
            route=self.route,
            since=self.since or EVER,
            until=self.until,
            attributes=self.attribute,
            reason=self.reason or "",
        )


class DeadLetterListQuery(DeliverySelection, PageQuery):
    """Which dead letters to list."""


class DeliveryListQuery(DeadLetterListQuery):
    """Which deliveries to list."""

    state: State | Literal["all"] = "all"
    """How far they have come. Those that were delivered are remembered as long as the
    journal reaches back."""


class EventListQuery(AskedModel, PageQuery):
    """Which stored events to list."""

    model_config = QUERY

    since: Time | None = None
    """Only events stored since then (RFC 3339); none: all kept."""

    waiting: str | None = None
    """Only events that still wait for this sink."""

    attribute: tuple[AttributeText, ...] = ()
    """Only events with this attribute, as `reason=BackOff`, or one that begins so, as
    `subject=shop/*`; repeatable."""


class AttemptView(ApiModel):
    """An attempt to deliver, as far as it is remembered."""

    number: int
    """From 1; a replay begins anew."""

    at: datetime
    """When it ended."""

    duration_seconds: float
    ending: Ending
    """`released`: it did not count."""

    status: int | None
    """HTTP status; null: there was no answer."""

    reason: str
    """A word; empty: delivered."""

    excerpt: str
    """First bytes of the answer, or the error: up to 4,096 of a failure, 256 of a
    success."""


class KeptEvent(ApiModel):
    """An event that is still stored."""

    handle: str
    """Name for replay; also the place to page from."""

    stored: datetime
    """When it entered the queue."""

    waiting: list[str]
    """Sinks for which it still waits."""

    size_bytes: int
    """Length of the whole event in the structured form."""

    attributes: dict[str, Any]
    """Its context attributes."""


class KeptEventDetail(KeptEvent):
    """An event that is still stored, with all of it."""

    event: Any
    """The CloudEvent in the JSON format."""


class DeliveryView(ApiModel):
    """An event on its way to one sink."""

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

    dead_letter_handle: str | None
    """Handle of the dead letter; null: it is none."""


class DeliveryDetail(DeliveryView):
    """A delivery, with all that is known of it."""

    tries: list[AttemptView]
    """Every attempt that is remembered, oldest first."""

    content: Any
    """The CloudEvent in the JSON format; null: it is not stored any more."""


class DeadLetterView(ApiModel):
    """A delivery that was given up, or an object that could not be converted."""

    handle: str
    """Name for replay and purge; also the place to page from."""

    event_handle: str
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


class EventReplay(AskedModel):
    """Which stored events to deliver again."""

    renamed: ClassVar[Mapping[str, str]] = {"sink": "toSink"}

    to_sink: str
    """Where to; a configured sink."""

    handles: Handles


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
    """Which dead letters to deliver again."""

    renamed: ClassVar[Mapping[str, str]] = {"to": "toSink"}

    to_sink: str | None = None
    """Another sink to deliver them to, they then stay dead letters of theirs; null:
    each to its own, and it is a dead letter no more."""


class DeliveryPurge(DeliverySelection):
    """Which waiting deliveries of a sink to end."""

    sink: str = Field()  # type: ignore[mutable-override]  # narrower on purpose
    """Whose."""

    after: str | None = None
    """`next` of the answer before; null: from the start."""


class DeliveryReplay(DeliverySelection):
    """Which events to deliver again, and where to."""

    renamed: ClassVar[Mapping[str, str]] = {"to": "toSink"}

    to_sink: str
    """Where to; a configured sink."""

    state: Place = "kept"
    """What to deliver: every event that is still stored, or the events of deliveries
    in that state."""

    handles: Handles | None = None
    """Which events or dead letters; null: all to which the rest applies."""

    backfill: bool = False
    """Only what the routes lead to `toSink`; and after what is stored also what the API
    server still holds: Kubernetes Events for an hour, other objects as they are now."""

    after: str | None = None
    """`next` of the answer before; null: from the start."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.handles is not None and (
            self.backfill or self.after or self.state != "kept" or not self.is_empty
        ):
            raise ValueError("expected nothing but toSink beside handles")
        if self.state == "kept" and (self.sink or self.reason):
            raise ValueError("expected state beside sink and reason")
        if self.state != "kept" and self.backfill:
            raise ValueError("expected no state beside backfill")
        return self


class Replayed(ApiModel):
    """The result of a replay."""

    replayed: int
    """Deliveries that wait now."""

    skipped: int
    """What was not replayed: it waits already, has no configured sink to go to, or was
    gone."""

    next: str | None = None
    """What to give as `after` to go on, for one request takes a bounded time; null: all
    was seen to."""


class Reached(ApiModel):
    """The result of listing one resource of the API server."""

    resource: str
    namespace: str
    """Where it was listed; `*`: everywhere."""

    listed: int
    """Objects that were looked at."""

    replayed: int
    """Deliveries that wait now."""

    oldest: Time | None
    """Time of the oldest event of these: the API server held none that was older and
    was selected; null: there is none."""


class DeliveriesReplayed(Replayed):
    """The result of a replay, and how far back it reached."""

    kept: int
    """Deliveries of events that were still stored."""

    oldest: Time | None
    """When the oldest of these events was stored; null: there is none."""

    listed: list[Reached]
    """What came from lists of the API server, by resource and namespace."""


class Purged(ApiModel):
    """The result of a purge."""

    purged: int
    """Deliveries or dead letters ended."""

    next: str | None = None
    """What to give as `after` to go on; null: all was seen to."""


def show_attempts(attempts: Iterable[Attempt]) -> list[AttemptView]:
    """Return attempts in the form of the API."""
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
