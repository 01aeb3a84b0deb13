"""A Knative Broker's ingress, and `event_display`, as a sender sees them.

Not Knative: what both answer was measured on the real ones, and is played here in one
process, with times that a test can shorten. Behind the ingress stands a channel that
waits for its subscriber before it answers, as an InMemoryChannel does::

    POST /shop/default ──▶ ingress ──▶ channel ──▶ subscriber
                  202 ◀────────────────── 2xx ◀───────┘
                  500 ◀────────── anything else ◀──────┘   (Retry-After is lost)
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self
from urllib.parse import urlsplit

from tests.conformance import sdkgo
from tests.conformance.sdkgo import Fault, RefusedError, Taken
from tests.conformance.server import Answer, Request, Server

PATH = "/shop/default"
"""The only broker: namespace and name."""

IDLE_SECONDS = 10.0
BODY_SECONDS = 10.0

_CONSENT = {
    "Allow": "POST, OPTIONS",
    "WebHook-Allowed-Origin": "*",
    "WebHook-Allowed-Rate": "*",
}
_DISPLAY_STATUS = {
    Fault.BATCH: 500,
    Fault.UNKNOWN: 415,
    Fault.INVALID: 400,
    Fault.UNREADABLE: 500,
}
_PASSED = ("x-request-id", "x-b3-", "knative-", "traceparent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """Who gets the events, at the end of the chain.

    Attributes:
        seconds: How long each takes it.
        statuses: What it answers, one after the other; the last one stays.
        refused: Names of objects in the data whose events it fails at, each time.
    """

    seconds: float = 0.0
    statuses: Sequence[int] = (200,)
    refused: frozenset[str] | set[str] = frozenset()

    def answers(self) -> Iterator[int]:
        """Iterate the statuses, for ever."""
        return itertools.chain(self.statuses, itertools.repeat(self.statuses[-1]))

    def fails_at(self, body: bytes) -> bool:
        """Whether it never takes this event."""
        return any(f'"name": "{name}"'.encode() in body for name in self.refused)


class Broker:
    """The ingress; `async with` runs it.

    Attributes:
        taken: What reached the channel, in order, repeats too: always in binary mode.
        passed: The header fields beside the attributes that went on with each.
    """

    def __init__(
        self,
        *,
        subscriber: Subscriber | None = None,
        token: str | None = None,
        needs_tls: bool = False,
        idle_seconds: float = IDLE_SECONDS,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """Run nothing yet.

        Args:
            subscriber: At the end of the chain; None: one that takes all at once.
            token: Bearer token that is asked for (OIDC); None: none is.
            needs_tls: Whether plain HTTP, which is all it speaks, is refused.
            idle_seconds: How long a connection may be idle.
            body_seconds: How long a body may take.
        """
        self.taken: list[Taken] = []
        self.passed: list[dict[str, str]] = []
        self._subscriber = subscriber or Subscriber()
        self._statuses = self._subscriber.answers()
        self._token = token
        self._needs_tls = needs_tls
        self._arrived = asyncio.Condition()
        self.server = Server(
            self._answer, idle_seconds=idle_seconds, body_seconds=body_seconds
        )

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.server.port}{PATH}"

    def ids(self) -> list[str]:
        """Return the id of each event that reached the channel."""
        return [one.attributes["id"] for one in self.taken]

    async def wait_taken(self, count: int) -> None:
        """Return once so many events have reached the channel."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.taken) >= count)

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.server.__aexit__(*error)

    async def _answer(self, request: Request) -> Answer:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            taken = sdkgo.read(request.headers, request.body)
        except RefusedError as error:
            return Answer(status=400, body=str(error).encode())
        return Answer(status=await self._dispatch(taken, request))

    def _refusal(self, request: Request) -> Answer | None:
        """Return the answer to what never reaches the reading of an event."""
        if request.method == "OPTIONS":
            return Answer(status=200, headers=_CONSENT)
        if request.method != "POST":
            return Answer(status=405)
        if self._needs_tls:
            return Answer(status=404)
        where = urlsplit(request.target)
        if where.path.rstrip("/") != PATH or where.query:
            is_short = where.path.count("/") == 1 and where.path != "/"
            return Answer(status=400 if is_short else 404)
        bearer = request.headers.get("authorization")
        if self._token is not None and bearer != f"Bearer {self._token}":
            return Answer(status=401)
        return None

    async def _dispatch(self, taken: Taken, request: Request) -> int:
        """Send the event down the chain; return the status of the whole."""
        if any("\n" in value for value in taken.attributes.values()):
            return 500  # no header of the way on may hold it
        added = {"knativearrivaltime": datetime.now(UTC).isoformat()}
        async with self._arrived:
            self.taken.append(
                Taken(
                    attributes=taken.attributes | added,
                    body=taken.body,
                    is_binary=True,
                )
            )
            self.passed.append(
                {
                    name: value
                    for name, value in request.headers.items()
                    if name.startswith(_PASSED)
                }
            )
            self._arrived.notify_all()
        await asyncio.sleep(self._subscriber.seconds)
        if self._subscriber.fails_at(taken.body):
            return 500
        return 202 if next(self._statuses) // 100 == 2 else 500


class Display:
    """`event_display`, which is any receiver of sdk-go; `async with` runs it."""

    def __init__(self) -> None:
        """Run nothing yet."""
        self.taken: list[Taken] = []
        self.server = Server(
            self._answer, idle_seconds=IDLE_SECONDS, body_seconds=BODY_SECONDS
        )

    @property
    def url(self) -> str:
        """Where to POST."""
        return f"http://127.0.0.1:{self.server.port}{PATH}"

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.server.__aexit__(*error)

    async def _answer(self, request: Request) -> Answer:
        if request.method in {"GET", "OPTIONS"}:
            return Answer(status=405)
        try:
            self.taken.append(sdkgo.read(request.headers, request.body))
        except RefusedError as error:
            status = _DISPLAY_STATUS[error.fault]
            return Answer(status=status, body=str(error).encode())
        return Answer(status=200)
