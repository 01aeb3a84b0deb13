"""The endpoints of the API, and its OpenAPI document.

The API is a face of `bridge.operate`: it reads requests, calls a function there, and
writes its result. `bridge.api.auth` decides who may ask what.
"""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse
from starlette.exceptions import HTTPException

from bridge.api import config, deliveries, objects, sinks, sources
from bridge.api.auth import AccessMiddleware, error_response
from bridge.api.context import ApiContext
from bridge.api.models import REFUSALS, PartsGiven, Problem, bearer
from bridge.api.probes import METRICS, PROBES, show_metrics, show_probe
from bridge.errors import ClusterError, NotFoundError, QueueError, RequestError


def create_api(
    context: ApiContext,
    *,
    token: Callable[[], str | None],
    loopback: bool,
    version: str,
) -> FastAPI:
    """Return the ASGI application.

    Args:
        context: The parts of the process that it shows and controls.
        token: Returns the bearer token now; None or empty: there is none.
        loopback: Whether only this machine can reach it.
        version: Version of kubebridge.
    """
    api = FastAPI(
        title="kubebridge",
        version=version,
        description=__doc__,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.parts = context
    api.include_router(_probes())
    api.include_router(sinks.handshakes)
    api.include_router(_versioned())
    api.add_middleware(AccessMiddleware, token=token, loopback=loopback)
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    for kind in (RequestError, QueueError, ClusterError):
        api.add_exception_handler(kind, _failed)
    return api


Verbose = Annotated[
    str | None, Query(description="Present, with any value: one line for each check.")
]

_PROBES = {
    "/livez": (
        "Whether the process turns",
        "Fail only when a restart would help: never because others do not answer.",
    ),
    "/readyz": (
        "Whether changes are read and taken",
        "Fail while nothing is watched or the queue takes nothing; no sink matters.",
    ),
    "/startupz": (
        "Whether each reader has been watching once",
        "Fail until every reader got as far as watching.",
    ),
    "/healthz": (
        "Whether the process lives and is ready",
        "Fail when livez or readyz does.",
    ),
}
"""Summary and description of each probe."""


def _probes() -> APIRouter:
    """Return the probes and metrics, which `LazyApi` answers by itself."""
    router = APIRouter(
        tags=["probes"],
        responses={
            422: {"model": Problem, "description": "The request makes no sense."},
            503: {"description": "Not so; the body says why."},
        },
        default_response_class=PlainTextResponse,
    )

    async def probe(
        parts: PartsGiven, request: Request, verbose: Verbose = None
    ) -> Response:
        return show_probe(parts, request.url.path, is_verbose=verbose is not None)

    async def metrics(parts: PartsGiven, request: Request) -> Response:
        """Answer in the text format, or in OpenMetrics where that is accepted."""
        return await show_metrics(parts, request.headers.get("accept", ""))

    for path in PROBES:
        summary, description = _PROBES[path]
        router.add_api_route(
            path, probe, name=path[1:], summary=summary, description=description
        )
        router.add_api_route(path, probe, methods=["HEAD"], include_in_schema=False)
    router.add_api_route(METRICS, metrics, summary="Metrics for Prometheus")
    router.add_api_route(METRICS, metrics, methods=["HEAD"], include_in_schema=False)
    return router


def _versioned() -> APIRouter:
    api = APIRouter(prefix="/api/v1", dependencies=[bearer], responses=REFUSALS)
    for part in (config, sources, objects, sinks, deliveries):
        api.include_router(part.router)
    return api


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return error_response(error)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [
        f"{'.'.join(str(step) for step in one['loc'])}: {_in_our_words(one['msg'])}"
        for one in error.errors()
    ]
    return JSONResponse({"error": "; ".join(faults)}, 422)


def _in_our_words(message: str) -> str:
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


async def _failed(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": str(error)}, _status_of(error))


def _status_of(error: Exception) -> int:
    if isinstance(error, NotFoundError):
        return 404
    # A plain QueueError is about the request, its kinds are about the store.
    is_about_request = isinstance(error, RequestError) or type(error) is QueueError
    return 422 if is_about_request else 503
