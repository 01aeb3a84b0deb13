"""The header fields of a sink's requests, made anew only when a secret changes."""

from collections.abc import Mapping, Sequence
from typing import Literal

from multidict import CIMultiDict
from yarl import URL

from bridge.errors import PermanentSinkError
from bridge.events import EncodedEvent
from bridge.events.encode import Header, batch, binary
from bridge.sinks.http.auth import HeaderAuth, Secret
from bridge.sinks.http.oauth2 import OAuth2Auth, token_field
from bridge.sinks.http.signing import Signer
from bridge.sinks.http.size_limit import SizeLimit, length, wire_bytes
from bridge.sinks.http.target import SinkUrl


class RequestHeaders:
    """What stands in every request of a sink.

    Attributes:
        sources: The secrets among it.
    """

    def __init__(
        self,
        *,
        defaults: Mapping[str, str],
        configured: Mapping[str, str | Secret],
        auth: HeaderAuth | None,
        content_type: str,
    ) -> None:
        """Read no secret yet.

        Args:
            defaults: Fields that may be configured otherwise.
            configured: Further fields, whose values may be secrets.
            auth: Gives `Authorization`; None: nothing does.
            content_type: What a receiver tells content modes apart by, so that no
                configuration changes it.
        """
        self._defaults = defaults
        self._content_type = content_type
        self._configured = configured
        self._auth = auth
        found = [value for value in configured.values() if not isinstance(value, str)]
        self.sources = found if auth is None else [*found, auth.secret]
        self._values: list[str] | None = None
        self._replaced: list[str] = []
        self._fields: CIMultiDict[str] = CIMultiDict()

    def current(self) -> CIMultiDict[str]:
        """Return the fields; the same object as long as no secret changes.

        Raises:
            UnusableError: A secret cannot be read.
        """
        values = [secret.read() for secret in self.sources]
        if values != self._values:
            # Requests with them may still be under way.
            self._replaced = self._shown()
            self._fields = self._build()
            self._values = values
        return self._fields

    def secrets(self) -> list[str]:
        """Return the values that must not be shown: those last read and replaced."""
        return [*self._shown(), *self._replaced]

    def _shown(self) -> list[str]:
        credentials = self._fields.get("Authorization", "").partition(" ")[2]
        return [value for value in (*(self._values or ()), credentials) if value]

    def _build(self) -> CIMultiDict[str]:
        fields = CIMultiDict(self._defaults)
        for name, value in self._configured.items():
            fields[name] = value if isinstance(value, str) else value.read()
        if self._auth is not None:
            fields["Authorization"] = self._auth.header()
        fields["Content-Type"] = self._content_type
        return fields


Mode = Literal["structured", "binary", "batch"]
"""How events stand in a request (CloudEvents 1.0.2 HTTP binding, 3)."""

RequestParts = tuple[URL, CIMultiDict[str], Sequence[Header], bytes]
"""Where to, the fields of all requests of a sink, those of this one, and its body."""

_TOKEN_BYTES = 16384
"""More than any token that receivers take: 8 kB of header fields are usual."""


class RequestBuilder:
    """Makes the requests of one sink."""

    def __init__(
        self,
        *,
        sink: str,
        target: SinkUrl,
        mode: Mode,
        headers: RequestHeaders,
        sign: Signer | None,
        tokens: OAuth2Auth | None,
        batch_bytes: int,
        size_limit: SizeLimit,
    ) -> None:
        """Make none yet.

        Args:
            sink: Its name, for messages.
            target: Where to.
            mode: How events stand in a request.
            headers: Fields of all requests.
            sign: Signs them; None: nothing does.
            tokens: Adds a token, later; None: nothing does.
            batch_bytes: Most bytes of a batch of more than one event.
            size_limit: Most bytes of any request.
        """
        self._sink = sink
        self._target = target
        self._mode = mode
        self._headers = headers
        self._sign = sign
        self._tokens = tokens
        self._batch_bytes = batch_bytes
        self._size_limit = size_limit
        # How long a token is, is not known before there is one.
        self._measured: tuple[URL, CIMultiDict[str]] | None = None
        self._room = 0
        self._reserve_bytes = 0 if tokens is None else _TOKEN_BYTES

    def compose(self, events: Sequence[EncodedEvent]) -> RequestParts:
        """Return the request that carries the events, whatever its size.

        Raises:
            PermanentSinkError: There are too many of them for one batch.
            UnusableError: A secret cannot be read.
        """
        url, headers = self._target.current(), self._headers.current()
        fields, body = self._form(events)
        if self._sign is not None:
            ids = [event.id for event in events]
            fields = [*fields, *self._sign.headers(ids, body)]
        return url, headers, fields, body

    def passes(self, events: Sequence[EncodedEvent], parts: RequestParts) -> bool:
        """Return whether a request may be sent as it is: `fit` is not needed.

        The usual answer is a comparison of two numbers.
        """
        url, headers, fields, body = parts
        measured = self._measured
        if measured is None or headers is not measured[1] or url is not measured[0]:
            room = self._size_limit.room(url, headers)
            self._room, self._measured = room - self._reserve_bytes, (url, headers)
        if len(body) + (length(fields) if fields else 0) <= self._room:
            return True
        if not self._size_limit.is_sent_all_the_same:
            return False
        token = None if self._tokens is None else self._tokens.ready()
        added = [] if token is None else [token_field(token)]
        size = wire_bytes(url, headers, [*fields, *added], body)
        self._size_limit.note_each(events, size)
        return True

    async def fit(self, events: Sequence[EncodedEvent]) -> RequestParts:
        """Return what is sent where a request would be near the ceiling, or beyond.

        Raises:
            PermanentSinkError: A batch has to be made smaller, or the event has to
                become a dead letter.
            httpx.TransportError: There is no token, whose length counts.
            UnusableError: A secret cannot be read.
        """
        added: Sequence[Header] = ()
        if self._tokens is not None:
            added = [token_field(await self._tokens.get())]

        def measure(some: Sequence[EncodedEvent]) -> int:
            url, headers, fields, body = self.compose(some)
            return wire_bytes(url, headers, [*fields, *added], body)

        return self.compose(self._size_limit.apply(events, measure))

    def _form(self, events: Sequence[EncodedEvent]) -> tuple[Sequence[Header], bytes]:
        if self._mode == "batch":
            return (), self._batch(events)
        (event,) = events
        if self._mode == "structured":
            return (), event.body
        return binary(event)

    def _batch(self, events: Sequence[EncodedEvent]) -> bytes:
        body = batch(events)
        if len(body) > self._batch_bytes and len(events) > 1:
            # Whoever sends halves a batch that is refused for good.
            raise PermanentSinkError(
                f"sink {self._sink}: expected a batch of at most "
                f"{self._batch_bytes} bytes, got {len(body)}",
                reason="batch-size",
            )
        return body
