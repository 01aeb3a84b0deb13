"""Selects deliveries: one set of questions for lists, replays and purges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from bridge.errors import FilterError, RequestError
from bridge.events import EncodedEvent
from bridge.events.encode import decode
from bridge.filters import Filter
from bridge.filters.subscriptions import compile_filters
from bridge.operate import Delivery
from bridge.queue import Extent

EVER = datetime.fromtimestamp(0, UTC)
"""Earlier than any event."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Selects the deliveries to which every given condition applies.

    Attributes:
        sink: Name of the sink; None: any.
        route: Name of a route that chose the sinks; None: any.
        since: Events stored from then on.
        until: Events stored before then; None: up to now.
        attributes: Attributes that the event has, as ``name=value`` or
            ``name=start*``.
        reason: Why the last attempt failed: a status (``503``, ``5xx``), or a word in
            its reason or text; empty: any.
    """

    sink: str | None = None
    route: str | None = None
    since: datetime = EVER
    until: datetime | None = None
    attributes: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        """Compile the attributes.

        Raises:
            RequestError: An attribute is not ``name=value``.
        """
        _ = self._matches

    @property
    def extent(self) -> Extent:
        """How much of an event has to be read."""
        if any(one.startswith("data.") for one in self.attributes):
            return "whole"
        return "head" if self.attributes else "handle"

    @cached_property
    def _matches(self) -> Filter | None:
        if not self.attributes:
            return None
        filters = [_filter(*one.partition("=")) for one in self.attributes]
        try:
            return compile_filters(filters)
        except FilterError as error:
            raise RequestError(f"attribute: {error}") from error

    def takes(
        self,
        event: EncodedEvent | None,
        *,
        stored: datetime,
        routes: Sequence[str] = (),
    ) -> bool:
        """Return whether an event is selected, delivered or not.

        Args:
            event: The event; None: not stored any more, so it has no attributes.
            stored: When it entered the queue.
            routes: Names of the routes that chose its sinks.
        """
        if stored < self.since or (self.until is not None and stored >= self.until):
            return False
        if self.route is not None and self.route not in routes:
            return False
        if self._matches is None:
            return True
        return event is not None and self._matches(decode(event))

    def takes_event_of(self, one: Delivery) -> bool:
        """Return whether the event of a delivery is selected."""
        stored = one.stored or one.entered
        return self.takes(one.encoded, stored=stored, routes=one.routes)

    def takes_reason_of(self, one: Delivery) -> bool:
        """Return whether a delivery failed for the selected reason."""
        wanted = self.reason.lower()
        code = "" if one.status is None else str(one.status)
        if wanted in {"", code, f"{code[:1]}xx"}:
            return True
        if wanted.isdecimal():
            return False
        return any(wanted in text.lower() for text in (one.reason, one.text))


def _filter(name: str, equals: str, value: str) -> dict[str, dict[str, str]]:
    if len(value) > 1 and value.endswith("*"):
        return {"prefix": {name: value.removesuffix("*")}}
    return {"exact": {name: value if equals else ""}}
