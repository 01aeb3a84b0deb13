"""Events that are still stored: look at them, deliver them anew."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response

from bridge.api.context import NOT_FOUND, After, Limit, Order, PartsGiven
from bridge.api.models import EventReplay, KeptEvent, KeptEventDetail, ListOf, Replayed
from bridge.api.pages import follow_of
from bridge.api.rows import find, walk
from bridge.api.selection import EVER, Time, compile_attributes, extent_of
from bridge.api.sinks import require_configured
from bridge.api.splice import spliced
from bridge.events.encode import attributes, decode, without_data
from bridge.queue import Extent, Kept

router = APIRouter(tags=["events"])

Since = Annotated[
    Time | None,
    Query(description="Only events stored since then (RFC 3339); none: all kept."),
]
WaitingFor = Annotated[
    str | None, Query(description="Only events that still wait for this sink.")
]
OrderGiven = Annotated[Order, Query(description="Which come first.")]
Attributes = Annotated[
    tuple[str, ...],
    Query(
        alias="attribute",
        description="Only events with this attribute, as `reason=BackOff`, or one that "
        "begins so, as `subject=shop/*`; repeatable.",
    ),
]


@router.get("/events", summary="Events still stored")
async def list_events(
    *,
    parts: PartsGiven,
    since: Since = None,
    waiting: WaitingFor = None,
    attribute: Attributes = (),
    after: After = None,
    order: OrderGiven = "newest",
    limit: Limit = 50,
) -> ListOf[KeptEvent]:
    """Return events without their data."""
    take = _chooser(attribute, waiting)
    newest = order == "newest"
    extent: Extent = "whole" if extent_of(attribute) == "whole" else "head"
    rows = parts.queue.kept(since or EVER, after, extent=extent, newest=newest)
    async with parts.reading:
        walked = await walk(rows, take, limit=limit)
    return ListOf(
        items=[_shown(one) for one in walked.found],
        next=None if walked.is_over else walked.last,
        follow=follow_of(walked, after, newest=newest),
    )


@router.get(
    "/events/{handle}",
    summary="One event, whole",
    response_model=KeptEventDetail,
    responses=NOT_FOUND,
)
async def show_event(parts: PartsGiven, handle: str) -> Response:
    """Return a stored event with its data."""
    rows_after = partial(parts.queue.kept, EVER, extent="whole")
    async with parts.reading:
        kept = await find(rows_after, handle)
    detail = KeptEventDetail(**_shown(kept).model_dump(), event=None)
    return spliced(detail, "event", kept.event.body)


@router.post("/events/replay", summary="Deliver events anew", responses=NOT_FOUND)
async def replay_events(parts: PartsGiven, replay: EventReplay) -> Replayed:
    """Put deliveries of stored events, with their own ids, into the queue."""
    require_configured(parts, replay.sink)
    replayed = await parts.queue.enqueue(replay.sink, replay.handles)
    return Replayed(replayed=replayed, skipped=len(replay.handles) - replayed)


def _chooser(
    wanted: Sequence[str], waiting: str | None
) -> Callable[[Kept], Kept | None]:
    """Return what gives an event that is asked for, without its data.

    Raises:
        HTTPException: 422, one of `wanted` is not ``name=value``.
    """
    matches = compile_attributes(wanted)

    reads_data = extent_of(wanted) == "whole"

    def take(kept: Kept) -> Kept | None:
        if waiting is not None and waiting not in kept.waiting:
            return None
        head = without_data(kept.event)
        event = kept.event if reads_data else head
        if matches is not None and not matches(decode(event)):
            return None
        return replace(kept, event=head)

    return take


def _shown(kept: Kept) -> KeptEvent:
    return KeptEvent(
        handle=kept.handle,
        stored=kept.stored,
        waiting=list(kept.waiting),
        size_bytes=kept.size_bytes,
        attributes=dict(attributes(kept.event)),
    )
