"""Log dead letters, and sinks that stay down.

A line for each dead letter would bury the log in a storm of them, so some are counted
instead. A sink that stays down is logged again, at growing intervals.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from bridge.deliver.gate import LOOK_SECONDS
from bridge.events import EncodedEvent
from bridge.events.encode import attributes
from bridge.health import SinkState, SinkStatus
from bridge.logs import Rationed, get_logger
from bridge.queue import Dead, Queue

FIRST_REMINDER_SECONDS: Final = 60.0
"""How long a sink is down before it is logged again; then twice as long, …"""

LONGEST_REMINDER_SECONDS: Final = 3600.0
"""… up to this."""

_HINTS: Final[Mapping[SinkState, str]] = {
    "resting": "nothing to do: it is tried again when its rest is over",
    "circuit-open": "nothing to do here: mend the sink, it is tried again by itself",
    "paused": "mend what the error names; it is tried again by itself",
    "stopped": "`kubebridge sinks resume {name}` lets it have its events",
}


class DeadLetterLog:
    """Logs deliveries that were given up, and why."""

    def __init__(self, *, sink: str, now: Callable[[], float]) -> None:
        """Report about `sink`; `now` gives seconds that never go back."""
        log = get_logger(sink=sink)
        self._is_new = asyncio.Event()
        self._kept = Rationed(log.error, "Delivery became a dead letter.", now=now)
        self._forwarded = Rationed(
            log.warning, "Delivery became a dead letter, sent to another sink.", now=now
        )

    def say(self, dead: Dead) -> None:
        """Log one delivery that was given up."""
        if dead.forward is None:
            self._kept.say(lambda: _fields(dead))
        else:
            to = dead.forward.sink
            self._forwarded.say(lambda: {**_fields(dead), "to": to})
        self._is_new.set()

    async def run(self) -> None:
        """Log how many were only counted, when that is due, until cancelled."""
        while True:
            await self._is_new.wait()
            self._is_new.clear()
            while self._kept.is_counting or self._forwarded.is_counting:
                await asyncio.sleep(LOOK_SECONDS)
                self._kept.flush()
                self._forwarded.flush()


class Reminder:
    """Logs a sink that stays down: since when, how much waits, and what to do."""

    def __init__(
        self,
        *,
        status: SinkStatus,
        queue: Queue,
        is_held: asyncio.Event,
        now: Callable[[], float],
    ) -> None:
        """Bind the parts.

        Args:
            status: Of the sink.
            queue: Knows what waits.
            is_held: Set while the sink is down.
            now: Unix seconds.
        """
        self._status = status
        self._queue = queue
        self._is_held = is_held
        self._now = now
        self._since: float | None = None
        self._next = self._interval = 0.0
        self._log = get_logger(sink=status.name)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self._is_held.wait()
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        now = self._now()
        if self._status.state == "active":
            self._since = None
        elif self._since is None:
            self._since, self._interval = now, FIRST_REMINDER_SECONDS
            self._next = now + self._interval
        elif now >= self._next:
            await self._remind(self._since)
            self._interval = min(2 * self._interval, LONGEST_REMINDER_SECONDS)
            self._next = now + self._interval

    async def _remind(self, since: float) -> None:
        status = self._status
        depth = await self._queue.depth(status.name)
        said = {} if status.until is None else {"next_try": _text(status.until)}
        self._log.warning(
            "Sink is still held back.",
            state=status.state,
            since=_text(datetime.fromtimestamp(since, UTC)),
            waiting=depth.waiting,
            **said,
            reason=status.reason,
            hint=_HINTS[status.state].format(name=status.name),
        )


def _fields(dead: Dead) -> dict[str, object]:
    fields: dict[str, object] = {"id": dead.lease.event.id, **_about(dead.lease.event)}
    fields |= {"reason": dead.reason, "attempts": dead.lease.attempt}
    return fields if dead.status is None else fields | {"status": dead.status}


def _about(event: EncodedEvent) -> dict[str, object]:
    """Return type and subject, as far as they can be read."""
    try:
        known = attributes(event)
    except (ValueError, TypeError):
        return {}
    return {name: known[name] for name in ("type", "subject") if name in known}


def _text(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
