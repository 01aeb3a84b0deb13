"""A webhook on a real socket that does what a script says, well or badly.

::

    async with Receiver(answer(503), answer(204)) as receiver:
        ...POST to receiver.url...
    assert len(receiver.requests) == 2

Each request gets the next behaviour of the script; the last one stays. Where a
behaviour takes place is said by `at`: after the whole `request`, after its `head`, or
on `connect`.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Self

Place = Literal["connect", "head", "request"]


@dataclass(frozen=True, slots=True)
class Request:
    """What arrived: header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Connection:
    """One accepted connection, in the hands of a behaviour."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_open: bool = True

    async def send(self, data: bytes) -> None:
        """Write bytes, as they are."""
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        """End it in good order (FIN)."""
        self.is_open = False
        self.writer.close()

    def reset(self) -> None:
        """Tear it down (RST)."""
        self.is_open = False
        one = self.writer.get_extra_info("socket")
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[Connection, Request], Awaitable[None]]


def answer(
    status: int = 204,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    then: Literal["keep", "close"] = "keep",
) -> Behaviour:
    """Answer in good order."""
    fields = dict(headers or {})
    if status != 204:
        fields["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return send(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body, then=then)


def send(data: bytes, *, then: Literal["keep", "close", "reset"] = "keep") -> Behaviour:
    """Send some bytes, which may be an answer or not."""

    async def behave(connection: Connection, request: Request) -> None:
        await connection.send(data)
        if then == "close":
            connection.close()
        elif then == "reset":
            connection.reset()

    return behave


def drip(start: bytes, more: bytes, *, seconds: float = 0.02) -> Behaviour:
    """Send `start`, then `more` again and again, for ever."""

    async def behave(connection: Connection, request: Request) -> None:
        await connection.send(start)
        while True:
            await connection.send(more)
            await asyncio.sleep(seconds)

    return behave


async def hang(connection: Connection, request: Request) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def late(connection: Connection, request: Request) -> None:
    """Answer after a while."""
    await asyncio.sleep(0.1)
    await answer(202)(connection, request)


async def close(connection: Connection, request: Request) -> None:
    """Close without an answer."""
    connection.close()


async def reset(connection: Connection, request: Request) -> None:
    """Reset without an answer."""
    connection.reset()


class Receiver:
    """Listens on a free port of loopback while its context is open.

    Attributes:
        requests: What arrived, in order.
        connections: How many were accepted.
    """

    def __init__(
        self,
        *script: Behaviour,
        at: Place = "request",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Take the script; with none, everything is answered with 204."""
        self.script = script or (answer(),)
        self.at = at
        self.tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._played = 0
        self._arrived = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", 0, ssl=self.tls
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def port(self) -> int:
        """Where it listens, or did."""
        return self._port

    @property
    def url(self) -> str:
        """Where to POST."""
        scheme = "http" if self.tls is None else "https"
        return f"{scheme}://127.0.0.1:{self.port}/hook"

    async def wait_requests(self, count: int) -> None:
        """Return once so many requests have arrived whole."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        self._tasks.add(asyncio.current_task())
        connection = Connection(reader, writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._talk(connection)
        except asyncio.CancelledError:
            connection.close()
        finally:
            writer.close()
            self._tasks.discard(asyncio.current_task())

    async def _talk(self, connection: Connection) -> None:
        if self.at == "connect":
            await self._play(connection, Request("", "", {}))
        while connection.is_open:
            request = await read_head(connection.reader)
            if self.at == "head":
                await self._play(connection, request)
                continue
            size = int(request.headers.get("content-length", 0))
            body = await connection.reader.readexactly(size)
            request = Request(request.method, request.target, request.headers, body)
            await self._note(request)
            await self._play(connection, request)

    async def _note(self, request: Request) -> None:
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()

    async def _play(self, connection: Connection, request: Request) -> None:
        behaviour = self.script[min(self._played, len(self.script) - 1)]
        self._played += 1
        await behaviour(connection, request)


async def read_head(reader: asyncio.StreamReader) -> Request:
    """Read a request up to its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    headers = {name.lower(): value.strip() for name, value in pairs}
    return Request(method, target, headers)


@contextlib.contextmanager
def deaf_port():
    """Yield a port whose queue of connections is full: the kernel drops SYNs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def refuse_stranger(listener: socket.socket, tls: ssl.SSLContext) -> None:
    """Accept once and fail; unlike asyncio's, this TLS says why to the peer."""
    raw, _ = listener.accept()
    with tls.wrap_socket(raw, True, do_handshake_on_connect=False) as connection:
        with contextlib.suppress(ssl.SSLError):
            connection.do_handshake()
        # What is left unread would become a reset, which could overtake the reason.
        while socket.socket.recv(connection, 65536):
            pass
