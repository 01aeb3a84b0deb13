"""Hide the secrets of a sink in answers and messages."""

from collections.abc import Iterable

from msgspec.structs import replace

from bridge.net.urls import credentials_of
from bridge.sinks.http.auth import OAuth2Auth
from bridge.sinks.http.request import RequestHeaders, SinkUrl
from bridge.sinks.http.signing import Signer
from bridge.sinks.text import hide, redact
from bridge.sinks.transports import Response


class Redactor:
    """Hides the secrets of one sink, as far as they were used."""

    def __init__(
        self,
        headers: RequestHeaders,
        *,
        tokens: OAuth2Auth | None,
        sign: Signer | None,
        target: SinkUrl,
        proxies: Iterable[str] = (),
    ) -> None:
        """Take every source of secrets.

        Args:
            headers: Fields of all requests.
            tokens: Gives tokens; None: nothing does.
            sign: Signs what is sent.
            target: Where to: tokens may stand in the path, and in the query.
            proxies: URLs of what may lead there, with user and password or without.
        """
        self._headers = headers
        self._tokens = tokens
        self._sign = sign
        self._target = target
        self._more = [one for proxy in proxies for one in credentials_of(proxy)]

    def add(self, secret: str) -> None:
        """Hide one more secret, which does not change."""
        self._more.append(secret)

    def secrets(self) -> list[str]:
        """Return the secrets that were used."""
        known = [*self._headers.secrets(), *self._target.secrets(), *self._more]
        if self._sign is not None:
            known += self._sign.secrets()
        if self._tokens is not None:
            known += self._tokens.secrets()
        return known

    def read(self) -> str:
        """Return a text of all secrets as they are now.

        Raises:
            SecretError: A secret cannot be read.
        """
        others = [] if self._sign is None else self._sign.read()
        if self._tokens is not None:
            others.append(self._tokens.read())
        others.append(self._target.read())
        return repr([*self._headers.current().items(), *others])

    def hide(self, message: str) -> str:
        """Return the message without the secrets."""
        return hide(message, self.secrets())

    def redact(self, response: Response, *, most_bytes: int) -> Response:
        """Return the answer without the secrets: some receivers echo requests.

        Args:
            response: The answer.
            most_bytes: Length to which its body is cut.
        """
        body = response.body
        if not body:
            return response
        start = body[:most_bytes]
        is_cut = len(body) >= most_bytes
        return replace(response, body=redact(start, self.secrets(), is_cut=is_cut))
