"""Deliveries that were given up: look at them, try them again, end them."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Query

from bridge.api.models import (
    DeadLetter,
    DeadLetterDetail,
    DeadLetterReplay,
    DeadLetterSelection,
    Page,
    Purged,
    Replayed,
)
from bridge.api.parts import NOT_FOUND, After, Limit, Parts, PartsGiven
from bridge.api.rows import closing, find, page
from bridge.api.sinks import require_configured
from bridge.queue import DeadLetter as StoredDeadLetter

router = APIRouter(tags=["dead letters"])

_CHUNK = 500

Handles = dict[str | None, list[str]]
"""Handles of dead letters by the sink that they were for."""

OfSink = Annotated[
    str | None, Query(description="Only dead letters of this sink; none: all.")
]


@router.get("/dead-letters", summary="Deliveries that were given up")
async def list_dead_letters(
    parts: PartsGiven, sink: OfSink = None, after: After = None, limit: Limit = 50
) -> Page[DeadLetter]:
    """Return dead letters oldest first, without their events."""
    rows = parts.queue.dead(sink, after)
    found, last = await page(rows, lambda _: True, limit=limit)
    return Page(items=[_shown(one) for one in found], next=last)


@router.get("/dead-letters/{handle}", summary="One dead letter", responses=NOT_FOUND)
async def show_dead_letter(parts: PartsGiven, handle: str) -> DeadLetterDetail:
    """Return a dead letter with its event and the last answer."""
    letter = await find(parts.queue.dead(None, None), handle)
    return DeadLetterDetail(
        **_shown(letter).model_dump(),
        answer=letter.excerpt.decode(errors="replace"),
        event=_readable(letter.event.body),
    )


@router.post("/dead-letters/replay", summary="Try them again", responses=NOT_FOUND)
async def replay_dead_letters(parts: PartsGiven, replay: DeadLetterReplay) -> Replayed:
    """Put deliveries into the queue anew, with the events' own ids."""
    if replay.to is not None:
        require_configured(parts, replay.to)
    asked = replayed = 0
    async for chunk in _selected(parts, replay):
        for sink, handles in chunk.items():
            asked += len(handles)
            if sink is not None:  # else it is no event, and nothing to deliver
                replayed += await _replay(parts, replay.to or sink, handles)
    asked = max(asked, len(replay.handles or ()))
    return Replayed(replayed=replayed, skipped=asked - replayed)


@router.post("/dead-letters/purge", summary="End them")
async def purge_dead_letters(
    parts: PartsGiven, selection: DeadLetterSelection
) -> Purged:
    """Throw dead letters away for good."""
    purged = 0
    async for chunk in _selected(parts, selection):
        for sink, handles in chunk.items():
            purged += await parts.queue.purge(sink, handles)
    return Purged(purged=purged)


async def _replay(parts: Parts, sink: str, handles: list[str]) -> int:
    """Enqueue for a sink that is configured; for another nothing would lease them."""
    if sink not in parts.health.sinks:
        return 0
    replayed = await parts.queue.enqueue(sink, handles)
    parts.metrics.deliveries.labels(sink, "replayed").inc(replayed)
    return replayed


async def _selected(
    parts: Parts, selection: DeadLetterSelection
) -> AsyncIterator[Handles]:
    """Yield what was selected in chunks, as it was when the request came.

    A delivery that is replayed and given up again is not selected twice: it died
    later.
    """
    began = parts.now()
    wanted = None if selection.handles is None else set(selection.handles)
    chunk: Handles = defaultdict(list)
    size = 0
    rows = parts.queue.dead(selection.sink, None)
    async with closing(rows):
        async for letter in rows:
            if letter.died <= began and (wanted is None or letter.handle in wanted):
                chunk[letter.sink].append(letter.handle)
                size += 1
            if size == _CHUNK:
                yield chunk
                chunk, size = defaultdict(list), 0
    yield chunk


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _shown(letter: StoredDeadLetter) -> DeadLetter:
    return DeadLetter(
        handle=letter.handle,
        sink=letter.sink,
        id=letter.event.id,
        reason=letter.reason,
        status=letter.status,
        attempts=letter.attempts,
        stored=letter.stored,
        died=letter.died,
    )
