"""Read answers strictly: bytes that are not plainly HTTP/1.1 are refused."""

from collections.abc import Iterator, Mapping
from functools import cached_property

import httpx
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from multidict import CIMultiDict

from bridge.sinks.text import one_line_excerpt

MOST_HEAD_BYTES = 65536
"""Most bytes of status line and header fields, those of 1xx answers included; also
most bytes between two bytes of a body: chunk extensions and trailers."""

_START = b"HTTP/1."
_END = b"\r\n\r\n"


class ResponseReader:
    """Reads the answers of one connection, one after the other.

    llhttp judges the bytes, in its strict mode. This class finds where an answer ends
    as well, for llhttp would go on into a next answer that was not asked for.

    Attributes:
        status: HTTP status of the answer; 0: its head is not there yet.
        reason: Its reason phrase.
        fields: Its header fields as they came, without trailers.
        chunks: The parts of its body.
        received_bytes: How much came after its head, framing included.
        has_begun: Something came of it, 1xx answers aside.
        has_head: Status and fields are known.
        is_complete: Its last byte came.
        is_last: Its connection cannot be used again: the peer says so, or sent more
            than was asked for.
    """

    def __init__(self) -> None:
        """Wait for the first answer."""
        self._parser = HttpResponseParser(self)
        self.begin()

    def begin(self, *, is_bodiless: bool = False) -> None:
        """Wait for another answer.

        Args:
            is_bodiless: It has no body, whatever it says of one: it answers a HEAD.
        """
        self._is_bodiless = is_bodiless
        self._head_bytes = 0
        self._unproductive_bytes = 0
        self._left: int | None = None
        self._is_chunked = False
        self.chunks: list[bytes] = []
        self.received_bytes = 0
        self.has_begun = False
        self.has_head = False
        self.is_last = False
        self._expect_head()

    def _expect_head(self) -> None:
        self._start = self._tail = b""
        self._is_head_over = False
        self.status = 0
        self.reason = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer.

        Raises:
            httpx.RemoteProtocolError: It is not HTTP, or its head has no end.
        """
        while data and not self.has_head:
            data = self._feed_head(data)
        if data:
            self._feed_body(data)

    def end(self) -> None:
        """Take the end of the stream: some bodies end with it (RFC 9112, 6.3)."""
        self.is_last = True
        if self.has_head and self._left is None and not self._is_chunked:
            self.is_complete = True

    def _feed_head(self, data: bytes) -> bytes:
        """Feed what belongs to the head, and return the rest."""
        self.has_begun = True
        if self._start != _START:
            self._check_start(data)
        seen = self._tail + data
        end = seen.find(_END)
        size = len(data) if end < 0 else end + len(_END) - len(self._tail)
        self._head_bytes += size
        if self._head_bytes > MOST_HEAD_BYTES:
            raise _not_http(f"expected a head of at most {MOST_HEAD_BYTES} bytes")
        self._parse(data[:size])
        if self._is_head_over != (end >= 0):
            raise _not_http("expected an empty line after the head alone")
        if end < 0:
            self._tail = seen[1 - len(_END) :]
        else:
            self._end_head()
        return data[size:]

    def _check_start(self, data: bytes) -> None:
        """Refuse what llhttp takes too: blank lines, HTTP/2.0, RTSP, ICE."""
        self._start += data[: len(_START) - len(self._start)]
        if not _START.startswith(self._start):
            raise _not_http(f"expected HTTP/1.1, got {self._start!r}")

    def _end_head(self) -> None:
        if self.status < 200:
            # An interim answer, which promises another (RFC 9110, 15.2).
            self.has_begun = False
            self._expect_head()
            return
        self.has_head = True
        self._tail = b""
        if self._is_bodiless:
            self.is_complete = self.is_last = True
        elif not self.is_complete:
            self._find_framing()

    def _find_framing(self) -> None:
        for name, value in self.fields:
            field = name.lower()
            if field == b"content-length":
                self._left = int(value)
            elif field == b"transfer-encoding":
                self._check_coding(value)

    def _check_coding(self, value: bytes) -> None:
        """Take chunks alone: we asked for nothing else (RFC 9112, 7.4).

        llhttp sees no chunks where the name is followed by a tab (its issue 876).
        """
        if self._is_chunked or value.strip(b" ").lower() != b"chunked":
            raise _not_http(f"expected transfer-encoding chunked, got {value!r}")
        self._is_chunked = True

    def _feed_body(self, data: bytes) -> None:
        self.received_bytes += len(data)
        if self.is_complete:
            self.is_last = True
        elif self._left is None:
            self._feed_open_end(data)
        else:
            part = data[: self._left]
            self._left -= len(part)
            self._parse(part)
            self.is_last |= len(part) < len(data)

    def _feed_open_end(self, data: bytes) -> None:
        self._unproductive_bytes += len(data)
        self._parse(data)
        if self.is_complete:
            # llhttp swallows blank lines after it: the end must be the first one.
            end = (self._tail + data)[-5:]
            self.is_last |= end[1:] != _END or end[:1] == b"\n"
        elif self._unproductive_bytes > MOST_HEAD_BYTES:
            raise _not_http(f"expected a body, got {MOST_HEAD_BYTES} bytes without one")
        else:
            self._tail = (self._tail + data)[-4:]

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as error:
            raise _not_http("expected an answer, got an upgrade") from error
        except HttpParserError as error:
            if not (self.has_head and self.is_complete):
                raise _not_http(str(error)) from error
            self.is_last = True

    # The methods from here on are called by llhttp.

    def on_message_begin(self) -> None:
        """Stop llhttp before it reads an answer behind the answer."""
        if self.is_complete:
            raise _not_http("expected one answer, got two")

    def on_status(self, reason: bytes) -> None:
        """Note the phrase, or the next part of it."""
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a field of the head; trailers are left alone (RFC 9110, 6.5.1)."""
        if not self._is_head_over:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the status."""
        self._is_head_over = True
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        """Note a part of the body."""
        self._unproductive_bytes = 0
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        """Note the end."""
        self.is_complete = True
        self.is_last |= not self._parser.should_keep_alive()


def _not_http(why: str) -> httpx.RemoteProtocolError:
    return httpx.RemoteProtocolError(f"not HTTP: {one_line_excerpt(why)}")


class ResponseFields(Mapping[str, str]):
    """Header fields by name in any case; decoded when one is asked for."""

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        """Keep the fields as they came."""
        self._raw = raw

    @cached_property
    def _fields(self) -> CIMultiDict[str]:
        return CIMultiDict(
            (name.decode("latin-1"), value.decode("utf-8", "replace").strip())
            for name, value in self._raw
        )

    def __getitem__(self, name: str) -> str:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)
