"""A webhook on loopback that keeps the id of everything it took."""

import asyncio
import re
import threading
from collections import Counter
from typing import Any, Self

import msgspec

from bench.receiver import Webhook

_ID = re.compile(rb'"id":"([^"]+)"')


class Ledger:
    """What one receiver was sent, in order.

    Attributes:
        bodies: Every body, in the order of arrival.
        requests: How many POSTs came.
        connections: How many connections were opened.
    """

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.requests = self.connections = 0

    def take(self, body: bytes) -> None:
        """Note a body."""
        self.requests += 1
        self.bodies.append(body)

    def as_json(self) -> bytes:
        """Answer a GET."""
        return b"{}"

    def ids(self) -> Counter[str]:
        """How often each event came."""
        found = (_ID.search(body) for body in tuple(self.bodies))
        return Counter(match[1].decode() for match in found if match)

    def events(self, type_part: str = "") -> list[dict[str, Any]]:
        """Return the events whose type contains a text."""
        events = [msgspec.json.decode(body) for body in tuple(self.bodies)]
        return [event for event in events if type_part in event["type"]]


class Receiver:
    """Runs in a thread of its own; `with` starts and stops it."""

    def __init__(self, *, delay_seconds: float = 0.0, port: int = 0) -> None:
        self.ledger = Ledger()
        self.port = port
        self._delay = delay_seconds
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._connections: list[Webhook] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.port}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            self._loop.create_server(self._accept, "127.0.0.1", self.port)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        self._loop.run_until_complete(asyncio.sleep(0))

    def _accept(self) -> Webhook:
        connection = Webhook(self.ledger, self._delay)
        self._connections.append(connection)
        return connection

    def _stop(self) -> None:
        for connection in self._connections:
            connection.close()
        self._loop.stop()
