"""CHOOSE: which sinks want an event. Decided once, before the queue."""

from typing import Protocol

from bridge.events import CloudEvent


class Filter(Protocol):
    """Says yes or no to an event by its attributes alone; never raises."""

    def __call__(self, event: CloudEvent, /) -> bool:
        """Return whether the event passes."""
        ...
