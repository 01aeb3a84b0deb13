"""Supervisor of senders: starts, replaces and stops them as the settings ask.

::

    apply ─┬─ equal ────▶ goes on: connections, tokens, breaker and rate stay
           ├─ new ──────▶ its sink is built, its sender starts
           └─ changed ──▶ retires, and drains for its grace time beside its successor
              or gone

A sender that drains and its successor use one queue, which gives each delivery to one
of them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.deliver.destinations import Destination
from bridge.deliver.limits import FairSlots
from bridge.deliver.outcomes import DeadLetterSink, RetryPolicy
from bridge.deliver.sender import Sender
from bridge.health import SinkStatus
from bridge.journal import Attempt
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue
from bridge.sinks import Sink

MOST_DRAINING: Final = 3
"""Senders of one sink that may drain at once; with one more the oldest is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTerms:
    """Settings that all senders share; others make all senders new.

    Attributes:
        grace_seconds: How long attempts under way may last once a sender is to stop.
        slots: Most attempts of all senders together; None: no bound.
        names: Names of the sinks that share the slots.
    """

    grace_seconds: float
    slots: int | None
    names: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class RunningSender:
    """A sender at work, and its sink.

    Attributes:
        destination: The settings that it was made from.
        sink: Its sink, which is closed when the sender has ended.
        sender: The sender.
        status: State of the sink, for probes and the API.
        stop: Set once nothing more is to be leased.
        task: The sender's task.
    """

    destination: Destination
    sink: Sink
    sender: Sender
    status: SinkStatus
    stop: asyncio.Event
    task: asyncio.Task[None]


class SenderSupervisor:
    """Runs one sender for each destination, all from one queue."""

    def __init__(
        self, *, queue: Queue, metrics: Metrics, tasks: asyncio.TaskGroup
    ) -> None:
        """Run no sender yet.

        Args:
            queue: The queue to deliver from.
            metrics: Counters of attempts and states.
            tasks: Runs the senders; one that fails ends all.
        """
        self._queue = queue
        self._metrics = metrics
        self._tasks = tasks
        self._shared: SharedTerms | None = None
        self._slots: FairSlots | None = None
        self._running: dict[str, RunningSender] = {}
        self._draining: list[RunningSender] = []
        self._record: Callable[[Attempt], None] = lambda _: None

    @property
    def senders(self) -> Mapping[str, Sender]:
        """The senders by the names of their sinks, in the order of the settings."""
        return {name: one.sender for name, one in self._running.items()}

    @property
    def sinks(self) -> Sequence[Sink]:
        """The sinks that events are delivered to, in the order of the settings."""
        return [one.sink for one in self._running.values()]

    @property
    def statuses(self) -> dict[str, SinkStatus]:
        """States of the sinks by their names."""
        return {name: one.status for name, one in self._running.items()}

    async def apply(
        self,
        destinations: Sequence[Destination],
        *,
        grace_seconds: float,
        slots: int | None,
        record: Callable[[Attempt], None],
    ) -> None:
        """Deliver to these destinations from now on, and to no others.

        A paused sink whose sender goes on is tried at once. If an error is raised the
        senders are as they were.

        Args:
            destinations: The sinks, each with a name of its own.
            grace_seconds: How long attempts under way may last after a sender's stop.
            slots: Most attempts to all sinks together; None: no bound.
            record: Takes each attempt of each event.

        Raises:
            ConfigError: A sink cannot be built.
            QueueError: The queue cannot be used.
        """
        names = tuple(one.name for one in destinations)
        shared = SharedTerms(
            grace_seconds=grace_seconds,
            slots=slots,
            names=() if slots is None else names,
        )
        kept = self._unchanged(destinations, shared)
        await self._open_in_queue(destinations)
        built = {one.name: one.build() for one in destinations if one.name not in kept}
        self._record = record
        if shared != self._shared:
            self._slots = None if slots is None else FairSlots(slots, sinks=names)
            self._shared = shared
        for name, running in self._running.items():
            if name not in kept:
                self._retire(running)
        self._running = {
            one.name: kept.get(one.name) or self._start(one, built[one.name])
            for one in destinations
        }
        self._metrics.forget_sinks_but(names)
        for running in kept.values():
            if running.status.state == "paused":
                await running.sender.try_now()

    async def drain(self) -> None:
        """Lease nothing more; return once all attempts have ended, or the grace time.

        When cancelled, attempts under way are cut, and go back to the queue.
        """
        for running in self._running.values():
            running.stop.set()
        try:
            await self._wait()
        except asyncio.CancelledError:
            await self.cut()
            raise

    async def cut(self) -> None:
        """End all senders at once; events under way go back to the queue."""
        for running in (*self._draining, *self._running.values()):
            running.task.cancel()
        await self._wait()

    async def _wait(self) -> None:
        running = [*self._draining, *self._running.values()]
        if tasks := [one.task for one in running if not one.task.done()]:
            await asyncio.wait(tasks)

    def _unchanged(
        self, destinations: Sequence[Destination], shared: SharedTerms
    ) -> dict[str, RunningSender]:
        """Return the senders that may go on as they are."""
        if shared != self._shared:
            return {}
        return {
            one.name: known
            for one in destinations
            if (known := self._running.get(one.name)) is not None
            and known.destination == one
        }

    async def _open_in_queue(self, destinations: Sequence[Destination]) -> None:
        """Have deliveries to these sinks put and leased, and name those left over."""
        for one in destinations:
            await self._queue.open_sink(
                one.name,
                ordering=one.ordering,
                run=one.run if one.ordering == "sink" else 1,
                max_backlog=one.settings.max_backlog,
                on_full=one.settings.on_full,
            )
        configured = {one.name for one in destinations}
        for name in await self._queue.sinks():
            if name in configured:
                continue
            if waiting := (await self._queue.depth(name)).waiting:
                get_logger().warning(
                    "Deliveries wait for a sink that is not configured.",
                    sink=name,
                    waiting=waiting,
                )

    def _start(self, destination: Destination, sink: Sink) -> RunningSender:
        settings, target = destination.settings, destination.settings.dead_letter_sink
        letters = target and DeadLetterSink(name=target, failed=destination.address)
        status = SinkStatus(name=destination.name)
        sender = Sender(
            sink=sink,
            queue=self._queue,
            concurrency=destination.concurrency,
            policy=RetryPolicy(retry=settings.retry, dead_letters=letters or None),
            status=status,
            metrics=self._metrics,
            breaker=settings.breaker_in_force,
            rate=settings.rate,
            batch=destination.batch,
            is_ordered=destination.ordering == "sink",
            slots=self._slots,
            record=self._note,
        )
        stop = asyncio.Event()
        assert self._shared is not None  # noqa: S101  # set by `apply`
        work = _run(sender, sink, stop, self._shared.grace_seconds)
        return RunningSender(
            destination=destination,
            sink=sink,
            sender=sender,
            status=status,
            stop=stop,
            task=self._tasks.create_task(work, name=f"deliver {destination.name}"),
        )

    def _note(self, attempt: Attempt) -> None:
        """Pass an attempt to the journal that is in use now."""
        self._record(attempt)

    def _retire(self, running: RunningSender) -> None:
        """Let a sender drain; it leaves the gate of its sink to its successor."""
        running.sender.retire()
        running.stop.set()
        self._draining = [one for one in self._draining if not one.task.done()]
        name = running.destination.name
        before = [one for one in self._draining if one.destination.name == name]
        for one in before[: 1 - MOST_DRAINING]:
            one.task.cancel()
        self._draining.append(running)


async def _run(
    sender: Sender, sink: Sink, stop: asyncio.Event, grace_seconds: float
) -> None:
    """Deliver until `stop` is set, then close the sink."""
    try:
        await sender.run(stop=stop, grace_seconds=grace_seconds)
    finally:
        await sink.aclose()
