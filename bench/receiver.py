"""A webhook that costs next to nothing, so that the bridge is what is measured.

    python -m bench.receiver --delay-ms 20

prints its port. It answers every POST with 204, ``GET /`` with what it has counted,
``GET /latencies`` with the seconds since each event said that it was sent, OPTIONS with
consent, and ``POST /token`` with an access token. With ``--cert`` it speaks TLS.
"""

import argparse
import asyncio
import json
import re
import ssl
import time
from contextlib import suppress

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SENT = re.compile(rb"sent=(\d+\.\d+)")
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_CONSENT = (
    b"HTTP/1.1 204 No Content\r\n"
    b"WebHook-Allowed-Origin: *\r\nWebHook-Allowed-Rate: *\r\n\r\n"
)
_TOKEN = json.dumps(
    {"access_token": "t" * 800, "token_type": "Bearer", "expires_in": 3600}
).encode()


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
        found = {key: value for key, value in vars(self).items() if key != "latencies"}
        return json.dumps(found).encode()


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
        if head.startswith(b"GET /latencies"):
            return self._say(json.dumps(self._counts.latencies).encode())
        if head.startswith(b"GET"):
            return self._say(self._counts.as_json())
        if head.startswith(b"OPTIONS"):
            return self._write(_CONSENT)
        if head.startswith(b"POST /token"):
            return self._say(_TOKEN)
        return self._take(body)

    def _take(self, body: bytes) -> None:
        self._counts.connections += self._is_new
        self._is_new = False
        self._counts.take(body)
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._write, _NO_CONTENT)
        else:
            self._write(_NO_CONTENT)

    def _say(self, text: bytes) -> None:
        self._write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(text), text)
        )

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def _tls(arguments: argparse.Namespace) -> ssl.SSLContext | None:
    if arguments.cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(arguments.cert)
    if arguments.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(arguments.client_ca)
    return context


async def _serve(arguments: argparse.Namespace) -> None:
    counts, loop = Counts(), asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Webhook(counts, arguments.delay_ms / 1000),
        "127.0.0.1",
        0,
        ssl=_tls(arguments),
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--cert", help="PEM file of certificate and key")
    parser.add_argument(
        "--client-ca", help="PEM file of the authority of client certificates"
    )
    import uvloop

    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(parser.parse_args()))
