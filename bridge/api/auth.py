"""Authorize requests: a rule decides, and the middleware enforces it.

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

Whatever is not plain reading is refused to a web page of another origin, whoever sends
it, and its body has to be of a type that a page cannot send without asking first
(Fetch, 4.10: a request with such a type is preflighted).
"""

import hmac
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from starlette import status
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import SecretConfig

OPEN_PATHS = frozenset({"/livez", "/readyz", "/startupz", "/healthz", "/metrics"})
OPEN_CALLBACK = re.compile(r"/api/v1/handshakes/[^/]+/[^/]+")
"""Whoever calls back has a key instead, see `bridge.api.sinks`."""

CALLBACK_METHODS = frozenset({"GET", "POST"})
READING_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
VALIDATE = "/api/v1/config/validate"
READING_POSTS = frozenset({VALIDATE})
JSON_TYPES = frozenset({"application/json"})
YAML_TYPES = JSON_TYPES | {
    "application/yaml",
    "application/x-yaml",
    "text/yaml",
    "text/x-yaml",
}
LARGEST_BODY = 2**20
"""Bytes of a request; a thousand handles or a large configuration need far less."""

LARGEST_HEAD = 16 * 1024
"""Bytes of the header fields of a request, and of its path and query."""

_LOOPBACK_HOST = re.compile(
    r"(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\])(:[0-9]{1,5})?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The parts of a request that the rule reads.

    Attributes:
        method: HTTP method.
        path: Path without query.
        host: Host header; empty: none.
        authorization: Authorization header; empty: none.
        origin: Origin header: of the web page that asks; empty: no page does.
        site: Sec-Fetch-Site header, which browsers send; empty: none.
        content_type: Content-Type header, without parameters; empty: none.
        has_body: Whether a body follows.
    """

    method: str
    path: str
    host: str
    authorization: str
    origin: str = ""
    site: str = ""
    content_type: str = ""
    has_body: bool = False


def refusal(asked: Asked, *, token: str | None, loopback: bool) -> HTTPException | None:
    """Return why a request is not answered; None: it is.

    Args:
        asked: The request.
        token: The configured token; None or empty: there is none.
        loopback: Whether only this machine can reach the API.
    """
    return _unpermitted(asked, token=token, loopback=loopback) or _unexpected(asked)


def _unexpected(asked: Asked) -> HTTPException | None:
    """Return why a request that is no plain reading is not taken."""
    if asked.method in READING_METHODS or _is_callback(asked):
        return None
    if _is_from_elsewhere(asked):
        return _forbidden("expected no request from a web page of another origin")
    types = YAML_TYPES if asked.path == VALIDATE else JSON_TYPES
    if not asked.has_body or asked.content_type in types:
        return None
    got = repr(asked.content_type[:100]) if asked.content_type else "none"
    return HTTPException(
        status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
        f"expected Content-Type {' or '.join(sorted(types))}, got {got}",
    )


def _is_from_elsewhere(asked: Asked) -> bool:
    if asked.site not in {"", "none", "same-origin"}:
        return True
    if not asked.origin:
        return False
    _, _, host = asked.origin.partition("://")
    return host.lower() != asked.host.lower()


def _unpermitted(
    asked: Asked, *, token: str | None, loopback: bool
) -> HTTPException | None:
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
            origin=headers.get("origin", ""),
            site=headers.get("sec-fetch-site", ""),
            content_type=_media_type(headers.get("content-type", "")),
            has_body=_has_body(headers),
        )
        refused = _too_large(scope) or refusal(
            asked, token=self._token(), loopback=self._loopback
        )
        if refused is not None:
            answer = error_response(refused)
            await answer(scope, receive, send)
        else:
            with suppress(ClientDisconnect):  # there is nobody to answer
                await self._app(scope, _bounded(receive), send)


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()


def _has_body(headers: Headers) -> bool:
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


def _too_large(scope: Scope) -> HTTPException | None:
    """Return why a head is refused that came in one piece: longer ones do not get here.

    See `bridge.api.connections`.
    """
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LARGEST_HEAD:
        return HTTPException(
            status.HTTP_414_URI_TOO_LONG,
            f"expected a path and query of at most {LARGEST_HEAD} bytes, got more",
        )
    if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEAD:
        return HTTPException(
            status.HTTP_431_REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"expected header fields of at most {LARGEST_HEAD} bytes, got more",
        )
    return None


def error_response(error: HTTPException) -> JSONResponse:
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


def token_reader(config: SecretConfig | None) -> Callable[[], str | None]:
    """Return the function that reads the API's token; its None: no token is taken."""
    if config is None:
        return lambda: None
    secret = config.open()

    def read() -> str | None:
        try:
            return secret.read()
        except SecretError:
            return None

    return read
