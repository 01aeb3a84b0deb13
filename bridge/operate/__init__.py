"""OPERATE: what an operator asks of a running bridge, or of a configuration.

::

    find       deliveries, dead letters and stored events, page by page
    replay     deliver them again, or end them, in steps of a bounded time
    backfill   deliver what the API server still holds
    probe      send one event to a sink
    doctor     compare a configuration with its cluster
    rbac       the permissions that a configuration needs

The API and the command line are faces of this folder. Each function takes what it needs
as arguments: no part of it knows the configuration file, HTTP or a terminal.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Literal

from bridge.errors import NotFoundError
from bridge.events import EncodedEvent
from bridge.health import Health
from bridge.journal.journal import Journal
from bridge.queue import Queue

__all__ = ["READERS_AT_ONCE", "Delivery", "DeliveryStore", "Place", "State"]

READERS_AT_ONCE = 2
"""Requests that look through rows at a time; others wait until one is done."""

State = Literal["waiting", "delivered", "dead"]
"""How far a delivery has come; ``dead``: it was given up, and is a dead letter."""

Place = Literal["kept", "waiting", "delivered", "dead"]
"""Which rows are read: every stored event, or the deliveries in one state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An event on its way to one sink, as far as it is known.

    A row of the stored events has the same form, without a state and a sink.

    Attributes:
        place: Position in a list; a later page goes on after it.
        handle: Name for `Queue.enqueue` and `Queue.purge`: that of the dead letter, or
            of the event.
        state: How far it has come; None: a stored event, or an attempt that was not
            the last.
        event: Handle of the event.
        sink: Name of the sink; None: an object that could not be converted, or a
            stored event.
        id: The event's own id; empty: forgotten.
        encoded: The event, as far as it was read; None: not read, or not stored any
            more.
        stored: When the event entered the queue; None: forgotten.
        entered: When the delivery came to this state.
        routes: Names of the routes that chose the sinks.
        attempts: Number of attempts made.
        due: When the next attempt may start; None: at once, or never.
        status: HTTP status of the last attempt; None: no answer, or forgotten.
        reason: Why the last attempt failed, in one word; empty: it did not, or
            forgotten.
        text: The same as a sentence; empty: forgotten.
        at: When the last attempt ended; None: there was none, or forgotten.
        waiting: Of a stored event: the sinks for which it waits.
        size_bytes: Of a stored event: length of its structured form.
    """

    place: str
    handle: str
    state: State | None
    event: str
    sink: str | None
    id: str
    encoded: EncodedEvent | None
    stored: datetime | None
    entered: datetime
    routes: tuple[str, ...] = ()
    attempts: int = 0
    due: datetime | None = None
    status: int | None = None
    reason: str = ""
    text: str = ""
    at: datetime | None = None
    waiting: tuple[str, ...] = ()
    size_bytes: int = 0

    @property
    def is_event(self) -> bool:
        """Whether an event can be delivered: not an object that was not converted."""
        return self.state != "dead" or self.sink is not None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryStore:
    """Holds the queue and the journal, in which deliveries are found.

    Attributes:
        queue: What waits, was given up, or is kept.
        journal: What became of attempts.
        health: Names the configured sinks.
        now: Returns the time.
        monotonic: Returns seconds that never go back.
        reading: Bounds how many requests look through rows at a time, and so the
            memory that they hold.
    """

    queue: Queue
    journal: Journal
    health: Health
    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    reading: asyncio.Semaphore = field(
        default_factory=partial(asyncio.Semaphore, READERS_AT_ONCE)
    )

    def require_sink(self, name: str) -> None:
        """Pass if the running configuration has a sink.

        Raises:
            NotFoundError: It has none of this name.
        """
        if name not in self.health.sinks:
            raise unknown_sink(name)

    async def sinks(self) -> list[str]:
        """Return the configured sinks, then those that only have rows left."""
        configured = self.health.sinks
        stored = await self.queue.sinks()
        return [*configured, *sorted(set(stored) - set(configured))]


def unknown_sink(name: str) -> NotFoundError:
    """Return the error about a sink that does not exist."""
    return NotFoundError(f"no such sink: {name}")
