"""Sends one event that nobody caused, to see whether a sink takes it."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import Field

from bridge.api.models import ApiModel
from bridge.api.parts import NOT_FOUND, Parts, PartsGiven
from bridge.api.rows import closing
from bridge.api.shown import AttemptShown, show_attempts
from bridge.api.sinks import require_configured
from bridge.events import CloudEvent
from bridge.events.encode import encode
from bridge.journal import Attempt
from bridge.queue import Entry, Scope

router = APIRouter(tags=["sinks"])

LOOK_SECONDS = 0.1
"""How often it is looked whether the attempt was made."""

_SCOPE = Scope(cluster="", resource="@test")
_IDENTITY = "@cluster"


class TestOrder(ApiModel):
    """How long to wait."""

    timeout_seconds: Annotated[float, Field(ge=0, le=50)] = 30.0
    """How long the first attempt is waited for."""


class TestResult(ApiModel):
    """What became of the test."""

    id: str
    """id of the event that was sent."""

    sink: str

    outcome: Literal["delivered", "retry", "dead", "released", "waiting"]
    """`delivered`; `waiting`: there was no attempt in time, see `reason`; else the
    attempt failed. What was not delivered was taken back."""

    reason: str
    """Why nothing is sent to the sink now; empty: it is not held back."""

    tries: list[AttemptShown]
    """The attempt; empty: there was none."""


@router.post("/sinks/{name}/test", summary="Send one event", responses=NOT_FOUND)
async def send_test(parts: PartsGiven, name: str, order: TestOrder) -> TestResult:
    """Send a synthetic event through the queue to one sink, and wait for the attempt.

    Unless it is delivered it is taken back, so that it is not tried again.
    """
    require_configured(parts, name)
    began = parts.now()
    event = await _event(parts, name, began)
    entry = Entry(event=event, encoded=encode(event), sinks=(name,))
    await parts.queue.put([entry], scope=_SCOPE, since=None, to=None)
    parts.metrics.routed.labels(name).inc()
    attempt = None
    with suppress(TimeoutError):
        async with asyncio.timeout(order.timeout_seconds):
            attempt = await _attempt(parts, event.id, began)
    if attempt is None or attempt.ending != "delivered":
        await _take_back(parts, name, event.id, began)
    gate = await parts.queue.gated(name)
    return TestResult(
        id=event.id,
        sink=name,
        outcome="waiting" if attempt is None else attempt.ending,
        reason="" if gate is None else f"{gate.kind}: {gate.reason}",
        tries=show_attempts([] if attempt is None else [attempt]),
    )


async def _event(parts: Parts, sink: str, now: datetime) -> CloudEvent:
    config = parts.describe_config()
    cluster = await _cluster(parts, config)
    name = secrets.token_hex(8)
    events: Mapping[str, Any] = config.get("events", {})
    time = now.isoformat().replace("+00:00", "Z")
    return CloudEvent(
        id=f"test-{name}",
        source=f"kubernetes://{cluster}",
        type=f"{events.get('type_prefix', 'io.kubebridge')}.test.v1",
        subject=f"_test/{name}",
        time=time,
        extensions={
            "cluster": cluster,
            "recordedtime": time,
            **events.get("extensions", {}),
        },
        data=msgspec.json.encode({"message": "A test of kubebridge.", "sink": sink}),
    )


async def _cluster(parts: Parts, config: Mapping[str, Any]) -> str:
    """Return the name that events of this cluster have, as far as it is known."""
    name = config.get("cluster", {}).get("name")
    if name:
        return str(name)
    scopes = [one.scope for one in await parts.queue.cursors()]
    uids = [scope.cluster for scope in scopes if scope.resource != _IDENTITY]
    return uids[0] if uids else "unknown"


async def _attempt(parts: Parts, id_: str, began: datetime) -> Attempt:
    """Return the first attempt to deliver the event, however long it takes."""
    place = None
    while True:
        rows = parts.journal.recorded(place, since=began.timestamp())
        async with closing(rows):
            async for row in rows:
                place = row.handle
                if row.attempt.id == id_:
                    return row.attempt
        await asyncio.sleep(LOOK_SECONDS)


async def _take_back(parts: Parts, sink: str, id_: str, began: datetime) -> None:
    """End the delivery, or the dead letter that it has become."""
    async with closing(parts.queue.kept(began, None)) as rows:
        found = [kept async for kept in rows if kept.event.id == id_]
    for kept in found:
        if sink in kept.waiting:
            purged = await parts.queue.purge(sink, [kept.handle])
            parts.metrics.deliveries.labels(sink, "purged").inc(purged)
        letters = await parts.queue.letters(kept.handle)
        await parts.queue.purge(sink, [one.handle for one in letters])
