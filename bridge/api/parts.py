"""What the endpoints work on, and how they get it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPBearer

from bridge.api.models import Problem
from bridge.health import Health
from bridge.metrics import Metrics
from bridge.queue import Queue


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The parts of the process that the API shows or asks.

    Attributes:
        queue: The store.
        health: What readers and sinks say of themselves.
        metrics: What is counted.
        controls: Stops and resumes the configured sinks, by name.
        describe_config: Gives the effective configuration, without secrets.
        check_config: Gives what is wrong with a text, one line for each fault.
        take_consent: Takes name of a sink, key and header fields of a request to the
            callback; gives whether they are a receiver's consent.
        now: Gives the time.
    """

    queue: Queue
    health: Health
    metrics: Metrics
    controls: Mapping[str, SinkControl]
    describe_config: Callable[[], Mapping[str, Any]]
    check_config: Callable[[str], Sequence[str]]
    take_consent: Callable[[str, str, Mapping[str, str]], bool]
    now: Callable[[], datetime] = _now


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsGiven = Annotated[Parts, Depends(_parts)]

Limit = Annotated[int, Query(ge=1, le=500, description="Most items to return.")]
After = Annotated[
    str | None, Query(description="`next` of the page before; none: from the start.")
]

# The middleware checks the token; this tells OpenAPI of it.
bearer = Security(
    HTTPBearer(auto_error=False, description="The token of `server.token`.")
)

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The bearer token is missing or wrong."},
    403: {"model": Problem, "description": "No token is configured, so this is shut."},
    413: {"model": Problem, "description": "The body is too large."},
    422: {"model": Problem, "description": "The request makes no sense."},
    503: {"model": Problem, "description": "The queue cannot do it now."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing."}
}
