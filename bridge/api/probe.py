"""Sends one event that nobody caused, to see whether a sink takes it."""

import asyncio
import math
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import Field

from bridge.api.context import NOT_FOUND, ApiContext, PartsGiven
from bridge.api.models import ApiModel, AskedModel
from bridge.api.rows import closing
from bridge.api.schemas import AttemptView, show_attempts
from bridge.api.sinks import require_configured
from bridge.events import CloudEvent
from bridge.ingest.accept import addressed, put
from bridge.journal import Attempt
from bridge.queue import Gate

router = APIRouter(tags=["sinks"])

LOOK_SECONDS = 0.1
"""How often it is looked whether the attempt was made."""

_IDENTITY = "@cluster"


Outcome = Literal["delivered", "retry", "dead", "released", "waiting", "held"]


class SinkProbe(AskedModel):
    """How long to wait."""

    timeout_seconds: Annotated[float, Field(ge=0, le=50)] = 30.0
    """How long the first attempt is waited for."""


class ProbeResult(ApiModel):
    """What became of the test."""

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


@router.post("/sinks/{name}/test", summary="Send one event", responses=NOT_FOUND)
async def send_test(parts: PartsGiven, name: str, order: SinkProbe) -> ProbeResult:
    """Send a synthetic event through the queue to one sink, and wait for the attempt.

    Unless it is delivered it is taken back, so that it is not tried again. A sink that
    is resting, paused or circuit-open is tried at once: with this event, if nothing
    else waits. One that an operator has stopped is left alone.
    """
    require_configured(parts, name)
    began = parts.now()
    if (held := await _held(parts, name)) is not None and held.kind == "stopped":
        return _result(name, "", "held", held)
    event = await _event(parts, name, began)
    await put([addressed(event, name)], queue=parts.queue, metrics=parts.metrics)
    if held is not None:
        await parts.controls[name].try_now()
    attempt = None
    with suppress(TimeoutError):
        async with asyncio.timeout(order.timeout_seconds):
            attempt = await _attempt(parts, name, event.id, began)
    if attempt is None or attempt.ending != "delivered":
        await _take_back(parts, name, event.id, began)
    held = await _held(parts, name)
    if attempt is None:
        outcome: Outcome = "waiting" if held is None else "held"
        return _result(name, event.id, outcome, held)
    return _result(name, event.id, attempt.ending, held, attempt)


def _result(
    sink: str, id_: str, outcome: Outcome, held: Gate | None, *tries: Attempt
) -> ProbeResult:
    return ProbeResult(
        id=id_,
        sink=sink,
        outcome=outcome,
        reason="" if held is None else f"{held.kind}: {held.reason}",
        tries=show_attempts(tries),
    )


async def _held(parts: ApiContext, sink: str) -> Gate | None:
    """Return why nothing is sent to a sink now; None: it may be tried."""
    gate = await parts.queue.gated(sink)
    if gate is None or (gate.until or math.inf) <= parts.now().timestamp():
        return None
    return gate


async def _event(parts: ApiContext, sink: str, now: datetime) -> CloudEvent:
    config = parts.describe_config()
    cluster = await _cluster(parts, config)
    name = secrets.token_hex(8)
    events: Mapping[str, Any] = config.get("events", {})
    time = now.isoformat().replace("+00:00", "Z")
    return CloudEvent(
        id=f"test-{name}",
        source=f"kubernetes://{cluster}",
        type=f"{events.get('typePrefix', 'io.kubebridge')}.test.v1",
        subject=f"_test/{name}",
        time=time,
        extensions={
            "cluster": cluster,
            "recordedtime": time,
            **events.get("extensions", {}),
        },
        data=msgspec.json.encode({"message": "A test of kubebridge.", "sink": sink}),
    )


async def _cluster(parts: ApiContext, config: Mapping[str, Any]) -> str:
    """Return the name that events of this cluster have, as far as it is known."""
    name = config.get("cluster", {}).get("name")
    if name:
        return str(name)
    scopes = [one.scope for one in await parts.queue.cursors()]
    uids = [scope.cluster for scope in scopes if scope.resource != _IDENTITY]
    return uids[0] if uids else "unknown"


async def _attempt(
    parts: ApiContext, sink: str, id_: str, began: datetime
) -> Attempt | None:
    """Return the first attempt to deliver the event; None: the sink is held back."""
    place = None
    while True:
        # Asked first: an attempt is recorded before the gate closes for it.
        held = await _held(parts, sink)
        rows = parts.journal.recorded(place, since=began.timestamp())
        async with closing(rows):
            async for row in rows:
                place = row.handle
                if row.attempt.id == id_:
                    return row.attempt
        if held is not None:
            return None
        await asyncio.sleep(LOOK_SECONDS)


async def _take_back(parts: ApiContext, sink: str, id_: str, began: datetime) -> None:
    """End the delivery, or the dead letter that it has become."""
    async with closing(parts.queue.kept(began, None, extent="handle")) as rows:
        found = [kept async for kept in rows if kept.event.id == id_]
    for kept in found:
        if sink in kept.waiting:
            await parts.queue.purge(sink, [kept.handle])
        letters = await parts.queue.letters(kept.handle)
        await parts.queue.purge(sink, [one.handle for one in letters])
