"""Probes in the manner of kube-apiserver, and metrics: open to anybody."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from prometheus_client.exposition import choose_encoder
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from bridge.api.context import ApiContext
from bridge.health import Check, Health

METRICS: Final = "/metrics"
PROBES: Final[Mapping[str, Callable[[Health], Sequence[Check]]]] = {
    "/livez": lambda health: health.live(),
    "/readyz": lambda health: health.ready(),
    "/startupz": lambda health: health.started(),
    "/healthz": lambda health: [*health.live(), *health.ready()],
}
"""The checks of each probe."""

_METHODS = frozenset({"GET", "HEAD"})


async def answer_probe(scope: Scope, context: ApiContext) -> Response | None:
    """Return the response to a request for a probe or for metrics; None: it is neither.

    Args:
        scope: The request (ASGI).
        context: The parts of the process.
    """
    if scope["type"] != "http" or scope["method"] not in _METHODS:
        return None
    path = scope["path"]
    if path == METRICS:
        return await show_metrics(context, Headers(scope=scope).get("accept", ""))
    if path not in PROBES:
        return None
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return show_probe(context, path, is_verbose="verbose" in query)


async def show_metrics(context: ApiContext, accept: str) -> Response:
    """Return the metrics in the text format, or in OpenMetrics where it is accepted.

    Args:
        context: The parts of the process.
        accept: Accept header of the request; empty: none.
    """
    encode, media_type = choose_encoder(accept)
    async with context.rendering:  # one per step of the loop, however many ask at once
        text = encode(context.metrics.registry)
    return Response(text, headers={"Content-Type": media_type})


def show_probe(context: ApiContext, path: str, *, is_verbose: bool) -> Response:
    """Return the response of a probe: 200 if all its checks pass, else 503.

    Args:
        context: The parts of the process.
        path: One of `PROBES`.
        is_verbose: Whether to list the checks although all pass.
    """
    checks = PROBES[path](context.store.health)
    passed = all(check.passed for check in checks)
    if passed and not is_verbose:
        return PlainTextResponse("ok")
    lines = [
        *(_line(check) for check in checks),
        f"{path[1:]} check {'passed' if passed else 'failed'}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n", 200 if passed else 503)


def _line(check: Check) -> str:
    if check.passed:
        return f"[+]{check.name} ok"
    return f"[-]{check.name} failed: {check.detail}"
