"""The little of HTTP/1.1 that forwarding needs (RFC 9112)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

from tests.faultproxy.faults import Reply

_HEAD_END = b"\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
_OURS = {"host", "connection"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """First line and headers of a request or an answer."""

    first: str
    headers: tuple[tuple[str, str], ...]

    def header(self, name: str) -> str:
        """Return a header's value, in lower case; empty: it is not there."""
        found = (value for each, value in self.headers if each.lower() == name)
        return next(found, "").lower()

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return self.header("transfer-encoding") == "chunked"

    def encode(self, *, host: str = "") -> bytes:
        """Return the bytes of a head after which the connection ends."""
        lines = [self.first]
        lines += [f"{key}: {value}" for key, value in self.headers if _is_kept(key)]
        lines += [f"Host: {host}"] if host else []
        lines += ["Connection: close"]
        return "\r\n".join(lines).encode("latin-1") + _HEAD_END


def _is_kept(header: str) -> bool:
    return header.lower() not in _OURS


async def read_head(reader: asyncio.StreamReader) -> Head:
    """Return the next head.

    Raises:
        asyncio.IncompleteReadError: The peer ended before it.
    """
    text = (await reader.readuntil(_HEAD_END)).decode("latin-1")
    first, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Head(
        first=first, headers=tuple((key, value.strip()) for key, _, value in pairs)
    )


async def read_body(reader: asyncio.StreamReader, head: Head) -> bytes:
    """Return the body of a request, which must say its length."""
    return await reader.readexactly(int(head.header("content-length") or 0))


async def read_chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield the chunks of an answer's body.

    Raises:
        asyncio.IncompleteReadError: The body was cut.
    """
    while size := int(await reader.readuntil(b"\r\n"), 16):
        block = await reader.readexactly(size + 2)
        yield block[:-2]


def chunk(block: bytes) -> bytes:
    """Return bytes as a chunk; none are the last chunk."""
    if not block:
        return _LAST_CHUNK
    return b"%x\r\n%b\r\n" % (len(block), block)


def encode_reply(reply: Reply) -> bytes:
    """Return the bytes of an answer of our own."""
    phrase = HTTPStatus(reply.status).phrase
    headers = {
        "Content-Type": reply.content_type,
        "Content-Length": str(len(reply.body)),
        **reply.headers,
    }
    head = Head(
        first=f"HTTP/1.1 {reply.status} {phrase}", headers=tuple(headers.items())
    )
    return head.encode() + reply.body
