"""Whether a sink may be tried: open, waiting or paused. Kept over restarts."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from bridge.errors import SinkError, SinkPausedError, TemporarySinkError
from bridge.health import SinkState, SinkStatus
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue import Gate, GateKind, Queue
from bridge.sinks import Sink

PAUSE_SECONDS = 60.0
"""How long a paused sink rests between two tries of its oldest event, +-10 %."""

LOOK_SECONDS = 1.0
"""How often a paused sink is looked at for a new secret or setting."""


class SinkGate:
    """Opens and closes the queue's gate for one sink, and shows it in its status."""

    def __init__(
        self,
        *,
        sink: Sink,
        queue: Queue,
        status: SinkStatus,
        metrics: Metrics,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """Bind the parts; see `SinkDelivery`."""
        self._sink = sink
        self._queue = queue
        self._status = status
        self._gauge = metrics.sink_paused.labels(sink.name)
        self._now = now
        self._random = random
        self._fingerprint = ""
        self._log = get_logger(sink=sink.name)

    @property
    def is_paused(self) -> bool:
        """Whether only the oldest event may be tried."""
        return self._status.state == "paused"

    async def restore(self) -> None:
        """Take up the pause of an earlier process, and try the sink at once."""
        gate = await self._queue.gated(self._sink.name)
        if gate is not None and gate.kind == "paused":
            self._show("paused", gate.reason, self._now())
            self._fingerprint = self._sink.fingerprint()
            await self._close("paused", self._now(), gate.reason)

    async def after_success(self) -> None:
        """Resume: a 2xx ends any pause."""
        if self._status.state == "paused":
            self._log.info("Sink resumed.")
            self._show("open", "", None)
            await self._queue.gate(self._sink.name, None)

    async def after_failure(self, error: SinkError) -> None:
        """Close the gate where the error, or a pause that goes on, asks for it."""
        if isinstance(error, SinkPausedError) or self.is_paused:
            await self._pause(str(error))
        elif isinstance(error, TemporarySinkError) and error.scope == "sink":
            rest = error.retry_after_seconds or 0.0
            if rest > 0:
                until = self._now() + rest
                self._show("waiting", str(error), until)
                await self._close("waiting", until, str(error))

    def after_lease(self) -> None:
        """The queue hands out again, so the time to wait is over."""
        if self._status.state == "waiting":
            self._show("open", "", None)

    async def _pause(self, reason: str) -> None:
        if not self.is_paused:
            self._log.error("Sink paused.", error=reason)
            self._fingerprint = self._sink.fingerprint()
        until = self._now() + PAUSE_SECONDS * (0.9 + 0.2 * self._random())
        self._show("paused", reason, until)
        await self._close("paused", until, reason)

    async def watch_fingerprint(self) -> None:
        """Try a paused sink at once when a secret or a setting of it changed."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.is_paused and self._sink.fingerprint() != self._fingerprint:
                self._fingerprint = self._sink.fingerprint()
                await self._close("paused", self._now(), self._status.reason)

    async def _close(self, kind: GateKind, until: float, reason: str) -> None:
        gate = Gate(until=until, kind=kind, reason=reason)
        await self._queue.gate(self._sink.name, gate)

    def _show(self, state: SinkState, reason: str, until: float | None) -> None:
        self._status.state = state
        self._status.reason = reason
        self._status.until = (
            None if until is None else datetime.fromtimestamp(until, UTC)
        )
        self._gauge.set(state == "paused")
