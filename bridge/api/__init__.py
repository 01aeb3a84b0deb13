"""Probes, metrics and the API, on one port.

It shows what the parts say of themselves and does what an operator asks of the queue;
it decides nothing about events. `access` says who may ask what.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bridge.api import config as settings
from bridge.api import cursors, dead_letters, deliveries, events, probes, sinks
from bridge.api import probe as send_test
from bridge.api.auth import AccessMiddleware, error_response
from bridge.api.context import REFUSALS, ApiContext, BackfillRunner, SinkControl, bearer
from bridge.api.handshake import router as handshakes
from bridge.errors import ClusterError, QueueError
from bridge.health import Health
from bridge.journal.journal import Journal
from bridge.metrics import Metrics
from bridge.queue import Queue

__all__ = ["create_api"]


def create_api(
    *,
    queue: Queue,
    journal: Journal,
    backfill: BackfillRunner,
    health: Health,
    metrics: Metrics,
    controls: Mapping[str, SinkControl],
    describe_config: Callable[[], Mapping[str, Any]],
    check_config: Callable[[str], Sequence[str]],
    take_consent: Callable[[str, str, Mapping[str, str]], bool],
    token: Callable[[], str | None],
    loopback: bool,
    version: str,
) -> FastAPI:
    """Return the ASGI application.

    Args:
        queue: The store that it shows and changes.
        journal: What became of attempts.
        backfill: Reads again what the API server still holds.
        health: What readers and sinks say of themselves.
        metrics: What it shows, and counts replays and purges in.
        controls: Stops and resumes the configured sinks, by name.
        describe_config: Gives the effective configuration, without secrets.
        check_config: Gives what is wrong with a text, one line for each fault; called
            in a thread.
        take_consent: See `ApiContext.take_consent`.
        token: Gives the bearer token now; None or empty: there is none.
        loopback: Whether only this machine can reach it.
        version: Of kubebridge.
    """
    api = FastAPI(
        title="kubebridge",
        version=version,
        description=__doc__,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    api.state.parts = ApiContext(
        queue=queue,
        journal=journal,
        backfill=backfill,
        health=health,
        metrics=metrics,
        controls=controls,
        describe_config=describe_config,
        check_config=check_config,
        take_consent=take_consent,
    )
    api.include_router(probes.router)
    api.include_router(handshakes)
    api.include_router(_versioned())
    api.add_middleware(AccessMiddleware, token=token, loopback=loopback)
    api.add_exception_handler(HTTPException, _refused)
    api.add_exception_handler(RequestValidationError, _senseless)
    api.add_exception_handler(QueueError, _unavailable)
    api.add_exception_handler(ClusterError, _unavailable)
    return api


def _versioned() -> APIRouter:
    api = APIRouter(prefix="/api/v1", dependencies=[bearer], responses=REFUSALS)
    looking = (settings, cursors, sinks, events)
    for part in (*looking, deliveries, dead_letters, send_test):
        api.include_router(part.router)
    return api


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101
    return error_response(error)


async def _senseless(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = [
        f"{'.'.join(str(step) for step in one['loc'])}: {_in_our_words(one['msg'])}"
        for one in error.errors()
    ]
    return JSONResponse({"error": "; ".join(faults)}, 422)


def _in_our_words(message: str) -> str:
    return message.removeprefix("Value error, ").lower()


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    # A plain QueueError is about what was asked, its kinds about the store.
    return JSONResponse(
        {"error": str(error)}, 422 if type(error) is QueueError else 503
    )
