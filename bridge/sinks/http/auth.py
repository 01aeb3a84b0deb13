"""Authenticate to a sink: a header field of a secret, or a token of OAuth 2.0."""

import asyncio
import base64
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx

from bridge.events.encode import Header
from bridge.sinks.http.settings import AuthConfig
from bridge.sinks.http.token_endpoint import REST_SECONDS, Token, TokenEndpoint
from bridge.sinks.reloaded import ReloadedFile, SecretError
from bridge.sinks.secrets import Secret
from bridge.sinks.transports import Response
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.errors import TokenUnavailableError, fresh


class BearerAuth:
    """A bearer token (RFC 6750, 2.1)."""

    def __init__(self, *, token: Secret) -> None:
        """Send `token` as it is at the time of the request."""
        self.secret = token

    def header(self) -> str:
        """Return the value of `Authorization`.

        Raises:
            SecretError: See `Secret`.
        """
        return f"Bearer {self.secret.read()}"


class BasicAuth:
    """User and password (RFC 7617)."""

    def __init__(self, *, username: str, password: Secret) -> None:
        """Send `password` as it is at the time of the request."""
        self.secret = password
        self._username = username

    def header(self) -> str:
        """Return the value of `Authorization`.

        Raises:
            SecretError: See `Secret`.
        """
        pair = f"{self._username}:{self.secret.read()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


HeaderAuth = BasicAuth | BearerAuth
"""Sets `Authorization` and nothing else, so that it needs no request to do it."""


class OAuth2Auth:
    """Sends a token, and once more with a new one after a 401 (RFC 6750, 3.1).

    However many requests want a token, one asks for it, and all get its outcome:
    the token or the error. A token is replaced early, while the others go on with it;
    if that fails, so do all, until it has expired.
    """

    def __init__(
        self, endpoint: TokenEndpoint, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask for nothing yet.

        Args:
            endpoint: Where tokens come from; closed with this.
            now: The endpoint's clock.
        """
        self._endpoint = endpoint
        self._now = now
        self._lock = asyncio.Lock()
        self._flights = 0
        self._token: Token | None = None
        self._failure: TokenUnavailableError | SecretError | None = None
        self._given: deque[str] = deque(maxlen=4)

    @property
    def files(self) -> list[ReloadedFile[Any]]:
        """Files that are read again when they change."""
        return self._endpoint.files

    def read(self) -> str:
        """Return the client's secret as it is now.

        Raises:
            SecretError: It cannot be read.
        """
        return self._endpoint.read()

    def secrets(self) -> list[str]:
        """Return what must not be shown: the secret, and the last tokens."""
        return [*self._endpoint.secrets(), *self._given]

    async def aclose(self) -> None:
        """Close the connections to the token endpoint."""
        await self._endpoint.aclose()

    def ready(self, *, refused: str | None = None) -> str | None:
        """Return a token that is at hand; None: `get` has to fetch one.

        Args:
            refused: The one that the sink has just refused; None: none.
        """
        token = self._usable(refused)
        # While one request renews the token, the others need not wait.
        if token and (self._lock.locked() or self._now() < token.refresh_at):
            return token.text
        return None

    async def get(self, *, refused: str | None = None) -> str:
        """Return a token; see `ready`.

        Raises:
            TokenUnavailableError: There is no token now.
            SecretError: There is none until an operator mends something.
        """
        at_hand = self.ready(refused=refused)
        if at_hand is not None:
            return at_hand
        flights = self._flights
        async with self._lock:
            is_answered = flights != self._flights
            if not is_answered or not (self._failure or self._usable(refused)):
                await self._fetch(refused)
            if self._failure is not None:
                raise fresh(self._failure)
            assert self._token is not None  # noqa: S101  # there is one of the two
            return self._token.text

    def _usable(self, refused: str | None) -> Token | None:
        token = self._token
        if token is None or token.text == refused or self._now() >= token.expires_at:
            return None
        return token

    async def _fetch(self, refused: str | None) -> None:
        try:
            self._token = await self._endpoint.ask()
        except (TokenUnavailableError, SecretError) as error:
            old = self._usable(refused)
            if old is None:
                self._failure = error
            else:
                later = self._now() + REST_SECONDS
                self._token = replace(old, refresh_at=later)
                self._failure = None
        else:
            self._failure = None
            self._given.append(self._token.text)
        # Not reached when cancelled: then the next request in line asks again.
        self._flights += 1


SendWith = Callable[[Header], Awaitable[Response]]
"""Sends a request with one more header field, within the sink's own deadline."""


async def exchange_with_token(
    send: SendWith, *, auth: OAuth2Auth, timeout_seconds: float
) -> Response:
    """Send with a token, once more with a new one after a 401; return the answer.

    Args:
        send: Sends.
        auth: Gives tokens.
        timeout_seconds: Longest that all of it may take.

    Raises:
        httpx.TransportError: There was no answer, or no token.
        SecretError: There is no token until an operator mends something.
    """
    spent_seconds = 0.0
    token = auth.ready()
    if token is not None:
        began = time.perf_counter()
        reply = await send(token_field(token))
        if reply.status != HTTPStatus.UNAUTHORIZED:
            return reply
        spent_seconds = time.perf_counter() - began
    try:
        async with asyncio.timeout(timeout_seconds - spent_seconds):
            return await _with_new_token(send, auth, refused=token)
    except TimeoutError as error:
        message = f"no complete answer within {timeout_seconds:g} s"
        raise httpx.ReadTimeout(message) from error


async def _with_new_token(
    send: SendWith, auth: OAuth2Auth, *, refused: str | None
) -> Response:
    token = await auth.get(refused=refused)
    reply = await send(token_field(token))
    if reply.status == HTTPStatus.UNAUTHORIZED and refused is None:
        token = await auth.get(refused=token)
        reply = await send(token_field(token))
    return reply


def token_field(token: str) -> Header:
    """Return the header field with a token."""
    return b"authorization", b"Bearer " + token.encode()


def build_auth(
    settings: AuthConfig | None, *, timeout_seconds: float, egress: Egress
) -> HeaderAuth | OAuth2Auth | None:
    """Return the authentication of a sink; None: it needs none.

    Args:
        settings: Exactly one of its keys is set.
        timeout_seconds: Of an attempt; getting a token may take half of it.
        egress: Where connections to the token endpoint may lead.

    Raises:
        ConfigError: The token endpoint's proxy is not an HTTP proxy.
    """
    if settings is None:
        return None
    if settings.basic is not None:
        password = settings.basic.password.open()
        return BasicAuth(username=settings.basic.username, password=password)
    if settings.oauth2 is not None:
        endpoint = TokenEndpoint(
            settings.oauth2, timeout_seconds=timeout_seconds / 2, egress=egress
        )
        return OAuth2Auth(endpoint)
    assert settings.bearer is not None  # noqa: S101  # the model says: one of the three
    return BearerAuth(token=settings.bearer.open())
