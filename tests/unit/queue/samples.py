"""Entries, a clock that stands still, and a queue file to open again and again."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bridge.events import EncodedEvent
from bridge.queue import Entry, Gate, GateKind, Lease, Queue, Scope
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.queue import SqliteQueue

SCOPE = Scope(cluster="c-1", resource="events")
MIB = 1024 * 1024


@dataclass
class FakeClock:
    """Two clocks that a test moves; the wall clock may also be set back."""

    wall: float = 1_800_000_000.0
    steady: float = 1000.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.steady += seconds

    def now(self) -> float:
        """Return Unix seconds."""
        return self.wall

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self.steady


_SIZES = ("max_size", "keep", "keep_size", "reserve")


@dataclass
class QueueFile:
    """A file and how to open it."""

    path: Path
    clock: FakeClock | None = None
    kind: type[SqliteQueue] = SqliteQueue

    def open(self, **settings: Any) -> AbstractAsyncContextManager[SqliteQueue]:
        """Open it; settings that are not named are generous."""
        generous: dict[str, Any] = {
            "max_size": 64 * MIB,
            "keep": 3600.0,
            "keep_size": 16 * MIB,
            "reserve": MIB,
            "lock_timeout_seconds": 0.2,
        }
        if self.clock is not None:
            generous["now"] = self.clock.now
            generous["monotonic"] = self.clock.monotonic
        given = generous | settings
        sizes = {name: given.pop(name) for name in _SIZES}
        # Not validated: a test also opens with numbers that no document may have.
        written = QueueConfig.model_construct(path=self.path, **sizes)
        return self.kind.open(written, **given)


def encoded(name: str, size: int = 40, key: str | None = None) -> EncodedEvent:
    """Return an event of about that many bytes, which stays in order with its key."""
    head = b'{"id":"%s"' % name.encode()
    if key is not None:
        head += b',"partitionkey":"%s"' % key.encode()
    data = b'"%s"' % (b"x" * max(0, size - 20))
    body = b'%s,"data":%s}' % (head, data)
    return EncodedEvent(id=name, body=body, data_offset=len(body) - len(data) - 1)


def entry(
    name: str,
    *,
    sinks: Sequence[str] = ("hook",),
    size: int = 40,
    key: str | None = None,
    **more: Any,
) -> Entry:
    """Return an entry with an event of that id."""
    one = encoded(name, size, key)
    return Entry(event=None, encoded=one, sinks=tuple(sinks), **more)


def rejected(name: str, error: str = "no uid") -> Entry:
    """Return an entry of an object that could not be converted."""
    return Entry(event=None, encoded=encoded(name), error=error)


def closed(
    until: float | None, reason: str = "paused", kind: GateKind = "paused"
) -> Gate:
    """Return the gate of a sink that waits for its operator."""
    return Gate(until=until, kind=kind, reason=reason)


def knows(key: str, value: bytes | None) -> Entry:
    """Return an entry that only is to be remembered."""
    return Entry(event=None, encoded=None, remember=(key, value))


async def put(
    queue: Queue,
    *names: str,
    since: str | None = None,
    to: str | None = "1",
    scope: Scope = SCOPE,
    **more: Any,
) -> None:
    """Put one entry for each name."""
    make = partial(entry, **more)
    await queue.put([make(name) for name in names], scope=scope, since=since, to=to)


def ids(leases: Sequence[Lease]) -> list[str]:
    """Return the ids of leased events."""
    return [lease.event.id for lease in leases]


async def leased(queue: Queue, limit: int = 500, sink: str = "hook") -> list[str]:
    """Return the ids of what can be leased at once, which may be nothing.

    Nothing is timed: the outcome of nothing takes the next turn of the embedded queue,
    and with it everybody who waits for a lease.
    """
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(queue.lease(sink, limit), name="lease")
        await asyncio.sleep(0)
        await queue.settle([])
        await asyncio.sleep(0)
        asking.cancel()
    return [] if asking.cancelled() else ids(asking.result())
