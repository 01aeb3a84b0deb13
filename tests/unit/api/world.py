"""What stands behind the API in tests."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

from fastapi import FastAPI

from bridge.api.application import create_api
from bridge.api.context import ApiContext
from bridge.config.models import RouteConfig
from bridge.deliver import RetryPolicy, Sender
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import encode
from bridge.events.origin import Origin
from bridge.health import Health, ReaderStatus, SinkStatus
from bridge.journal import Attempt, Ending
from bridge.journal.journal import Journal
from bridge.journal.settings import JournalConfig
from bridge.metrics import Metrics
from bridge.operate import DeliveryStore
from bridge.operate.backfill import BackfillPage
from bridge.operate.probe import UNNAMED
from bridge.queue import Dead, Delivered, Entry, Lease, Retry, Scope
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.sinks.stdout import StdoutSink

TOKEN = "operator"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SCOPE = Scope(cluster="uid", resource="events", namespace="shop")
SCOPE_ID = "85309c0f252c"


def event(name: str, reason: str = "BackOff") -> CloudEvent:
    """Return an event that is stored."""
    return CloudEvent(
        id=name,
        source="kubernetes://test",
        type="io.kubebridge.event.warning.v1",
        extensions={"reason": reason},
        data=b'{"a":1}',
    )


class Lists:
    """Pages of lists for `Backfill`: what each would queue, by id.

    Attributes:
        pages: The ids on each page of resource `events`.
        refused: Ids of stored events that no route leads anywhere.
        fault: Raised instead of an answer.
        put: What was queued.
    """

    def __init__(self) -> None:
        self.pages: list[list[str]] = []
        self.refused: set[str] = set()
        self.fault: Exception | None = None
        self.put: list[str] = []

    def wanted(self, sink: str):
        """See `Backfill`."""
        return lambda encoded: encoded.id not in self.refused

    async def list_page(self, sink: str, *, place, takes):
        """See `Backfill`."""
        if self.fault is not None:
            raise self.fault
        number = int(place or 0)
        if number >= len(self.pages):
            return None
        made = [event(name) for name in self.pages[number]]
        entries = [
            Entry(event=one, encoded=encode(one), sinks=(sink,), routes=("all",))
            for one in made
        ]
        taken = [entry.event.id for entry in entries if takes(entry)]
        self.put += taken
        more = number + 1 < len(self.pages)
        return BackfillPage(
            resource="events",
            namespace="*",
            listed=len(made),
            queued=len(taken),
            oldest="2026-11-20T10:00:00Z" if taken else None,
            place=str(number + 1) if more else None,
        )


@dataclass
class World:
    """The parts of a process."""

    queue: SqliteQueue
    health: Health
    metrics: Metrics
    controls: dict[str, Sender]
    journal: Journal
    backfill: Lists
    config: dict[str, Any]
    origin: Origin = field(default_factory=lambda: Origin(cluster=UNNAMED))
    routes: list[RouteConfig] = field(default_factory=list)
    cursor: str | None = None
    said: Mapping[str, str] = field(default_factory=dict)

    def build_api(self, *, token: str | None = TOKEN, loopback: bool = True) -> FastAPI:
        """Return the API of this process."""
        api = _api(token=token, loopback=loopback)
        api.state.parts = self.context()
        return api

    def context(self, **given: Any) -> ApiContext:
        """Return what the API works on."""
        usual = {
            "store": DeliveryStore(
                queue=self.queue, journal=self.journal, health=self.health
            ),
            "metrics": self.metrics,
            "controls": self.controls,
            "backfill": self.backfill,
            "origin": self.origin,
            "sources": ["events"],
            "routes": self.routes,
            "describe_config": lambda: self.config,
            "check_config": lambda text: [f"{text.strip()} is wrong"] if text else [],
            "take_consent": self.take_consent,
        }
        return ApiContext(**(usual | given))

    def take_consent(self, sink: str, key: str, headers: Mapping[str, str]) -> bool:
        """Remember what was said, and believe whoever knows the key."""
        self.said = dict(headers)
        return (sink, key) == ("hook", "k3y")

    async def store(
        self, *names: str, sinks=("hook",), reason: str = "BackOff", routes=("all",)
    ) -> None:
        """Put events into the queue."""
        entries = [
            Entry(event=one, encoded=encode(one), sinks=sinks, routes=routes)
            for one in (event(name, reason) for name in names)
        ]
        await self.put(entries)

    async def put(self, entries: list[Entry]) -> None:
        """Put entries, and move the cursor by one."""
        to = str(int(self.cursor or 0) + 1)
        await self.queue.put(entries, scope=SCOPE, since=self.cursor, to=to)
        self.cursor = to

    async def reject(self, body: bytes) -> None:
        """Put an object that could not be converted."""
        raw = EncodedEvent(id="raw", body=body, data_offset=0)
        await self.put([Entry(event=None, encoded=raw, error="no such field")])

    async def deliver(self, sink: str = "hook") -> None:
        """Deliver all that waits."""
        leases = await self.queue.lease(sink, 100)
        for lease in leases:
            self.record(lease, ending="delivered", status=200, excerpt=b"thanks")
        await self.queue.settle([Delivered(lease=lease) for lease in leases])

    async def fail(self, sink: str = "hook", status: int = 503) -> None:
        """Make an attempt that fails for all that waits; they are tried in an hour."""
        leases = await self.queue.lease(sink, 100)
        for lease in leases:
            self.record(lease, ending="retry", status=status, reason="refused")
        due = time.time() + 3600
        await self.queue.settle([Retry(lease=lease, due=due) for lease in leases])

    def attempt(self, **given: Any) -> Attempt:
        """Return an attempt to deliver to hook that was a success."""
        usual = {
            "sink": "hook",
            "number": 1,
            "at": time.time(),
            "duration_seconds": 0.25,
            "ending": "delivered",
        }
        return Attempt(**(usual | given))

    def record(self, lease: Lease, *, ending: Ending, **more: Any) -> None:
        """Record an attempt, as a delivery does."""
        attempt = self.attempt(
            event=lease.kept,
            sink=lease.sink,
            number=lease.attempt,
            ending=ending,
            id=lease.event.id,
            **more,
        )
        self.journal.add(attempt)

    async def give_up(self, sink: str = "hook") -> None:
        """Make dead letters of all that waits."""
        leases = await self.queue.lease(sink, 100)
        for lease in leases:
            self.record(lease, ending="dead", status=400, reason="bad", excerpt=b"no")
        await self.queue.settle(
            [
                Dead(lease=lease, reason="refused", status=400, excerpt=b"no")
                for lease in leases
            ]
        )

    def counted(self, sink: str, outcome: str) -> float:
        """Return how many were purged or replayed."""
        tally = self.queue.tally(sink)
        return tally.purged if outcome == "purged" else tally.enqueued


@cache
def _api(*, token: str | None, loopback: bool) -> FastAPI:
    """Return an API without a process; FastAPI takes 50 ms to build one."""
    return create_api(
        cast("ApiContext", None),
        token=lambda: token,
        loopback=loopback,
        version="1.2.3",
    )


@asynccontextmanager
async def open_world(path: Path) -> AsyncIterator[World]:
    """Yield a process with two sinks and one reader, at the start of its life."""
    metrics = Metrics(version="1.2.3")
    opening = Journal.open(
        path.with_name("queue.db.journal"),
        settings=JournalConfig(),
        metrics=metrics,
    )
    opened = SqliteQueue.open(
        QueueConfig(path=path, maxSize="16MiB", keepSize="16MiB", reserve="0B")
    )
    async with opening as journal, opened as queue:
        for sink in ("hook", "spare"):
            await queue.open_sink(sink)
        health = Health(
            readers=[watching_reader()],
            sinks={name: SinkStatus(name=name) for name in ("hook", "spare")},
        )
        yield World(
            queue=queue,
            health=health,
            metrics=metrics,
            journal=journal,
            backfill=Lists(),
            controls={
                name: Sender(  # it does not run
                    sink=StdoutSink(name=name),
                    queue=queue,
                    concurrency=1,
                    policy=RetryPolicy(),
                    status=status,
                    metrics=metrics,
                )
                for name, status in health.sinks.items()
            },
            config={
                "sources": [{"name": "events"}],
                "sinks": [{"name": "hook"}, {"name": "spare"}],
                "routes": [],
            },
        )


def watching_reader() -> ReaderStatus:
    """Return the status of a reader that does well."""
    return ReaderStatus(
        sources=("events",),
        resource="events",
        namespace="shop",
        state="watching",
        started=True,
        resource_version="7",
        last_progress=datetime(2026, 1, 2, tzinfo=UTC),
    )
