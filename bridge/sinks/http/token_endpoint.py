"""Access tokens by the client credentials grant (RFC 6749, 4.4).

What goes wrong means::

    no answer, 408 409 421 425 429, 5xx    a few short retries, then temporary; not
                                           before Retry-After, if there is one
    any other status, an answer without    an operator has to act: the sink pauses
    a bearer token, TLS
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec
from multidict import CIMultiDict
from yarl import URL

from bridge.events.validation import NOT_JSON
from bridge.retry import short_retries
from bridge.sinks.http.classify import TEMPORARY, Verdict, retry_after, verdict
from bridge.sinks.http.settings import OAuth2Config
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import ReloadedFile, SecretError, refresh
from bridge.sinks.secrets import files_of
from bridge.sinks.text import hide, place
from bridge.sinks.transports import Response
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.errors import DeniedError, TlsError, TokenUnavailableError

REST_SECONDS = 5.0
"""How long an endpoint that gives nothing is left alone, unless it says otherwise."""

EARLY_SECONDS = 60.0
"""How long before its end a token is replaced; a fifth of its life, if less."""

_CODES = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant", "invalid_scope"),
        *("unauthorized_client", "unsupported_grant_type", "invalid_target"),
        *("access_denied", "temporarily_unavailable", "server_error"),
    }
)
"""What may be shown of an answer (RFC 6749, 5.2; RFC 8707, 2); the rest may echo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token; times are those of a clock that never goes back.

    Attributes:
        text: What stands after ``Bearer``.
        refresh_at: When to replace it.
        expires_at: When it expires; infinite if the answer did not say.
    """

    text: str = field(repr=False)
    refresh_at: float
    expires_at: float


class _PassingError(TokenUnavailableError):
    """A failure that is worth another try at once."""


class _Granted(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float | None = None


class _Refused(msgspec.Struct):
    error: str


class TokenEndpoint:
    """Asks an authorization server for tokens.

    Attributes:
        files: What is read again: certificates, and the client's secret.
    """

    def __init__(
        self,
        settings: OAuth2Config,
        *,
        timeout_seconds: float,
        egress: Egress | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            settings: Where to POST, who asks, and what for.
            timeout_seconds: Longest that getting a token may take, retries included.
            egress: Where connections may lead; None: the defaults.
            sleep: Waits between up to three tries, some 1 s in all.
            now: A clock in seconds that never goes back.

        Raises:
            ConfigError: The proxy is not an HTTP proxy.
        """
        self._settings = settings
        self._url = URL(settings.token_url)
        self._secret = settings.client_secret.open()
        context = TlsContext(settings.tls)
        self.files: list[ReloadedFile[Any]] = [
            context.files,
            *files_of([self._secret]),
        ]
        self._transport = AiohttpTransport(
            url=self._url,
            concurrency=1,
            timeout_seconds=timeout_seconds,
            tls=context,
            proxy=settings.proxy,
            egress=egress,
        )
        self._timeout_seconds = timeout_seconds
        self._retries = short_retries(
            on=_PassingError, attempts=3, minimum_seconds=0.2, sleep=sleep
        )
        self._now = now
        self._name = f"token endpoint {place(settings.token_url)}"
        self._shown: list[str] = []

    async def ask(self) -> Token:
        """Return a new token.

        Raises:
            TokenUnavailableError: There is none now.
            SecretError: There is none until an operator mends something.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._retries(self._ask)
        except TimeoutError as error:
            seconds = f"{self._timeout_seconds:g} s"
            raise self._unavailable(f"no token within {seconds}") from error

    def read(self) -> str:
        """Return the client's secret as it is now.

        Raises:
            SecretError: It cannot be read.
        """
        return self._secret.read()

    def secrets(self) -> list[str]:
        """Return what must not be shown: the secret as it was last sent."""
        return self._shown

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _ask(self) -> Token:
        began = self._now()
        await refresh(self.files)
        try:
            headers, form = self._request()
            response = await self._transport.request(
                "POST", self._url, CIMultiDict(headers), form
            )
        except (TlsError, DeniedError) as error:
            reason = "tls" if isinstance(error, TlsError) else "denied"
            raise SecretError(f"{self._name}: {error}", reason=reason) from error
        except httpx.TransportError as error:
            why = hide(str(error), self._shown)
            message = f"{self._name}: {why}"
            raise _PassingError(message, retry_after_seconds=REST_SECONDS) from error
        if verdict(response.status) is not Verdict.TAKEN:
            raise self._fault(response)
        return self._token(response.body, began)

    def _request(self) -> tuple[dict[str, str], bytes]:
        """Return header fields and body."""
        settings, secret = self._settings, self.read()
        form = {"grant_type": "client_credentials"}
        if settings.scopes:
            form["scope"] = " ".join(settings.scopes)
        if settings.audience is not None:
            form["audience"] = settings.audience
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        # Encoded like the values of a form, then joined (RFC 6749, 2.3.1).
        user, password = quote_plus(settings.client_id), quote_plus(secret)
        basic = b64encode(f"{user}:{password}".encode()).decode()
        self._shown = [secret, password, basic]
        if settings.method == "client_secret_basic":
            headers["Authorization"] = f"Basic {basic}"
        else:
            form |= {"client_id": settings.client_id, "client_secret": secret}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers, urlencode(form).encode()

    def _token(self, body: bytes, began: float) -> Token:
        try:
            granted = msgspec.json.decode(body, type=_Granted, strict=False)
        except NOT_JSON:
            raise self._unusable("expected an access token, got none") from None
        if granted.token_type.lower() != "bearer":
            raise self._unusable("expected a bearer token, got one of another type")
        text = granted.access_token
        if not text or not text.isascii() or not text.isprintable():
            raise self._unusable("expected a token of printable ASCII")
        life = float("inf") if granted.expires_in is None else granted.expires_in
        early = min(EARLY_SECONDS, life / 5)
        return Token(
            text=text, refresh_at=began + life - early, expires_at=began + life
        )

    def _fault(self, response: Response) -> Exception:
        status = response.status
        said = f"answered {status}{_code(response.body)}"
        if verdict(status) not in TEMPORARY:
            return self._unusable(said)
        asked = retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
        if asked is not None:
            return self._unavailable(said, retry_after_seconds=asked)
        return _PassingError(f"{self._name} {said}", retry_after_seconds=REST_SECONDS)

    def _unusable(self, why: str) -> SecretError:
        return SecretError(f"{self._name}: {why}", reason="token")

    def _unavailable(
        self, why: str, *, retry_after_seconds: float = REST_SECONDS
    ) -> TokenUnavailableError:
        return TokenUnavailableError(
            f"{self._name}: {why}", retry_after_seconds=retry_after_seconds
        )


def _code(body: bytes) -> str:
    try:
        code = msgspec.json.decode(body, type=_Refused).error
    except NOT_JSON:
        return ""
    return f" {code}" if code in _CODES else ""
