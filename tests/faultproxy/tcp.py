"""Faults below TLS: what a network, a firewall or a dying node does."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.faultproxy.thread import LoopThread

HOST = "127.0.0.1"
_BLOCK = 65_536
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True, kw_only=True, eq=False)
class _Connection:
    """Both sides of one connection.

    Attributes:
        is_dead: The server's side is gone, and the client is not told.
        left: Bytes that the client may still be sent; None: any number.
    """

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    is_dead: bool = False
    left: int | None = None

    def cut(self, block: bytes) -> bytes:
        """Return what the client may still be sent of a block."""
        if self.left is None:
            return block
        block = block[: self.left]
        self.left -= len(block)
        return block

    def end(self, *, reset: bool) -> None:
        """End both sides at once, by RST or as the kernel closes a socket."""
        for writer in (self.client, self.server):
            if writer is not None:
                _abort(writer, reset=reset)


@dataclass(slots=True, kw_only=True)
class _Faults:
    """What happens to bytes and to new connections at the moment."""

    delay_seconds: float = 0.0
    refuses: bool = False
    truncate_after: int | None = None
    flows: asyncio.Event = field(default_factory=asyncio.Event)


class TcpProxy:
    """Forwards a loopback port to another one, badly if told to; `with` runs it.

    TLS passes through it unchanged. All its methods may be called from the test's own
    thread and have taken effect when they return. `heal` ends every lasting fault.

    Attributes:
        port: Where it listens, the same for its whole life.
        connections: How many it has accepted so far.
    """

    def __init__(self, target_port: int | Callable[[], int]) -> None:
        """Name the port to forward to; nothing listens yet."""
        self.port = 0
        self.connections = 0
        self._target = target_port
        self._thread = LoopThread("tcp fault proxy")
        self._faults = _Faults()
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where the API server seems to be."""
        return f"https://{HOST}:{self.port}"

    @property
    def open_connections(self) -> int:
        """How many connections there are now."""
        return len(self._open)

    def blackhole(self) -> None:
        """Forward nothing, either way, until `heal`; connections are still accepted.

        What was sent meanwhile arrives afterwards, as TCP sends lost packets again.
        """
        self._call(self._faults.flows.clear)

    def half_open(self) -> None:
        """Let the server's side of each connection vanish without a word to the client.

        New connections are well. The client's kernel still gets its acknowledgements,
        so no keepalive notices: `reset` does what a keepalive that failed would do.
        """
        self._call(self._vanish)

    def reset(self) -> None:
        """End each connection by RST, both ways, also those that are half open."""
        self._call(lambda: self._end_all(reset=True))

    def close_all(self) -> None:
        """End each connection by FIN, in the middle of whatever it carries."""
        self._call(lambda: self._end_all(reset=False))

    def truncate(self, after: int) -> None:
        """End each connection, old or new, when the client got so many bytes more.

        Until `heal`, so that with few bytes not even TLS comes to an end.
        """
        self._call(lambda: self._truncate(after))

    def delay(self, seconds: float) -> None:
        """Hold back each block of bytes for so long, both ways, until `heal`."""
        self._faults.delay_seconds = seconds

    def refuse(self) -> None:
        """Reset each new connection until `heal`; those that are open stay so."""
        self._faults.refuses = True

    def heal(self) -> None:
        """End every fault; what is half open stays so."""
        self._call(self._heal)

    def __enter__(self) -> Self:
        self._thread.__enter__()
        self._call(self._heal)
        self._thread.run(self._listen())
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.run(self._stop())
        self._thread.__exit__(*error)

    def _call(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        self._thread.run(run())

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._end_all(reset=False)

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        connection = _Connection(client=writer, left=self._faults.truncate_after)
        if self._faults.refuses:
            connection.end(reset=True)
            return
        self._open.add(connection)
        try:
            await self._forward(connection, reader)
        except* OSError:
            connection.end(reset=True)
        finally:
            self._open.discard(connection)
            connection.end(reset=False)

    async def _forward(
        self, connection: _Connection, reader: asyncio.StreamReader
    ) -> None:
        await self._faults.flows.wait()
        port = self._target if isinstance(self._target, int) else self._target()
        answers, connection.server = await asyncio.open_connection(HOST, port)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                self._pump(connection, reader, connection.server), name="to server"
            )
            tasks.create_task(
                self._pump(connection, answers, connection.client), name="to client"
            )

    async def _pump(
        self,
        connection: _Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """Forward one way until that way ends."""
        is_answer = writer is connection.client
        while block := await reader.read(_BLOCK):
            await asyncio.sleep(self._faults.delay_seconds)
            await self._faults.flows.wait()
            if not connection.is_dead:
                writer.write(connection.cut(block) if is_answer else block)
                await writer.drain()
            if connection.left == 0:
                connection.end(reset=False)
        await self._faults.flows.wait()
        if not connection.is_dead:
            writer.close()

    def _vanish(self) -> None:
        for connection in self._open:
            connection.is_dead = True
            if connection.server is not None:
                _abort(connection.server, reset=False)

    def _truncate(self, after: int) -> None:
        self._faults.truncate_after = after
        for connection in self._open:
            connection.left = after

    def _heal(self) -> None:
        self._faults.delay_seconds, self._faults.refuses = 0.0, False
        self._faults.truncate_after = None
        for connection in self._open:
            connection.left = None
        self._faults.flows.set()

    def _end_all(self, *, reset: bool) -> None:
        for connection in list(self._open):
            connection.end(reset=reset)


def _abort(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    held = writer.get_extra_info("socket")
    if reset and held is not None and held.fileno() >= 0:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()
