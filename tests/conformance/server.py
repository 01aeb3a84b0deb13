"""HTTP as a Go server speaks it, as far as a sender can tell; loopback only."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

MOST_HEAD_BYTES = (1 << 20) + 4096
"""Go's `DefaultMaxHeaderBytes`, and the slack that it adds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What arrived; header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Handler = Callable[[Request], Awaitable[Answer]]


class Server:
    """Listens on a free port while its context is open.

    Attributes:
        connections: How many were accepted.
        idled: How many the server closed because nothing came.
        left: How many the client closed between two requests.
    """

    def __init__(
        self, handler: Handler, *, idle_seconds: float, body_seconds: float
    ) -> None:
        """Listen nowhere yet.

        Args:
            handler: Answers.
            idle_seconds: Longest that a connection may wait for a request.
            body_seconds: Longest that a body may take to arrive.
        """
        self._handler = handler
        self._idle_seconds = idle_seconds
        self._body_seconds = body_seconds
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None] | None] = set()
        self.connections = self.idled = self.left = self.port = 0
        self._closed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=MOST_HEAD_BYTES
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        tasks = [task for task in self._tasks if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def cut(self) -> None:
        """End every connection in the midst of whatever it does."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def wait_closed(self) -> None:
        """Return once no connection is open any more, by whichever side."""
        async with asyncio.timeout(5), self._closed:
            await self._closed.wait_for(lambda: not self._writers)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self._writers.add(writer)
        self._tasks.add(asyncio.current_task())
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            writer.close()
            self._tasks.discard(asyncio.current_task())
            async with self._closed:
                self._writers.discard(writer)
                self._closed.notify_all()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; return whether another may follow."""
        try:
            async with asyncio.timeout(self._idle_seconds):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            self.idled += 1
            return False
        except asyncio.IncompleteReadError:
            self.left += 1
            return False
        except asyncio.LimitOverrunError:
            await _write(writer, Answer(status=431))
            return False
        try:
            async with asyncio.timeout(self._body_seconds):
                request = await _read_request(head, reader)
        except (TimeoutError, asyncio.IncompleteReadError):
            await _write(writer, Answer(status=500))
            return False
        await _write(writer, await self._handler(request))
        return True


async def _read_request(head: bytes, reader: asyncio.StreamReader) -> Request:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    if headers.get("transfer-encoding") == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method=method, target=target, headers=headers, body=body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return b"".join(chunks)


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    fields = {**answer.headers, "Content-Length": str(len(answer.body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    head = f"HTTP/1.1 {answer.status} {answer.status}\r\n{lines}\r\n"
    writer.write(head.encode() + answer.body)
    await writer.drain()
