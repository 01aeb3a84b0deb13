"""Which deliveries are meant: one set of questions for lists, replays and purges."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import HTTPException, status
from pydantic import AfterValidator, Field

from bridge.api.models import QUERY, AskedModel
from bridge.errors import FilterError
from bridge.events import EncodedEvent
from bridge.events.encode import decode
from bridge.filters import Filter
from bridge.filters.subscriptions import compile_filters
from bridge.queue import Extent

EVER = datetime.fromtimestamp(0, UTC)


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)


Time = Annotated[datetime, AfterValidator(_aware)]
"""RFC 3339; without an offset it is UTC."""

State = Literal["waiting", "delivered", "dead"]
"""How far a delivery has come; ``dead``: it was given up."""


class DeliverySelection(AskedModel):
    """Which deliveries are meant: those to which all that is given applies."""

    model_config = QUERY

    sink: str | None = None
    """Where they go."""

    route: str | None = None
    """Name of a route that chose their sinks."""

    since: Time | None = None
    """Only events that entered the queue since then."""

    until: Time | None = None
    """Only events that entered the queue before then."""

    attribute: tuple[Annotated[str, Field(max_length=1024)], ...] = ()
    """Only events with this attribute, as `reason=BackOff`; with `*` at the end any
    value that begins so, as `subject=shop/*`."""

    reason: str | None = None
    """Why the last attempt failed: a status, as `503` or `5xx`, or a word, as
    `timeout`, that is its reason or stands in its text."""

    @property
    def is_empty(self) -> bool:
        """Whether it means everything."""
        return not self.model_fields_set & set(DeliverySelection.model_fields)


class Chooser:
    """Asks of one delivery what a selection asks.

    Attributes:
        sink: Where it goes; None: anywhere.
        since: When its event was stored at the earliest.
        reason: Why it failed; empty: whyever.
        extent: What of its event has to be read.
    """

    def __init__(self, selection: DeliverySelection) -> None:
        """Prepare the questions.

        Raises:
            HTTPException: 422, an attribute is not ``name=value``.
        """
        self.sink = selection.sink
        self.since = selection.since or EVER
        self.reason = (selection.reason or "").lower()
        self._route = selection.route
        self._until = selection.until
        self._matches = compile_attributes(selection.attribute)
        self.extent = extent_of(selection.attribute)

    def takes(
        self,
        event: EncodedEvent | None,
        *,
        stored: datetime,
        routes: Sequence[str] = (),
    ) -> bool:
        """Return whether an event is meant.

        Args:
            event: The event; None: it is not there any more, and has no attributes.
            stored: When it entered the queue.
            routes: Names of the routes that chose its sinks.
        """
        if stored < self.since or (self._until is not None and stored >= self._until):
            return False
        if self._route is not None and self._route not in routes:
            return False
        if self._matches is None:
            return True
        return event is not None and self._matches(decode(event))

    def takes_reason(self, *, status_code: int | None, words: Sequence[str]) -> bool:
        """Return whether a delivery failed for the reason that is asked for.

        Args:
            status_code: HTTP status of its last attempt; None: there was no answer.
            words: Its reason, and what else is said of it.
        """
        if not self.reason:
            return True
        code = "" if status_code is None else str(status_code)
        if self.reason in {code, f"{code[:1]}xx"}:
            return True
        if self.reason.isdecimal():
            return False
        return any(self.reason in text.lower() for text in words)


def compile_attributes(wanted: Sequence[str]) -> Filter | None:
    """Return what says whether an event has these attributes; None: none is wanted.

    Raises:
        HTTPException: 422, one is not ``name=value``.
    """
    if not wanted:
        return None
    try:
        return compile_filters([_filter(*one.partition("=")) for one in wanted])
    except FilterError as error:
        message = f"attribute: {error}"
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, message) from error


def extent_of(wanted: Sequence[str]) -> Extent:
    """Return what of an event has to be read to ask it for these attributes."""
    if any(one.startswith("data.") for one in wanted):
        return "whole"
    return "head" if wanted else "handle"


def _filter(name: str, equals: str, value: str) -> dict[str, dict[str, str]]:
    if len(value) > 1 and value.endswith("*"):
        return {"prefix": {name: value.removesuffix("*")}}
    return {"exact": {name: value if equals else ""}}
