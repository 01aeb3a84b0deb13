"""What an HTTP proxy can do to a request instead of forwarding it as it is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HTML = b"<html><body><h1>503 Service Unavailable</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Answers by itself; the API server never hears of the request.

    Attributes:
        status: The HTTP status.
        content_type: Of the body.
        body: All of it; empty: not a byte.
        headers: Beside content type and length.
        is_ended: Whether the connection ends after it. False: it stays open, silent.
    """

    status: int = 200
    content_type: str = "application/json"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_ended: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Forwards without a query parameter, as a server does that does not know it."""

    parameter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Forwards at once, but holds back the whole answer, its headers too."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Forwards, and resets the connection after so many bytes of the answer's body."""

    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Inject:
    """Forwards a watch and puts lines of its own between the server's.

    Attributes:
        lines: Each without its newline.
        after: How many of the server's lines come first.
        is_ended: Whether the stream ends well after them.
    """

    lines: tuple[bytes, ...]
    after: int = 0
    is_ended: bool = False


Fault = Reply | Strip | Hold | Cut | Inject


def html(status: int = 503) -> Reply:
    """Return what a load balancer says without a server behind it, as HTML."""
    return Reply(status=status, content_type="text/html", body=HTML)


def empty() -> Reply:
    """Return 200 without a byte, as GKE ends a watch of what has expired."""
    return Reply()


def refusal(
    status: int, reason: str, *, retry_after: int | None = None, **details: Any
) -> Reply:
    """Return a Status as the API server refuses with.

    Args:
        status: The HTTP status and the code.
        reason: E.g. `TooManyRequests`, `Timeout`, `Expired`, `NotFound`.
        retry_after: Seconds, as header and as detail; None: neither.
        details: More of `details`.
    """
    headers = {}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
        details["retryAfterSeconds"] = retry_after
    body = _status(status, reason, details)
    return Reply(status=status, body=json.dumps(body).encode(), headers=headers)


def error_line(status: int, reason: str, **details: Any) -> bytes:
    """Return the line by which a watch ends badly, e.g. `410, "Expired"`."""
    line = {"type": "ERROR", "object": _status(status, reason, details)}
    return json.dumps(line).encode()


def _status(status: int, reason: str, details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"the fault proxy says {reason}",
        "reason": reason,
        "code": status,
        "details": dict(details),
    }
