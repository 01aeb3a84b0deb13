"""Probes, metrics and the API, on one port.

The API is a face of `bridge.operate`: it reads requests, calls a function there, and
writes its result. `bridge.api.auth` decides who may ask what.
"""

from collections.abc import Callable

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bridge.api import config, deliveries, objects, probes, sinks, sources
from bridge.api.auth import AccessMiddleware, error_response
from bridge.api.context import REFUSALS, ApiContext, bearer
from bridge.errors import ClusterError, NotFoundError, QueueError, RequestError

__all__ = ["create_api"]


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
    api.include_router(probes.router)
    api.include_router(sinks.handshakes)
    api.include_router(_versioned())
    api.add_middleware(AccessMiddleware, token=token, loopback=loopback)
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(RequestValidationError, _invalid)
    for kind in (RequestError, QueueError, ClusterError):
        api.add_exception_handler(kind, _failed)
    return api


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
