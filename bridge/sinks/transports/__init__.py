"""The ways to a sink: one request, one answer, within a deadline.

Two engines keep one contract, `Transport`::

    llhttp/    a small client of ours on Node's parser: the default
    aiohttp    for receivers that need more leniency, and behind every proxy

Neither follows redirects, keeps cookies, repeats a request or decompresses an answer.
Their errors are those of httpx; `errors` has finer ones.
"""

import select
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from multidict import CIMultiDict
from yarl import URL

Fields = Sequence[tuple[bytes, bytes]]
"""Header fields of one request, their names in lower case."""

EXCERPT_BYTES = 4096
"""How much of an answer is kept."""

MOST_READ_BYTES = 65536
"""How much of an answer is read, so that its connection can be used again."""

IDLE_SECONDS = 8.0
"""Idle connections are closed after this: a Knative ingress closes them at 10."""

CONNECT_SHARE = 2 / 3
"""How much of the time of an attempt may go into connecting."""


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer with any status.

    Attributes:
        status: HTTP status.
        headers: Its header fields; names in any case.
        body: How its body begins: some 64 KiB at most.
        duration_seconds: From the request to the last byte that was read.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    duration_seconds: float

    @property
    def excerpt(self) -> bytes:
        """The first 4 kB of its body."""
        return self.body[:EXCERPT_BYTES]


class Transport(Protocol):
    """Sends requests to one sink over connections that it keeps."""

    async def request(
        self,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes = b"",
        fields: Fields = (),
    ) -> Response:
        """Send a request and return its answer.

        Args:
            method: In upper case.
            url: Where to.
            headers: Fields of many requests: the same object means the same fields.
            body: Sent in one piece.
            fields: Those of this request alone; they replace others of the same name.

        Raises:
            httpx.TransportError: There was no answer; see `transports.errors`.
            SecretError: The TLS files cannot be used.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        ...


class IdleWatch:
    """Detects bytes on a connection that carries no request.

    A look costs less than a microsecond.
    """

    def __init__(self, descriptor: int) -> None:
        """Watch the socket with this file descriptor."""
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def is_disturbed(self) -> bool:
        """Return whether there are bytes to be read, or their end, or an error."""
        return bool(self._poll.poll(0))
