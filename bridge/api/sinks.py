"""Sinks: how they do, and an operator's word on them."""

from fastapi import APIRouter, HTTPException, status

from bridge.api.context import NOT_FOUND, ApiContext, PartsGiven
from bridge.api.models import Items, Paused, Purged, Resumed, SinkPause, SinkView
from bridge.health import SinkStatus

router = APIRouter(tags=["sinks"])


@router.get("/sinks", summary="How deliveries go")
async def list_sinks(parts: PartsGiven) -> Items[SinkView]:
    """Return the configured sinks, then those that only have deliveries left."""
    return Items(items=[await _sink(parts, name) for name in await _known(parts)])


@router.post("/sinks/{name}/purge", summary="End all that waits", responses=NOT_FOUND)
async def purge_sink(parts: PartsGiven, name: str) -> Purged:
    """End every delivery that waits for this sink; its dead letters stay."""
    if name not in await _known(parts):
        raise _unknown(name)
    purged = await parts.queue.purge(name, None)
    return Purged(purged=purged)


@router.post("/sinks/{name}/pause", summary="Send it nothing", responses=NOT_FOUND)
async def pause_sink(
    parts: PartsGiven, name: str, pause: SinkPause | None = None
) -> Paused:
    """Stop deliveries until somebody resumes them, also after a restart.

    Attempts under way may end; what waits is kept.
    """
    require_configured(parts, name)
    said = f": {pause.reason}" if pause and pause.reason else ""
    await parts.controls[name].stop(f"stopped by an operator{said}")
    return Paused(paused=True)


@router.post("/sinks/{name}/resume", summary="Try it at once", responses=NOT_FOUND)
async def resume_sink(parts: PartsGiven, name: str) -> Resumed:
    """End whatever holds it back: an operator's word, a pause, a rest, its breaker.

    It is tried now, and held back again if it fails.
    """
    require_configured(parts, name)
    return Resumed(resumed=await parts.controls[name].resume())


def require_configured(parts: ApiContext, name: str) -> None:
    """Answer 404 unless the running configuration has this sink."""
    if name not in parts.health.sinks:
        raise _unknown(name)


def _unknown(name: str) -> HTTPException:
    return HTTPException(status.HTTP_404_NOT_FOUND, f"no such sink: {name}")


async def _known(parts: ApiContext) -> list[str]:
    stored = await parts.queue.sinks()
    return [*parts.health.sinks, *sorted(set(stored) - set(parts.health.sinks))]


async def _sink(parts: ApiContext, name: str) -> SinkView:
    configured = parts.health.sinks.get(name)
    shown = configured or SinkStatus(name=name)
    depth = await parts.queue.depth(name)
    age = (parts.now() - depth.oldest).total_seconds() if depth.oldest else None
    return SinkView(
        name=name,
        configured=configured is not None,
        state=shown.state if configured else None,
        reason=shown.reason,
        until=shown.until,
        backlog=depth.waiting,
        leased=depth.leased,
        delayed=depth.delayed,
        delivered=parts.queue.tally(name).delivered,
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
