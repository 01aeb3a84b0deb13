"""A webhook that costs next to nothing, so that the bridge is what is measured.

    python -m bench.receiver --delay-ms 20

prints its port, answers every POST with 204, and ``GET /`` with what it has counted.
"""

import argparse
import asyncio
import json
import re
import time
from contextlib import suppress

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SENT = re.compile(rb"sent=(\d+\.\d+)")
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


class Counts:
    """What came in, over all connections."""

    def __init__(self) -> None:
        self.requests = self.events = self.connections = 0
        self.first = self.last = 0.0
        self.latencies: list[float] = []

    def take(self, body: bytes) -> None:
        """Count one POST; a batch is told by its bracket."""
        self.last = time.time()
        self.first = self.first or self.last
        self.requests += 1
        single = body[:1] != b"["
        self.events += 1 if single else body.count(b'"specversion":')
        sent = _SENT.search(body)
        if sent:
            self.latencies.append(self.last - float(sent[1]))

    def as_json(self) -> bytes:
        """Return the answer to ``GET /``."""
        return json.dumps(vars(self)).encode()


class Webhook(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self, counts: Counts, delay_seconds: float) -> None:
        self._counts = counts
        self._delay = delay_seconds
        self._data = b""

    def connection_made(self, transport: asyncio.WriteTransport) -> None:
        """Begin."""
        self._transport = transport
        self._is_new = True

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            length = _LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < size:
                return
            body, self._data = self._data[end + 4 : size], self._data[size:]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            text = self._counts.as_json()
            self._write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(text))
            self._write(text)
            return
        self._counts.connections += self._is_new
        self._is_new = False
        self._counts.take(body)
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, _NO_CONTENT)
        else:
            self._write(_NO_CONTENT)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def _serve(delay_seconds: float) -> None:
    counts, loop = Counts(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Webhook(counts, delay_seconds), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay-ms", type=float, default=0.0)
    import uvloop

    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(parser.parse_args().delay_ms / 1000))
