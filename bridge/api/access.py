"""Who may ask what: a rule that decides, and the middleware that acts on it.

====================  =======================  ==========================
who may               loopback only            beyond loopback
====================  =======================  ==========================
probes, metrics,      anybody                  anybody
calls back of a
handshake, by a key
reading               anybody on this machine  bearer token
writing               bearer token             bearer token
====================  =======================  ==========================

Where a token is wanted and none is configured the answer is 403, and says so.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from fastapi import HTTPException, status
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = frozenset({"/livez", "/readyz", "/startupz", "/healthz", "/metrics"})
OPEN_CALLBACK = re.compile(r"/api/v1/handshakes/[^/]+/[^/]+")
"""Whoever calls back has a key instead, see `bridge.api.handshake`."""

CALLBACK_METHODS = frozenset({"GET", "POST"})
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
READING_POSTS = frozenset({"/api/v1/config/validate"})
LARGEST_BODY = 2**20
"""Bytes of a request; a thousand handles or a large configuration need far less."""

_LOOPBACK_HOST = re.compile(
    r"(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\])(:[0-9]{1,5})?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of itself.

    Attributes:
        method: HTTP method.
        path: Path without query.
        host: Host header; empty: none.
        authorization: Authorization header; empty: none.
    """

    method: str
    path: str
    host: str
    authorization: str


def refusal(asked: Asked, *, token: str | None, loopback: bool) -> HTTPException | None:
    """Return why a request is not answered; None: it is.

    Args:
        asked: The request.
        token: The configured token; None or empty: there is none.
        loopback: Whether only this machine can reach the API.
    """
    if asked.path in OPEN_PATHS or _is_callback(asked):
        return None
    if loopback and not _LOOPBACK_HOST.fullmatch(asked.host):
        # A web page may have pointed its own name at 127.0.0.1 (DNS rebinding).
        return _forbidden("expected the Host header to name this machine")
    if loopback and _is_reading(asked):
        return None
    if not token:
        wanted = "writing" if loopback else "all but probes and metrics"
        return _forbidden(
            f"server.token is not set or cannot be read, and {wanted} needs it"
        )
    if _is_bearer(asked.authorization, token):
        return None
    return HTTPException(
        status.HTTP_401_UNAUTHORIZED,
        "expected the bearer token of server.token",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _forbidden(why: str) -> HTTPException:
    return HTTPException(status.HTTP_403_FORBIDDEN, why)


def _is_callback(asked: Asked) -> bool:
    has_path = OPEN_CALLBACK.fullmatch(asked.path) is not None
    return has_path and asked.method in CALLBACK_METHODS


def _is_reading(asked: Asked) -> bool:
    return asked.method in READING_METHODS or asked.path in READING_POSTS


def _is_bearer(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    is_same = hmac.compare_digest(given.strip().encode("latin-1"), token.encode())
    return is_same and scheme.lower() == "bearer"


class AccessMiddleware:
    """Lets through what `refusal` allows, with a body of bounded size."""

    def __init__(
        self, app: ASGIApp, *, token: Callable[[], str | None], loopback: bool
    ) -> None:
        """Guard `app`; `token` is asked at each request, for its file may change."""
        self._app = app
        self._token = token
        self._loopback = loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = Asked(
            method=scope.get("method", ""),
            path=scope["path"],
            host=headers.get("host", ""),
            authorization=headers.get("authorization", ""),
        )
        refused = refusal(asked, token=self._token(), loopback=self._loopback)
        if refused is not None:
            answer = error_response(refused)
            await answer(scope, receive, send)
        else:
            await self._app(scope, _bounded(receive), send)


def error_response(error: StarletteHTTPException) -> JSONResponse:
    """Return the JSON that says what was wrong."""
    content = {"error": error.detail}
    return JSONResponse(content, error.status_code, headers=error.headers)


def _bounded(receive: Receive) -> Receive:
    left = LARGEST_BODY

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(
                status.HTTP_413_CONTENT_TOO_LARGE,
                f"expected at most {LARGEST_BODY} bytes, got more",
            )
        return message

    return receive_bounded
