"""The parts of the process that the endpoints work on, and how they get them."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette import status
from starlette.exceptions import HTTPException

from bridge.events.origin import Origin
from bridge.metrics import Metrics
from bridge.operate import DeliveryStore
from bridge.operate.backfill import Backfill

MOST_CHECKS = 8
"""Most configurations that are read or checked at once; a check is one at a time."""


class SinkControl(Protocol):
    """Controls the deliveries to one sink."""

    async def stop(self, reason: str) -> None:
        """Send nothing more until `resume`, also after a restart."""
        ...

    async def resume(self) -> bool:
        """Try the sink at once; return whether anything held it back."""
        ...

    async def try_now(self) -> bool:
        """Try one delivery although the sink is held back, unless it was stopped."""
        ...


class RouteSettings(Protocol):
    """A route as it is configured."""

    @property
    def name(self) -> str:
        """Name of the route."""
        ...

    @property
    def sources(self) -> Sequence[str] | None:
        """Names of the sources; None: all."""
        ...

    @property
    def filters(self) -> Sequence[Mapping[str, Any]]:
        """Filters that an event has to pass, as they are written."""
        ...

    @property
    def sinks(self) -> Sequence[str] | None:
        """Names of the sinks; None: all."""
        ...


class BoundedLock:
    """Lets one task at a time do something costly, and refuses those past a bound.

    Attributes:
        turn: Held by the task that works.
    """

    def __init__(self, *, most: int) -> None:
        """Admit at most `most` tasks, of which one works."""
        self._left = most
        self.turn = asyncio.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the line until the block is left.

        Raises:
            HTTPException: 503, there is none.
        """
        if not self._left:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                "others are being answered, expected another try in a second",
                headers={"Retry-After": "1"},
            )
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiContext:
    """The parts of the process that the API shows or controls.

    Attributes:
        store: Where deliveries are found, and the health of the parts.
        backfill: Reads again what the API server still holds.
        metrics: The counters.
        controls: Stops and resumes the configured sinks, by name.
        origin: Where events come from; of a cluster without a name see
            `bridge.operate.probe.UNNAMED`.
        sources: Names of the configured sources.
        routes: The configured routes; empty: every event goes to every sink.
        describe_config: Returns the effective configuration, without secrets.
        check_config: Returns the faults of a text, one line for each.
        take_consent: Takes name of a sink, key and header fields of a request to the
            callback; returns whether they are a receiver's consent.
        rendering: Held while metrics are written.
        checking: Its turn is held while a configuration is checked.
    """

    store: DeliveryStore
    backfill: Backfill
    metrics: Metrics
    controls: Mapping[str, SinkControl]
    origin: Origin
    sources: Sequence[str]
    routes: Sequence[RouteSettings]
    describe_config: Callable[[], Mapping[str, Any]]
    check_config: Callable[[str], Sequence[str]]
    take_consent: Callable[[str, str, Mapping[str, str]], bool]
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)
    checking: BoundedLock = field(default_factory=lambda: BoundedLock(most=MOST_CHECKS))
