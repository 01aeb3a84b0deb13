"""Sinks: their state, an operator's control of them, a probe, and their consent."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request, status
from pydantic import Field

from bridge.api.context import ApiContext
from bridge.api.models import (
    NOT_FOUND,
    REFUSALS,
    ApiModel,
    AskedModel,
    Items,
    PartsGiven,
)
from bridge.api.schemas import AttemptView, Purged, show_attempts
from bridge.health import SinkState, SinkStatus
from bridge.operate import unknown_sink
from bridge.operate.probe import Outcome, probe

router = APIRouter(prefix="/sinks", tags=["sinks"])
handshakes = APIRouter(
    prefix="/api/v1/handshakes",
    tags=["handshakes"],
    responses=NOT_FOUND | {code: REFUSALS[code] for code in (413, 422)},
)

_NO_CONSENT = "no such handshake, or no consent"
"""The one answer to all that is not consent, so that it tells nothing apart."""


class SinkView(ApiModel):
    """How deliveries to one sink go."""

    name: str

    configured: bool
    """Whether the running configuration has it. When it has not, what waits is kept
    until the name returns or it is purged."""

    state: SinkState | None
    """`active`: it gets events; `resting`: it asked for a rest; `paused`: somebody has
    to mend something; `circuit-open`: its breaker is open; `stopped`: by an operator;
    null: not configured."""

    reason: str
    """Why it is not active."""

    until: datetime | None
    """From when on it is tried again, with the next event; null: it is active,
    or stopped."""

    backlog: int
    """Deliveries that wait, those under way and those delayed included."""

    leased: int
    """Of these, under way."""

    delayed: int
    """Of these, not due yet."""

    delivered: int
    """Deliveries that were taken since the process started."""

    dead_letters: int

    oldest_age_seconds: float | None
    """How long the oldest waiting delivery has been in the queue; null: none waits."""

    last_error: str
    """Text of the last failed attempt; empty: none since the start. It stays when it
    is over, see `failing`."""

    last_error_at: datetime | None
    """When that was; null: none since the start."""

    last_success_at: datetime | None
    """When an event was last taken; null: none since the start."""

    failing: bool
    """Whether the last attempt failed, so that the last error is still true."""

    in_flight: int


class SinkPause(AskedModel):
    """An operator pauses a sink."""

    reason: Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """Why, for other operators; shown beside the state."""


class Paused(ApiModel):
    """The result of a pause."""

    paused: bool
    """Nothing more is sent from now on."""


class Resumed(ApiModel):
    """The result of a resume."""

    resumed: bool
    """Whether the sink was held back; it is tried at once now."""


class SinkProbe(AskedModel):
    """How long to wait."""

    timeout_seconds: Annotated[float, Field(ge=0, le=50)] = 30.0
    """How long the first attempt is waited for."""


class ProbeResult(ApiModel):
    """The result of the test."""

    id: str
    """id of the event that was sent; empty: none was."""

    sink: str

    outcome: Outcome
    """`delivered`; `waiting`: it was not its turn in time; `held`: the sink is held
    back, see `reason`: an operator has stopped it, or what waits longest was tried just
    now, and failed. Else the attempt failed. What was not delivered was taken back."""

    reason: str
    """Why nothing is sent to the sink now; empty: it is not held back."""

    tries: list[AttemptView]
    """The attempt; empty: there was none."""


class Consented(ApiModel):
    """The result of a call back."""

    consented: bool
    """Whether the receiver gets events from now on."""


@router.get("", summary="How deliveries go")
async def list_sinks(parts: PartsGiven) -> Items[SinkView]:
    """Return the configured sinks, then those that only have deliveries left."""
    names = await parts.store.sinks()
    return Items(items=[await _sink(parts, name) for name in names])


@router.post(
    "/{name}/purge",
    summary="End all that waits",
    responses=NOT_FOUND,
    response_model_exclude_unset=True,
)
async def purge_sink(parts: PartsGiven, name: str) -> Purged:
    """End every delivery that waits for this sink; its dead letters stay."""
    if name not in await parts.store.sinks():
        raise unknown_sink(name)
    return Purged(purged=await parts.store.queue.purge(name, None))


@router.post("/{name}/pause", summary="Send it nothing", responses=NOT_FOUND)
async def pause_sink(
    parts: PartsGiven, name: str, pause: SinkPause | None = None
) -> Paused:
    """Stop deliveries until somebody resumes them, also after a restart.

    Attempts under way may end; what waits is kept.
    """
    parts.store.require_sink(name)
    said = f": {pause.reason}" if pause and pause.reason else ""
    await parts.controls[name].stop(f"stopped by an operator{said}")
    return Paused(paused=True)


@router.post("/{name}/resume", summary="Try it at once", responses=NOT_FOUND)
async def resume_sink(parts: PartsGiven, name: str) -> Resumed:
    """End a stop, a pause, a rest or an open circuit.

    It is tried now, and held back again if it fails.
    """
    parts.store.require_sink(name)
    return Resumed(resumed=await parts.controls[name].resume())


@router.post("/{name}/test", summary="Send one event", responses=NOT_FOUND)
async def send_test(parts: PartsGiven, name: str, order: SinkProbe) -> ProbeResult:
    """Send a synthetic event through the queue to one sink, and wait for the attempt.

    Unless it is delivered it is taken back, so that it is not tried again. A sink that
    is resting, paused or circuit-open is tried at once: with this event, if nothing
    else waits. One that an operator has stopped is left alone.
    """
    parts.store.require_sink(name)
    done = await probe(
        parts.store,
        name,
        origin=parts.origin,
        metrics=parts.metrics,
        try_now=parts.controls[name].try_now,
        timeout_seconds=order.timeout_seconds,
    )
    return ProbeResult(
        id=done.id,
        sink=name,
        outcome=done.outcome,
        reason=done.reason,
        tries=[] if done.attempt is None else show_attempts([done.attempt]),
    )


@handshakes.get("/{sink}/{key}", summary="Agree to events")
async def open_handshake(
    parts: PartsGiven, request: Request, sink: str, key: str
) -> Consented:
    """Take the consent of a receiver, from anybody who follows the link.

    Open without a token: the key in the path is what the receiver knows ("HTTP 1.1 Web
    Hooks for Event Delivery" 1.0.2, 4.1.3).
    """
    return _take(parts, request, sink, key)


@handshakes.post("/{sink}/{key}", summary="Agree to events, by program")
async def grant_handshake(
    parts: PartsGiven, request: Request, sink: str, key: str
) -> Consented:
    """Take the consent of a receiver; `WebHook-Allowed-Rate` may come with it."""
    return _take(parts, request, sink, key)


def _take(parts: ApiContext, request: Request, sink: str, key: str) -> Consented:
    if not parts.take_consent(sink, key, request.headers):
        raise HTTPException(status.HTTP_404_NOT_FOUND, _NO_CONSENT)
    return Consented(consented=True)


async def _sink(parts: ApiContext, name: str) -> SinkView:
    store = parts.store
    configured = store.health.sinks.get(name)
    shown = configured or SinkStatus(name=name)
    depth = await store.queue.depth(name)
    age = (store.now() - depth.oldest).total_seconds() if depth.oldest else None
    return SinkView(
        name=name,
        configured=configured is not None,
        state=shown.state if configured else None,
        reason=shown.reason,
        until=shown.until,
        backlog=depth.waiting,
        leased=depth.leased,
        delayed=depth.delayed,
        delivered=store.queue.tally(name).delivered,
        dead_letters=depth.dead,
        oldest_age_seconds=age,
        last_error=shown.last_error,
        last_error_at=shown.last_error_at,
        last_success_at=shown.last_success_at,
        failing=_is_failing(shown),
        in_flight=shown.in_flight,
    )


def _is_failing(shown: SinkStatus) -> bool:
    error, success = shown.last_error_at, shown.last_success_at
    return error is not None and (success is None or error > success)
