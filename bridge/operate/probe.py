"""Sends one synthetic event through the queue, to see whether a sink takes it."""

import asyncio
import math
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import msgspec

from bridge.events import CloudEvent
from bridge.events.origin import Origin
from bridge.ingest.accept import addressed, put
from bridge.journal import Attempt
from bridge.metrics import Metrics
from bridge.operate import DeliveryStore
from bridge.operate.streams import closing
from bridge.queue import Gate

LOOK_SECONDS = 0.1
"""How often the journal is asked for the attempt."""

UNNAMED = "unknown"
"""Name of a cluster that has none in the configuration and was never read."""

_IDENTITY = "@cluster"

Outcome = Literal["delivered", "retry", "dead", "released", "waiting", "held"]
"""``waiting``: not tried in time; ``held``: the sink is held back; else the end of the
attempt. An event that is not delivered is taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeOutcome:
    """The result of a synthetic event.

    Attributes:
        id: id of the event; empty: none was sent.
        outcome: See `Outcome`.
        reason: Why nothing is sent to the sink now; empty: it is not held back.
        attempt: The attempt; None: there was none.
    """

    id: str
    outcome: Outcome
    reason: str
    attempt: Attempt | None = None


async def probe(
    store: DeliveryStore,
    sink: str,
    *,
    origin: Origin,
    metrics: Metrics,
    try_now: Callable[[], Awaitable[bool]],
    timeout_seconds: float,
) -> ProbeOutcome:
    """Send a synthetic event through the queue, and wait for the first attempt.

    Unless it is delivered it is taken back, so that it is not tried again. A sink that
    is resting, paused or circuit-open is tried at once: with this event, if nothing
    else waits. One that an operator has stopped is left alone.

    Args:
        store: Where the event is put.
        sink: Name of the sink.
        origin: Where events come from; of a cluster without a name see `UNNAMED`.
        metrics: The counters.
        try_now: Tries one delivery although the sink is held back.
        timeout_seconds: How long to wait for the attempt.
    """
    began = store.now()
    held = await _held(store, sink)
    if held is not None and held.kind == "stopped":
        return ProbeOutcome(id="", outcome="held", reason=_reason(held))
    event = make_event(await _named(store, origin), sink, began)
    await put([addressed(event, sink)], queue=store.queue, metrics=metrics)
    if held is not None:
        await try_now()
    attempt = None
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_seconds):
            attempt = await _attempt(store, sink, event.id, began)
    if attempt is None or attempt.ending != "delivered":
        await _take_back(store, sink, event.id, began)
    held = await _held(store, sink)
    outcome: Outcome = "waiting" if held is None else "held"
    return ProbeOutcome(
        id=event.id,
        outcome=outcome if attempt is None else attempt.ending,
        reason=_reason(held),
        attempt=attempt,
    )


def make_event(origin: Origin, sink: str, now: datetime) -> CloudEvent:
    """Return a synthetic event, known as one by its type and subject."""
    name = secrets.token_hex(8)
    time = now.isoformat().replace("+00:00", "Z")
    return CloudEvent(
        id=f"test-{name}",
        source=origin.uri,
        type=f"{origin.type_prefix}.test.v1",
        subject=f"_test/{name}",
        time=time,
        extensions={
            "cluster": origin.cluster,
            "recordedtime": time,
            **origin.extensions,
        },
        data=msgspec.json.encode({"message": "A test of kubebridge.", "sink": sink}),
    )


def _reason(held: Gate | None) -> str:
    return "" if held is None else f"{held.kind}: {held.reason}"


async def _held(store: DeliveryStore, sink: str) -> Gate | None:
    """Return why nothing is sent to a sink now; None: it may be tried."""
    gate = await store.queue.gated(sink)
    if gate is None or (gate.until or math.inf) <= store.now().timestamp():
        return None
    return gate


async def _named(store: DeliveryStore, origin: Origin) -> Origin:
    """Return the origin; a cluster without a name is named by its uid, if known."""
    if origin.cluster != UNNAMED:
        return origin
    scopes = [one.scope for one in await store.queue.cursors()]
    uids = [scope.cluster for scope in scopes if scope.resource != _IDENTITY]
    return replace(origin, cluster=uids[0]) if uids else origin


async def _attempt(
    store: DeliveryStore, sink: str, id_: str, began: datetime
) -> Attempt | None:
    """Return the first attempt to deliver the event; None: the sink is held back."""
    place = None
    while True:
        # Asked first: an attempt is recorded before the gate closes for it.
        held = await _held(store, sink)
        rows = store.journal.recorded(place, since=began.timestamp())
        async with closing(rows):
            async for row in rows:
                place = row.handle
                if row.attempt.id == id_:
                    return row.attempt
        if held is not None:
            return None
        await asyncio.sleep(LOOK_SECONDS)


async def _take_back(
    store: DeliveryStore, sink: str, id_: str, began: datetime
) -> None:
    """End the delivery, or the dead letter that it has become."""
    async with closing(store.queue.kept(began, None, extent="handle")) as rows:
        found = [kept async for kept in rows if kept.event.id == id_]
    for kept in found:
        if sink in kept.waiting:
            await store.queue.purge(sink, [kept.handle])
        letters = await store.queue.letters(kept.handle)
        await store.queue.purge(sink, [one.handle for one in letters])
