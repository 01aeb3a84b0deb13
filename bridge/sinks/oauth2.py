"""OAuth 2.0 towards a sink: a bearer token that is fetched, kept and renewed."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import httpx

from bridge.sinks.faults import TokenUnavailableError, fresh
from bridge.sinks.files import Reloaded, UnusableError
from bridge.sinks.tokens import REST_SECONDS, Token, TokenEndpoint


class OAuth2Auth(httpx.Auth):
    """Sends a token, and once more with a new one after a 401 (RFC 6750, 3.1).

    However many requests want a token, one asks for it, and all get what comes of it:
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
        self._failure: TokenUnavailableError | UnusableError | None = None
        self._given: deque[str] = deque(maxlen=4)

    @property
    def files(self) -> list[Reloaded[Any]]:
        """What is read again when it changes."""
        return self._endpoint.files

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Refuse: only asynchronous clients can wait for a token."""
        raise RuntimeError(f"{request.url.host}: expected an asynchronous client")

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """See `httpx.Auth`.

        Raises:
            TokenUnavailableError: There is no token now.
            UnusableError: There is none until somebody mends something.
        """
        token = await self.get()
        request.headers["Authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            token = await self.get(refused=token)
            request.headers["Authorization"] = f"Bearer {token}"
            yield request

    def read(self) -> str:
        """Return the client's secret as it is now.

        Raises:
            UnusableError: It cannot be read.
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
        # While somebody renews it, the rest need not wait.
        if token and (self._lock.locked() or self._now() < token.refresh_at):
            return token.text
        return None

    async def get(self, *, refused: str | None = None) -> str:
        """Return a token; see `ready`.

        Raises:
            TokenUnavailableError: There is no token now.
            UnusableError: There is none until somebody mends something.
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
        except (TokenUnavailableError, UnusableError) as error:
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
        # Not reached when cancelled: then whoever waits next asks anew.
        self._flights += 1
