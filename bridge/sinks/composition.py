"""Events become a request: its header fields and its body, no larger than allowed."""

from collections.abc import Sequence
from typing import Literal

from multidict import CIMultiDict
from yarl import URL

from bridge.errors import PermanentSinkError
from bridge.events import EncodedEvent
from bridge.events.encode import Header, batch, binary
from bridge.sinks.headers import RequestHeaders
from bridge.sinks.oauth2 import OAuth2Auth
from bridge.sinks.payload import Ceiling, length, wire_bytes
from bridge.sinks.signing import Signer
from bridge.sinks.target import Target
from bridge.sinks.token_exchange import token_field

Mode = Literal["structured", "binary", "batch"]
"""How events stand in a request (CloudEvents 1.0.2 HTTP binding, 3)."""

Parts = tuple[URL, CIMultiDict[str], Sequence[Header], bytes]
"""Where to, the fields of all requests of a sink, those of this one, and its body."""

_TOKEN_BYTES = 16384
"""More than any token that receivers take: 8 kB of header fields are usual."""


class Composition:
    """Makes the requests of one sink."""

    def __init__(
        self,
        *,
        sink: str,
        target: Target,
        mode: Mode,
        headers: RequestHeaders,
        sign: Signer | None,
        tokens: OAuth2Auth | None,
        batch_bytes: int,
        ceiling: Ceiling,
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
            ceiling: Most bytes of any request.
        """
        self._sink = sink
        self._target = target
        self._mode = mode
        self._headers = headers
        self._sign = sign
        self._tokens = tokens
        self._batch_bytes = batch_bytes
        self._ceiling = ceiling
        # How long a token is, is not known before there is one.
        self._measured: tuple[URL, CIMultiDict[str]] | None = None
        self._room = 0
        self._reserve_bytes = 0 if tokens is None else _TOKEN_BYTES

    def compose(self, events: Sequence[EncodedEvent]) -> Parts:
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

    def passes(self, events: Sequence[EncodedEvent], parts: Parts) -> bool:
        """Return whether a request may be sent as it is: `fit` is not needed.

        The usual answer is a comparison of two numbers.
        """
        url, headers, fields, body = parts
        measured = self._measured
        if measured is None or headers is not measured[1] or url is not measured[0]:
            room = self._ceiling.room(url, headers)
            self._room, self._measured = room - self._reserve_bytes, (url, headers)
        if len(body) + (length(fields) if fields else 0) <= self._room:
            return True
        if not self._ceiling.is_sent_all_the_same:
            return False
        token = None if self._tokens is None else self._tokens.ready()
        added = [] if token is None else [token_field(token)]
        size = wire_bytes(url, headers, [*fields, *added], body)
        self._ceiling.note_each(events, size)
        return True

    async def fit(self, events: Sequence[EncodedEvent]) -> Parts:
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

        return self.compose(self._ceiling.apply(events, measure))

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
