"""What a sink must not show of what it sends, wherever it comes back from."""

from collections.abc import Iterable

import httpx
from msgspec.structs import replace

from bridge.net.urls import credentials_of
from bridge.sinks.http.oauth2 import OAuth2Auth
from bridge.sinks.http.request import RequestHeaders
from bridge.sinks.http.signing import Signer
from bridge.sinks.http.target import SinkUrl
from bridge.sinks.text import hide, redact
from bridge.sinks.transports.response import EXCERPT_BYTES, Response


class Redactor:
    """The secrets of one sink, as far as they were used."""

    def __init__(
        self,
        headers: RequestHeaders,
        *,
        flow: httpx.Auth | None,
        sign: Signer | None,
        target: SinkUrl,
        proxies: Iterable[str] = (),
    ) -> None:
        """Know of them all.

        Args:
            headers: Fields of all requests.
            flow: An authentication that may send requests of its own.
            sign: Signs what is sent.
            target: Where to: tokens may stand in the path, and in the query.
            proxies: URLs of what may lead there, with user and password or without.
        """
        self._headers = headers
        self._flow = flow if isinstance(flow, OAuth2Auth) else None
        self._sign = sign
        self._target = target
        self._more = [one for proxy in proxies for one in credentials_of(proxy)]

    def add(self, secret: str) -> None:
        """Hide one more, which does not change."""
        self._more.append(secret)

    def secrets(self) -> list[str]:
        """Return what must not be shown, as far as it was used."""
        known = [*self._headers.secrets(), *self._target.secrets(), *self._more]
        if self._sign is not None:
            known += self._sign.secrets()
        if self._flow is not None:
            known += self._flow.secrets()
        return known

    def read(self) -> str:
        """Return a text of everything secret, as it is now.

        Raises:
            UnusableError: A secret cannot be read.
        """
        others = [] if self._sign is None else self._sign.read()
        if self._flow is not None:
            others.append(self._flow.read())
        others.append(self._target.read())
        return repr([*self._headers.current().items(), *others])

    def hide(self, message: str) -> str:
        """Return the message without the secrets."""
        return hide(message, self.secrets())

    def redact(self, reply: Response) -> Response:
        """Return the answer without the secrets; some answer with what they got."""
        if not reply.excerpt:
            return reply
        is_cut = len(reply.excerpt) == EXCERPT_BYTES
        excerpt = redact(reply.excerpt, self.secrets(), is_cut=is_cut)
        return replace(reply, excerpt=excerpt)
