"""Events that are still stored: look at them, deliver them anew."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query

from bridge.api.models import EventReplay, KeptEvent, KeptEventDetail, Page, Replayed
from bridge.api.parts import NOT_FOUND, After, Limit, PartsGiven
from bridge.api.rows import find, page
from bridge.api.selection import EVER, Time, compile_attributes
from bridge.api.shown import readable
from bridge.api.sinks import require_configured
from bridge.events.encode import attributes, decode
from bridge.queue import Kept

router = APIRouter(tags=["events"])

Since = Annotated[
    Time | None,
    Query(description="Only events stored since then (RFC 3339); none: all kept."),
]
WaitingFor = Annotated[
    str | None, Query(description="Only events that still wait for this sink.")
]
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
    limit: Limit = 50,
) -> Page[KeptEvent]:
    """Return events oldest first, without their data."""
    passes = _chooser(attribute, waiting)
    rows = parts.queue.kept(since or EVER, after)
    found, last = await page(rows, passes, limit=limit)
    return Page(items=[_shown(one) for one in found], next=last)


@router.get("/events/{handle}", summary="One event, whole", responses=NOT_FOUND)
async def show_event(parts: PartsGiven, handle: str) -> KeptEventDetail:
    """Return a stored event with its data."""
    kept = await find(partial(parts.queue.kept, EVER), handle)
    event = readable(kept.event.body)
    return KeptEventDetail(**_shown(kept).model_dump(), event=event)


@router.post("/events/replay", summary="Deliver events anew", responses=NOT_FOUND)
async def replay_events(parts: PartsGiven, replay: EventReplay) -> Replayed:
    """Put deliveries of stored events, with their own ids, into the queue."""
    require_configured(parts, replay.sink)
    replayed = await parts.queue.enqueue(replay.sink, replay.handles)
    parts.metrics.deliveries.labels(replay.sink, "replayed").inc(replayed)
    return Replayed(replayed=replayed, skipped=len(replay.handles) - replayed)


def _chooser(wanted: Sequence[str], waiting: str | None) -> Callable[[Kept], bool]:
    """Return what says whether an event is asked for.

    Raises:
        HTTPException: 422, one of `wanted` is not ``name=value``.
    """
    matches = compile_attributes(wanted)

    def passes(kept: Kept) -> bool:
        if waiting is not None and waiting not in kept.waiting:
            return False
        return matches is None or matches(decode(kept.event))

    return passes


def _shown(kept: Kept) -> KeptEvent:
    return KeptEvent(
        handle=kept.handle,
        stored=kept.stored,
        waiting=list(kept.waiting),
        size_bytes=len(kept.event.body),
        attributes=dict(attributes(kept.event)),
    )
