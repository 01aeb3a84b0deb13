"""Deliveries, the dead letters among them, and the stored events that they carry.

All three are lists of `bridge.operate.Delivery`: a dead letter is a delivery that was
given up, an event is a row without a sink. Each can be listed, shown and replayed.
"""

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

import msgspec
from fastapi import APIRouter, Query, Response

from bridge.api.context import ApiContext
from bridge.api.models import NOT_FOUND, ApiModel, ListOf, PageQuery, PartsGiven
from bridge.api.schemas import (
    DeadLetterDetailView,
    DeadLetterListQuery,
    DeadLetterReplay,
    DeadLetterSelection,
    DeadLetterView,
    DeliveriesReplayed,
    DeliveryDetail,
    DeliveryListQuery,
    DeliveryPurge,
    DeliveryReplay,
    DeliveryView,
    EventListQuery,
    EventReplay,
    KeptEvent,
    KeptEventDetail,
    Purged,
    Reached,
    Replayed,
    show_attempts,
)
from bridge.events.encode import attributes
from bridge.operate import Delivery, Place, State
from bridge.operate.find import (
    DeliveryQuery,
    find_delivery,
    find_event,
    find_letter,
    find_page,
)
from bridge.operate.replay import (
    ReplayResult,
    purge,
    purge_letters,
    replay,
    replay_handles,
    replay_letters,
)
from bridge.operate.selection import EVER, Selection
from bridge.operate.streams import from_kept, from_letter
from bridge.text.nesting import is_deeper

router = APIRouter()
_events = APIRouter(prefix="/events", tags=["events"])
_deliveries = APIRouter(prefix="/deliveries", tags=["deliveries"])
_dead_letters = APIRouter(prefix="/dead-letters", tags=["dead letters"])

View = TypeVar("View", bound=ApiModel)

_SHOWN_DEPTH = 200
"""Deeper nested JSON is shown as text, for many a client fails to read it."""


@_events.get("", summary="Events still stored")
async def list_events(
    parts: PartsGiven, query: Annotated[EventListQuery, Query()]
) -> ListOf[KeptEvent]:
    """Return events without their data."""
    selection = Selection(since=query.since or EVER, attributes=query.attribute)
    return await _list(
        parts, "kept", selection, query, _show_event, waiting_for=query.waiting
    )


@_events.get(
    "/{handle}",
    summary="One event, whole",
    response_model=KeptEventDetail,
    responses=NOT_FOUND,
)
async def show_event(parts: PartsGiven, handle: str) -> Response:
    """Return a stored event with its data."""
    kept = await find_event(parts.store, handle)
    shown = _show_event(from_kept(kept))
    detail = KeptEventDetail(**shown.model_dump(), event=None)
    return spliced(detail, "event", kept.event.body)


@_events.post(
    "/replay",
    summary="Deliver events anew",
    responses=NOT_FOUND,
    response_model_exclude_unset=True,
)
async def replay_events(parts: PartsGiven, body: EventReplay) -> Replayed:
    """Put deliveries of stored events, with their own ids, into the queue."""
    parts.store.require_sink(body.to_sink)
    done = await replay_handles(parts.store, body.handles, to_sink=body.to_sink)
    return Replayed(replayed=done.replayed, skipped=done.skipped)


@_deliveries.get("", summary="What became of events on their way to sinks")
async def list_deliveries(
    parts: PartsGiven, query: Annotated[DeliveryListQuery, Query()]
) -> ListOf[DeliveryView]:
    """Return deliveries in the order in which they came to their state."""
    return await _list(parts, query.state, query.compile(), query, _show_delivery)


@_deliveries.get(
    "/{handle}/{sink}",
    summary="One delivery",
    response_model=DeliveryDetail,
    responses=NOT_FOUND,
)
async def show_delivery(parts: PartsGiven, handle: str, sink: str) -> Response:
    """Return a delivery with every attempt that is remembered, and its event."""
    found, attempts = await find_delivery(parts.store, handle, sink)
    detail = DeliveryDetail(
        **_show_delivery(found).model_dump(),
        tries=show_attempts(attempts),
        content=None,
    )
    body = b"null" if found.encoded is None else found.encoded.body
    return spliced(detail, "content", body)


@_deliveries.post("/replay", summary="Deliver events anew", responses=NOT_FOUND)
async def replay_deliveries(
    parts: PartsGiven, body: DeliveryReplay
) -> DeliveriesReplayed:
    """Put events into the queue for a sink, with their own ids.

    A request takes a bounded time; `next` says how to go on.
    """
    parts.store.require_sink(body.to_sink)
    if body.handles is not None:
        done = await replay_handles(parts.store, body.handles, to_sink=body.to_sink)
    else:
        done = await replay(
            parts.store,
            body.state,
            body.compile(),
            to_sink=body.to_sink,
            after=body.after,
            backfill=parts.backfill if body.backfill else None,
        )
    return DeliveriesReplayed(
        replayed=done.replayed,
        skipped=done.skipped,
        next=done.next,
        kept=done.kept,
        oldest=done.oldest,
        listed=[
            Reached(
                resource=one.resource,
                namespace=one.namespace,
                listed=one.listed,
                replayed=one.replayed,
                oldest=one.oldest,
            )
            for one in done.listed
        ],
    )


@_deliveries.post("/purge", summary="End deliveries", responses=NOT_FOUND)
async def purge_deliveries(parts: PartsGiven, body: DeliveryPurge) -> Purged:
    """End deliveries that wait for a sink, for good."""
    selection = body.compile()
    count, place = await purge(parts.store, "waiting", selection, after=body.after)
    return Purged(purged=count, next=place)


@_dead_letters.get("", summary="Deliveries that were given up")
async def list_dead_letters(
    parts: PartsGiven, query: Annotated[DeadLetterListQuery, Query()]
) -> ListOf[DeadLetterView]:
    """Return dead letters, without their events."""
    return await _list(parts, "dead", query.compile(), query, _show_letter)


@_dead_letters.get(
    "/{handle}",
    summary="One dead letter",
    response_model=DeadLetterDetailView,
    responses=NOT_FOUND,
)
async def show_dead_letter(parts: PartsGiven, handle: str) -> Response:
    """Return a dead letter with its event, its attempts and the last answer."""
    letter, attempts = await find_letter(parts.store, handle)
    detail = DeadLetterDetailView(
        **_show_letter(from_letter(letter)).model_dump(),
        answer=letter.excerpt.decode(errors="replace"),
        tries=show_attempts(attempts),
        event=None,
    )
    return spliced(detail, "event", letter.event.body)


@_dead_letters.post("/replay", summary="Try them again", responses=NOT_FOUND)
async def replay_dead_letters(parts: PartsGiven, body: DeadLetterReplay) -> Replayed:
    """Put deliveries into the queue again, with the events' own ids."""
    if body.to_sink is not None:
        parts.store.require_sink(body.to_sink)
    done = await _replay_letters(parts, body)
    return Replayed(
        replayed=done.replayed, skipped=done.skipped + done.unconverted, next=done.next
    )


async def _replay_letters(parts: ApiContext, body: DeadLetterReplay) -> ReplayResult:
    if body.handles is not None:
        return await replay_letters(parts.store, body.handles, to_sink=body.to_sink)
    return await replay(
        parts.store, "dead", body.compile(), to_sink=body.to_sink, after=body.after
    )


@_dead_letters.post("/purge", summary="End them")
async def purge_dead_letters(parts: PartsGiven, body: DeadLetterSelection) -> Purged:
    """Throw dead letters away for good."""
    if body.handles is not None:
        count = await purge_letters(parts.store, body.handles)
        return Purged(purged=count, next=None)
    selection = body.compile()
    count, place = await purge(parts.store, "dead", selection, after=body.after)
    return Purged(purged=count, next=place)


for _part in (_events, _deliveries, _dead_letters):
    router.include_router(_part)


async def _list(
    parts: ApiContext,
    place: Place | Literal["all"],
    selection: Selection,
    query: PageQuery,
    show: Callable[[Delivery], View],
    *,
    waiting_for: str | None = None,
) -> ListOf[View]:
    page = await find_page(
        parts.store,
        DeliveryQuery(
            place=place,
            selection=selection,
            after=query.after,
            limit=query.limit,
            newest=query.order == "newest",
            is_shown=True,
            waiting_for=waiting_for,
        ),
    )
    items = [show(one) for one in page.found]
    return ListOf(items=items, next=page.next, follow=page.follow)


def _show_event(one: Delivery) -> KeptEvent:
    assert one.encoded is not None  # noqa: S101  # stored events have a head
    return KeptEvent(
        handle=one.handle,
        stored=one.entered,
        waiting=list(one.waiting),
        size_bytes=one.size_bytes,
        attributes=dict(attributes(one.encoded)),
    )


def _show_delivery(one: Delivery) -> DeliveryView:
    head = {} if one.encoded is None else attributes(one.encoded)
    subject = head.get("subject")
    state: State = one.state or "waiting"
    return DeliveryView(
        handle=one.event,
        sink=one.sink,
        state=state,
        id=one.id,
        type=None if one.encoded is None else str(head["type"]),
        subject=None if subject is None else str(subject),
        routes=list(one.routes),
        stored=one.stored,
        attempts=one.attempts,
        status=one.status,
        reason=one.text if state == "dead" else one.reason,
        at=one.at,
        due=one.due,
        dead_letter_handle=one.handle if state == "dead" else None,
    )


def _show_letter(one: Delivery) -> DeadLetterView:
    assert one.stored is not None  # noqa: S101  # a dead letter knows it
    return DeadLetterView(
        handle=one.handle,
        event_handle=one.event,
        sink=one.sink,
        id=one.id,
        reason=one.text,
        status=one.status,
        routes=list(one.routes),
        attempts=one.attempts,
        stored=one.stored,
        died=one.entered,
    )


def spliced(shown: ApiModel, name: str, body: bytes) -> Response:
    """Return a response that holds a stored event: its bytes go out as they are.

    Args:
        shown: The rest; the field in it is left out.
        name: Name of the field.
        body: JSON; anything else, and JSON nested too deeply, is shown as text.
    """
    head = shown.model_dump_json(by_alias=True, exclude={name}).encode()
    content = b'%s,"%s":%s}' % (head[:-1], name.encode(), _as_json(body))
    return Response(content, media_type="application/json")


def _as_json(body: bytes) -> bytes:
    if is_deeper(body, than=_SHOWN_DEPTH):
        return _as_text(body)
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _as_text(body)
    return body


def _as_text(body: bytes) -> bytes:
    return msgspec.json.encode(body.decode(errors="replace"))
