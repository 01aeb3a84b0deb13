"""Deliveries: why something did not arrive, and how it does afterwards."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Response, status

from bridge.api.context import NOT_FOUND, ApiContext, PageQuery, PartsGiven
from bridge.api.found import (
    Found,
    of_attempt,
    of_letter,
    of_pending,
    with_attempts,
    with_event,
)
from bridge.api.models import ListOf
from bridge.api.pages import WantedRows, find_page
from bridge.api.replaying import replay_all
from bridge.api.rows import get
from bridge.api.schemas import (
    DeliveriesReplayed,
    Delivery,
    DeliveryDetail,
    DeliveryPurge,
    DeliveryReplay,
    PurgedSome,
    show_attempts,
    show_delivery,
)
from bridge.api.selection import EVER, Chooser, DeliverySelection, State
from bridge.api.sinks import require_configured
from bridge.api.splice import spliced
from bridge.api.steps import Steps, replay_to
from bridge.journal import Attempt, Recorded

router = APIRouter(tags=["deliveries"])


class DeliveryQuery(DeliverySelection, PageQuery):
    """Which deliveries to list."""

    state: State | Literal["all"] = "all"
    """How far they have come. Those that were delivered are remembered as long as the
    journal reaches back."""


@router.get("/deliveries", summary="What became of events on their way to sinks")
async def list_deliveries(
    parts: PartsGiven, query: Annotated[DeliveryQuery, Query()]
) -> ListOf[Delivery]:
    """Return deliveries in the order in which they came to their state."""
    wanted = WantedRows(
        place=query.state,
        chooser=Chooser(query),
        after=query.after,
        limit=query.limit,
        newest=query.order == "newest",
        is_shown=True,
    )
    listed = await find_page(parts, wanted)
    return ListOf(
        items=[show_delivery(one, one.state or "delivered") for one in listed.found],
        next=listed.next,
        follow=listed.follow,
    )


@router.get(
    "/deliveries/{handle}/{sink}",
    summary="One delivery",
    response_model=DeliveryDetail,
    responses=NOT_FOUND,
)
async def show_delivery_of(parts: PartsGiven, handle: str, sink: str) -> Response:
    """Return a delivery with every attempt that is remembered, and its event."""
    async with parts.reading:
        attempts = await parts.journal.attempts_of(handle, sink)
        found = await _find(parts, handle, sink, attempts)
    if found is None:
        message = f"no such delivery: {handle} to {sink}, or it is forgotten"
        raise HTTPException(status.HTTP_404_NOT_FOUND, message)
    shown = show_delivery(found, found.state or "waiting")
    detail = DeliveryDetail(
        **shown.model_dump(),
        tries=show_attempts(one for one in attempts if one.id in {"", found.id}),
        content=None,
    )
    body = b"null" if found.encoded is None else found.encoded.body
    return spliced(detail, "content", body)


@router.post("/deliveries/replay", summary="Deliver events anew", responses=NOT_FOUND)
async def replay_deliveries(
    parts: PartsGiven, replay: DeliveryReplay
) -> DeliveriesReplayed:
    """Put events into the queue for a sink, with their own ids.

    A request takes a bounded time; `next` says how to go on.
    """
    require_configured(parts, replay.to)
    if replay.handles is None:
        return await replay_all(parts, replay)
    handles = list(dict.fromkeys(replay.handles))
    count = await replay_to(parts, replay.to, handles)
    return DeliveriesReplayed(
        replayed=count, skipped=len(handles) - count, kept=count, oldest=None, listed=[]
    )


@router.post("/deliveries/purge", summary="End deliveries", responses=NOT_FOUND)
async def purge_deliveries(parts: PartsGiven, purge: DeliveryPurge) -> PurgedSome:
    """End deliveries that wait for a sink, for good."""
    steps = Steps(parts, "waiting", Chooser(purge), begin=purge.after)
    purged = 0
    async for found in steps.run():
        targets = [one.target for one in found]
        purged += await parts.queue.purge(purge.sink, targets)
    return PurgedSome(purged=purged, next=steps.next)


async def _find(
    parts: ApiContext, event: str, sink: str, attempts: Sequence[Attempt]
) -> Found | None:
    """Return what is known of a delivery, with its whole event; None: nothing is."""
    found = await _find_state(parts, event, sink, attempts)
    if found is None:
        return None
    kept = await get(partial(parts.queue.kept, EVER, extent="whole"), event)
    return with_event(found, kept)


async def _find_state(
    parts: ApiContext, event: str, sink: str, attempts: Sequence[Attempt]
) -> Found | None:
    rows_after = partial(parts.queue.waiting, sink, extent="handle")
    pending = await get(rows_after, event)
    if pending is not None:
        return (await with_attempts(parts, [of_pending(pending)]))[0]
    kept = await get(partial(parts.queue.kept, EVER, extent="handle"), event)
    letters = [] if kept is None else await parts.queue.letters(event)
    dead = [of_letter(one) for one in letters if one.sink == sink]
    if dead:
        return (await with_attempts(parts, dead[-1:]))[0]
    if not attempts:
        return None
    state: State = "dead" if attempts[-1].ending == "dead" else "delivered"
    return replace(of_attempt(Recorded("", attempts[-1])), state=state)
