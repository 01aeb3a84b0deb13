"""Receivers' answers: whatever they say, an attempt ends as it may, and truthfully."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal
from zlib import crc32

from bridge.errors import SinkError
from bridge.sinks.http.sink import HttpSink
from tests.fuzz.campaign import Finding
from tests.unit.sinks.building import build_sink
from tests.unit.sinks.samples import event

TIMEOUT_SECONDS = 0.5
NO = b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno"
"""What any request gets but the first: whoever takes it for a 2xx made that up."""

_STATUS = re.compile(rb"HTTP/\d\.\d +(\d{3})")
_END = re.compile(rb"\r?\n\r?\n")


class Stranger:
    """A receiver whose first answer is made up."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.is_used = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        """Answer on one connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await self._read(reader)
                is_first, self.is_used = not self.is_used, True
                writer.write(self._data if is_first else NO)
                await writer.drain()
                if is_first and crc32(self._data) % 8:
                    break
        writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: *(\d+)", head)
        await reader.readexactly(int(size[1]) if size else 0)


class AnswersRun:
    """Sends two events to a stranger, on one engine."""

    def __init__(self, engine: Literal["aiohttp", "llhttp"]) -> None:
        self._engine = engine

    async def try_one(self, data: bytes) -> None:
        """See `Run`."""
        stranger = Stranger(data)
        server = await asyncio.start_server(stranger.serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            sink = build_sink(
                f"http://127.0.0.1:{port}/",
                concurrency=2,
                timeout_seconds=TIMEOUT_SECONDS,
                engine=self._engine,
            )
            try:
                is_first_taken = await self._is_taken(sink)
                was_used = stranger.is_used  # else it could not be reached in time
                is_second_taken = await self._is_taken(sink)
            finally:
                await sink.aclose()
        if is_first_taken and not says_success(data):
            raise Finding(f"false delivery: {data[:200]!r}")
        if was_used and is_second_taken:
            raise Finding(f"false second delivery: {data[:200]!r}")

    async def _is_taken(self, sink: HttpSink) -> bool:
        try:
            async with asyncio.timeout(20 * TIMEOUT_SECONDS):
                await sink.send([event()])
        except TimeoutError as error:
            raise Finding("the attempt has no end") from error
        except SinkError as error:
            if not str(error).isprintable():
                raise Finding(f"unprintable: {str(error)!r}") from error
            return False
        return True


def says_success(data: bytes) -> bool:
    """Tell whether the first answer that is not 1xx is a 2xx."""
    data = data.lstrip(b"\r\n")
    while match := _STATUS.match(data):
        status = int(match[1])
        if status >= 200 or status == 101:
            return 200 <= status < 300
        end = _END.search(data)
        if end is None:
            return False
        data = data[end.end() :].lstrip(b"\r\n")
    return False


class AnswersTarget:
    """Answers, for one engine."""

    at_once = 8
    words: Sequence[bytes] = (
        *(b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 "),
        *(
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 101 S\r\n\r\n",
            b" 204 ",
            b" 304 ",
        ),
        *(b"Content-Length: 5\r\n", b"Content-Length: 99999999999999999999\r\n"),
        *(
            b"Content-Length: -1\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"5\r\nhello\r\n",
        ),
        *(b"0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b";x=y", b"Retry-After: 1e999\r\n"),
        *(
            b"Location: http://[::1]@\r\n",
            b"Set-Cookie: a=b\r\n",
            b"Connection: close\r\n",
        ),
        *(
            b"Content-Encoding: gzip\r\n",
            b"\x1f\x8b\x08",
            b"WebHook-Allowed-Rate: *\r\n",
        ),
    )

    def __init__(self, engine: Literal["aiohttp", "llhttp"]) -> None:
        self._engine = engine
        self.name = f"answers-{engine}"

    def seeds(self) -> Mapping[str, bytes]:
        """See `Target`."""
        return {
            "taken": b"HTTP/1.1 204 No Content\r\n\r\n",
            "body": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "chunked": b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5;a=b\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
            "until-close": b"HTTP/1.0 200 OK\r\n\r\nhello",
            "interim": b"HTTP/1.1 103 E\r\nLink: </a>\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
            "busy": b"HTTP/1.1 429 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
            "date": b"HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 2027 23:59:59 GMT\r\n"
            b"Content-Length: 0\r\n\r\n",
            "moved": b"HTTP/1.1 302 Found\r\nLocation: http://a/b?c=d\r\n\r\n",
            "two": b"HTTP/1.1 500 E\r\nContent-Length: 0\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
            "json": b"HTTP/1.1 400 Bad\r\nContent-Type: application/json\r\n"
            b'Content-Length: 25\r\n\r\n{"error": "\\u001b[31mno"}',
            "empty": b"",
        }

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[AnswersRun]:
        """See `Target`."""
        yield AnswersRun(self._engine)
