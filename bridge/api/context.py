"""What the endpoints work on, and how they get it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Literal, Protocol

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPBearer
from pydantic import Field

from bridge.api.bounded_lock import BoundedLock
from bridge.api.models import QUERY, ApiModel, Problem
from bridge.events import EncodedEvent
from bridge.health import Health
from bridge.journal.journal import Journal
from bridge.metrics import Metrics
from bridge.queue import Entry, Queue

READERS_AT_ONCE = 2
"""Requests that look through rows at a time; others wait for their turn."""

MOST_CHECKS = 8
"""Most configurations that are read or checked at once; a check is one at a time."""


def _now() -> datetime:
    return datetime.now(UTC)


class SinkControl(Protocol):
    """What an operator may ask of the deliveries to one sink."""

    async def stop(self, reason: str) -> None:
        """Send nothing more until `resume`, also after a restart."""
        ...

    async def resume(self) -> bool:
        """Try it at once, whatever held it back; return whether anything did."""
        ...

    async def try_now(self) -> bool:
        """Try one delivery at once although it is held back, unless it was stopped."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """What came of one page of a list, read to deliver what a sink has missed.

    Attributes:
        resource: What was listed.
        namespace: Where; ``*``: everywhere.
        listed: How many objects were on the page.
        queued: How many deliveries wait now in addition.
        oldest: Time of the oldest event queued, RFC 3339; None: none was.
        place: Where to go on; None: this was the end.
    """

    resource: str
    namespace: str
    listed: int
    queued: int
    oldest: str | None
    place: str | None


class BackfillRunner(Protocol):
    """Gives a sink what it would have got, had it been there all the time."""

    def wanted(self, sink: str) -> Callable[[EncodedEvent], bool]:
        """Return what says whether a route leads a stored event to a sink."""
        ...

    async def list_page(
        self,
        sink: str,
        *,
        place: str | None,
        takes: Callable[[Entry], bool],
    ) -> BackfillPage | None:
        """List a page of what the API server holds, and queue what the sink wants.

        Args:
            sink: Where to.
            place: `BackfillPage.place` of the page before; None: from the beginning.
            takes: Whether an event is to be delivered; asked once for each.

        Returns:
            None: there is nothing to list for this sink.

        Raises:
            ClusterError: It cannot be listed now.
            QueueError: There is no room.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiContext:
    """The parts of the process that the API shows or asks.

    Attributes:
        queue: The store.
        journal: What became of attempts.
        backfill: Reads again what the API server still holds.
        health: What readers and sinks say of themselves.
        metrics: What is counted.
        controls: Stops and resumes the configured sinks, by name.
        describe_config: Gives the effective configuration, without secrets.
        check_config: Gives what is wrong with a text, one line for each fault.
        take_consent: Takes name of a sink, key and header fields of a request to the
            callback; gives whether they are a receiver's consent.
        now: Gives the time.
        monotonic: Gives seconds that never go back.
        reading: Bounds how many requests look through rows at a time, and so what
            they hold in memory.
        rendering: Held while metrics are written.
        checking: Its turn is held while a configuration is checked.
    """

    queue: Queue
    journal: Journal
    backfill: BackfillRunner
    health: Health
    metrics: Metrics
    controls: Mapping[str, SinkControl]
    describe_config: Callable[[], Mapping[str, Any]]
    check_config: Callable[[str], Sequence[str]]
    take_consent: Callable[[str, str, Mapping[str, str]], bool]
    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    reading: asyncio.Semaphore = field(
        default_factory=partial(asyncio.Semaphore, READERS_AT_ONCE)
    )
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)
    checking: BoundedLock = field(default_factory=lambda: BoundedLock(most=MOST_CHECKS))


def _parts(request: Request) -> ApiContext:
    parts: ApiContext = request.app.state.parts
    return parts


PartsGiven = Annotated[ApiContext, Depends(_parts)]

Order = Literal["newest", "oldest"]
"""Which come first."""

Limit = Annotated[int, Query(ge=1, le=500, description="Most items to return.")]
After = Annotated[
    str | None,
    Query(
        description="`next` of the page before, with the same `order`, or `follow` "
        "with `order=oldest`; none: from the start."
    ),
]


class PageQuery(ApiModel):
    """Which page of a list is asked for."""

    model_config = QUERY

    after: str | None = None
    """`next` of the page before, with the same `order`, or `follow` with
    `order=oldest`; none: from the start."""

    order: Order = "newest"
    """Which come first."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    """Most items to return."""


# The middleware checks the token; this tells OpenAPI of it.
bearer = Security(
    HTTPBearer(auto_error=False, description="The token of `server.token`.")
)

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The bearer token is missing or wrong."},
    403: {"model": Problem, "description": "No token is configured, so this is shut."},
    413: {"model": Problem, "description": "The body is too large."},
    415: {"model": Problem, "description": "The body is of another type."},
    422: {"model": Problem, "description": "The request makes no sense."},
    503: {"model": Problem, "description": "Queue or cluster cannot do it now."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing."}
}
