"""Deliveries that were given up: look at them, try them again, end them."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Response

from bridge.api.context import NOT_FOUND, ApiContext, PageQuery, PartsGiven
from bridge.api.found import Found, of_letter
from bridge.api.models import ListOf
from bridge.api.pages import WantedRows, find_page
from bridge.api.rows import find, get
from bridge.api.schemas import (
    DeadLetterDetailView,
    DeadLetterReplay,
    DeadLetterSelection,
    DeadLetterView,
    PurgedSome,
    ReplayedSome,
    show_attempts,
)
from bridge.api.selection import Chooser, DeliverySelection
from bridge.api.sinks import require_configured
from bridge.api.splice import spliced
from bridge.api.steps import Steps, replay_to

router = APIRouter(tags=["dead letters"])


class DeadLetterQuery(DeliverySelection, PageQuery):
    """Which dead letters to list."""


@router.get("/dead-letters", summary="Deliveries that were given up")
async def list_dead_letters(
    parts: PartsGiven, query: Annotated[DeadLetterQuery, Query()]
) -> ListOf[DeadLetterView]:
    """Return dead letters, without their events."""
    wanted = WantedRows(
        place="dead",
        chooser=Chooser(query),
        after=query.after,
        limit=query.limit,
        newest=query.order == "newest",
    )
    listed = await find_page(parts, wanted)
    return ListOf(
        items=[_shown(one) for one in listed.found],
        next=listed.next,
        follow=listed.follow,
    )


@router.get(
    "/dead-letters/{handle}",
    summary="One dead letter",
    response_model=DeadLetterDetailView,
    responses=NOT_FOUND,
)
async def show_dead_letter(parts: PartsGiven, handle: str) -> Response:
    """Return a dead letter with its event, its attempts and the last answer."""
    rows_after = partial(parts.queue.dead, None, extent="whole")
    async with parts.reading:
        letter = await find(rows_after, handle)
        tries = await parts.journal.attempts_of(letter.kept, letter.sink)
    detail = DeadLetterDetailView(
        **_shown(of_letter(letter)).model_dump(),
        answer=letter.excerpt.decode(errors="replace"),
        tries=show_attempts(one for one in tries if one.id in {"", letter.event.id}),
        event=None,
    )
    return spliced(detail, "event", letter.event.body)


@router.post("/dead-letters/replay", summary="Try them again", responses=NOT_FOUND)
async def replay_dead_letters(
    parts: PartsGiven, replay: DeadLetterReplay
) -> ReplayedSome:
    """Put deliveries into the queue anew, with the events' own ids."""
    if replay.to is not None:
        require_configured(parts, replay.to)
    steps = Steps(parts, "dead", Chooser(replay), begin=replay.after)
    seen = replayed = 0
    async for found in _selected(parts, replay, steps):
        seen += len(found)
        for sink, handles in _by_sink(found).items():
            if sink is not None:  # else it is no event, and nothing to deliver
                replayed += await replay_to(parts, replay.to or sink, handles)
    asked = max(seen, len(replay.handles or ()))
    return ReplayedSome(replayed=replayed, skipped=asked - replayed, next=steps.next)


@router.post("/dead-letters/purge", summary="End them")
async def purge_dead_letters(
    parts: PartsGiven, selection: DeadLetterSelection
) -> PurgedSome:
    """Throw dead letters away for good."""
    steps = Steps(parts, "dead", Chooser(selection), begin=selection.after)
    purged = 0
    async for found in _selected(parts, selection, steps):
        for sink, handles in _by_sink(found).items():
            purged += await parts.queue.purge(sink, handles)
    return PurgedSome(purged=purged, next=steps.next)


async def _selected(
    parts: ApiContext, selection: DeadLetterSelection, steps: Steps
) -> AsyncIterator[list[Found]]:
    if selection.handles is None:
        async for found in steps.run():
            yield found
        return
    rows_after = partial(parts.queue.dead, None, extent="handle")
    named = [await get(rows_after, one) for one in dict.fromkeys(selection.handles)]
    yield [of_letter(letter) for letter in named if letter is not None]


def _by_sink(found: Sequence[Found]) -> Mapping[str | None, list[str]]:
    handles: dict[str | None, list[str]] = defaultdict(list)
    for one in found:
        handles[one.sink].append(one.handle)
    return handles


def _shown(one: Found) -> DeadLetterView:
    assert one.stored is not None  # noqa: S101  # a dead letter knows it
    return DeadLetterView(
        handle=one.target,
        kept=one.event,
        sink=one.sink,
        id=one.id,
        reason=one.text,
        status=one.status,
        routes=list(one.routes),
        attempts=one.attempts,
        stored=one.stored,
        died=one.entered,
    )
