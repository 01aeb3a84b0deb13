"""Probes in the manner of kube-apiserver, and metrics: open to anybody."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client.exposition import choose_encoder

from bridge.api.context import PartsGiven
from bridge.api.models import Problem
from bridge.health import Check

router = APIRouter(
    tags=["probes"],
    responses={
        422: {"model": Problem, "description": "The request makes no sense."},
        503: {"description": "Not so; the body says why."},
    },
    default_response_class=PlainTextResponse,
)

Verbose = Annotated[
    str | None, Query(description="Present, with any value: one line for each check.")
]


@router.head("/livez", include_in_schema=False)
@router.get("/livez", summary="Whether the process turns")
async def livez(parts: PartsGiven, verbose: Verbose = None) -> Response:
    """Fail only when a restart would help: never because others do not answer."""
    return _answer("livez", parts.store.health.live(), verbose=verbose)


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", summary="Whether changes are read and taken")
async def readyz(parts: PartsGiven, verbose: Verbose = None) -> Response:
    """Fail while nothing is watched or the queue takes nothing; no sink matters."""
    return _answer("readyz", parts.store.health.ready(), verbose=verbose)


@router.head("/startupz", include_in_schema=False)
@router.get("/startupz", summary="Whether each reader has been watching once")
async def startupz(parts: PartsGiven, verbose: Verbose = None) -> Response:
    """Fail until every reader got as far as watching."""
    return _answer("startupz", parts.store.health.started(), verbose=verbose)


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", summary="Whether the process lives and is ready")
async def healthz(parts: PartsGiven, verbose: Verbose = None) -> Response:
    """Fail when livez or readyz does."""
    checks = [*parts.store.health.live(), *parts.store.health.ready()]
    return _answer("healthz", checks, verbose=verbose)


@router.head("/metrics", include_in_schema=False)
@router.get("/metrics", summary="Metrics for Prometheus")
async def metrics(parts: PartsGiven, request: Request) -> Response:
    """Answer in the text format, or in OpenMetrics where that is accepted."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    async with parts.rendering:  # one a turn of the loop, however many ask at once
        text = encode(parts.metrics.registry)
    return Response(text, headers={"Content-Type": media_type})


def _answer(probe: str, checks: Sequence[Check], *, verbose: str | None) -> Response:
    passed = all(check.passed for check in checks)
    if passed and verbose is None:
        return PlainTextResponse("ok")
    lines = [
        *(_line(check) for check in checks),
        f"{probe} check {'passed' if passed else 'failed'}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n", 200 if passed else 503)


def _line(check: Check) -> str:
    if check.passed:
        return f"[+]{check.name} ok"
    return f"[-]{check.name} failed: {check.detail}"
