"""CHOOSE: finds the sinks that want an event; decided once, before the queue."""

from typing import Protocol

from bridge.events import CloudEvent


class Filter(Protocol):
    """Matches an event by its attributes and data; never raises."""

    def __call__(self, event: CloudEvent, /) -> bool:
        """Return whether the event passes."""
        ...
