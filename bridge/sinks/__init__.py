"""SEND: make one attempt to deliver. The sink judges, `deliver` acts.

An attempt has one result for each of its events: `Accepted` (delivered), or one of
`TemporarySinkError`, `PermanentSinkError` and `SinkPausedError`. An error that is
raised holds for all the events of the attempt.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from bridge.errors import SinkError
from bridge.events import EncodedEvent


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The receiver took the event.

    Attributes:
        status: HTTP status, 2xx; None for sinks that have none.
        duration_seconds: From the first byte sent to the last byte of the answer.
        excerpt: The first 4 kB of the answer's body.
    """

    status: int | None
    duration_seconds: float
    excerpt: bytes = b""


class Sink(Protocol):
    """Delivers events to one receiver.

    Attributes:
        name: As in the configuration.
        max_batch: Most events that one attempt may carry; 1 unless batches are asked
            for.
    """

    @property
    def name(self) -> str:
        """As in the configuration."""
        ...

    @property
    def max_batch(self) -> int:
        """Most events that one attempt may carry."""
        ...

    @property
    def requests_per_minute(self) -> float | None:
        """Most requests in a minute that the receiver allowed; None: no limit."""
        ...

    async def send(
        self, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """Deliver the events in one attempt, within the sink's own deadline.

        Returns:
            One result for each event, in order: a bulk receiver can take 47 of 50.

        Raises:
            TemporarySinkError: No event was delivered; trying later is worth it.
            PermanentSinkError: The events, or one of them, will never be taken.
            SinkPausedError: The sink takes nothing until an operator mends it.
        """
        ...

    async def refresh(self) -> None:
        """Look at its secrets and TLS files, if they are due, without blocking."""
        ...

    def fingerprint(self) -> str:
        """Return a digest that changes when a secret or a setting of it changes."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...
