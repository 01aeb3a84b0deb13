"""Decide whether a sink may be tried: a state machine that outlasts restarts.

::

    active ─503, 429──▶ resting ──────┐
      │ ──401, TLS …──▶ paused ───────┤ its time is over: one delivery is tried
      │ ──breaker─────▶ circuit-open ─┘ taken ──▶ active; failed ──▶ for longer
      └──an operator, 410──▶ stopped ────an operator──▶ active

An operator's stop wins over all, a pause over the other two. An attempt that began
before the gate was closed neither opens the gate nor counts.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, get_args

from bridge.deliver.limits import CircuitBreaker
from bridge.deliver.outcomes import RetryPolicy
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
        policy: RetryPolicy,
        breaker: CircuitBreaker | None,
        status: SinkStatus,
        metrics: Metrics,
        now: Callable[[], float],
        random: Callable[[], float],
    ) -> None:
        """Bind the parts; see `Sender`."""
        self._sink = sink
        self._queue = queue
        self._policy = policy
        self._breaker = breaker
        self._status = status
        self._paused = metrics.sink_paused.labels(sink.name)
        self._states = {
            state: metrics.sink_state.labels(sink.name, state)
            for state in get_args(SinkState)
        }
        self._openings = metrics.breaker_openings.labels(sink.name)
        self._now = now
        self._random = random
        self._fingerprint = ""
        self._until = 0.0
        self._rests = 0
        self._forgiven = ""
        self._is_retired = False
        self._log = get_logger(sink=sink.name)
        self._is_paused = asyncio.Event()
        self.is_held = asyncio.Event()
        """Set while the gate is closed."""

        self.epoch = 0
        """How often the gate was closed; an attempt belongs to that of its lease."""

    @property
    def is_open(self) -> bool:
        """Whether all deliveries may be tried; else a single one, once it is leased."""
        return self._status.state == "active"

    async def restore(self) -> None:
        """Take up the state that an earlier process left; try a paused sink at once."""
        gate = await self._queue.gated(self._sink.name)
        if gate is None:
            self._show("active", "", None)
            return
        self.epoch += 1
        self._until = gate.until or 0.0
        self._show(gate.kind, gate.reason, gate.until)
        self._rests = gate.count
        if gate.kind == "circuit-open" and self._breaker is not None:
            self._breaker.openings = gate.count
        if gate.kind == "paused":
            self._fingerprint = self._sink.fingerprint()
            await self._try_next()

    def retire(self) -> None:
        """Leave the gate to a successor; attempts move it no more."""
        self._is_retired = True

    async def stop(self, reason: str) -> None:
        """Try nothing until `resume`, also after a restart."""
        self._say(self._log.warning, "Sink stopped by an operator.", "stopped", reason)
        await self._close("stopped", None, reason)

    async def resume(self) -> bool:
        """Open the gate for an operator; return whether it was closed."""
        if self.is_open and await self._queue.gated(self._sink.name) is None:
            return False
        await self._open("Sink resumed by an operator.")
        return True

    async def try_now(self) -> bool:
        """Try one delivery at once; return whether there is anything to try.

        Not if an operator has stopped the sink, nor if nothing holds it back.
        """
        if self._status.state in {"active", "stopped"}:
            return False
        await self._try_next()
        return True

    async def after_success(self) -> None:
        """Let everything through again."""
        await self._open("Sink resumed.")

    async def _open(self, message: str) -> None:
        """Forget the failures."""
        self._say(self._log.info, message, "active", "")
        self._rests = 0
        self._forgiven = ""
        if self._breaker is not None:
            self._breaker.close()
        self._show("active", "", None)
        await self._queue.gate(self._sink.name, None)

    def opens_by_success(self, epoch: int) -> bool:
        """Note a 2xx; return whether the gate is to be opened for it."""
        state = self._status.state
        if self._is_retired:
            return False
        if state == "active":
            if self._breaker is not None:
                self._breaker.succeeded()
            return False
        if state == "paused":  # whenever it began: what had to be mended is
            return True
        return state != "stopped" and epoch == self.epoch

    def forgives(self, error: SinkError, event: str) -> bool:
        """Return whether the attempt, which failed, does not count for the event.

        A sink that is known to be down ages nothing. But the second time running for
        the same event it counts: it then waits, and another event is tried, for it
        might be the event that brings the sink down.
        """
        if self._status.state not in {"paused", "circuit-open"} or not _is_sinks(error):
            return False
        is_first = event != self._forgiven
        self._forgiven = event if is_first else ""
        return is_first

    async def after_failure(self, error: SinkError, epoch: int) -> None:
        """Close the gate if the error asks for it, or for longer if it was a trial."""
        state = self._status.state
        is_trial = state != "active" and epoch == self.epoch
        if state == "stopped" or self._is_retired:
            return
        if is_trial:
            await self._after_trial(error)
        elif isinstance(error, SinkPausedError):
            if state != "paused":
                await self._pause(error)
        elif state == "active":
            await self._after_attempt(error)
        elif state == "resting":
            await self._prolong(error)

    async def _after_attempt(self, error: SinkError) -> None:
        if not isinstance(error, TemporarySinkError) or not _is_sinks(error):
            return
        if error.scope == "sink":
            await self._rest(error)
        elif self._breaker is not None and self._breaker.failed():
            await self._trip(self._breaker, error)

    async def _after_trial(self, error: SinkError) -> None:
        if self._status.state == "paused" or isinstance(error, SinkPausedError):
            await self._pause(error)
        elif not _is_sinks(error):
            await self._try_next()
        elif self._status.state == "circuit-open" and self._breaker is not None:
            await self._trip(self._breaker, error)
        else:
            await self._rest(error)

    async def _rest(self, error: SinkError) -> None:
        """Let the sink rest as the retry policy decides, longer each time."""
        self._rests += 1
        seconds = self._policy.rest(self._rests, error, random=self._random)
        if self._status.state != "resting":
            self._say(
                self._log.warning, "Sink rests.", "resting", str(error), seconds=seconds
            )
        await self._close("resting", self._now() + seconds, str(error), self._rests)

    async def _prolong(self, error: SinkError) -> None:
        """Let the sink rest longer if another attempt under way is asked to."""
        until = self._now() + self._policy.asked(error)
        if until > self._until and _is_sinks(error):
            await self._close("resting", until, str(error), self._rests)

    async def _trip(self, breaker: CircuitBreaker, error: SinkError) -> None:
        seconds = max(breaker.open(), self._policy.asked(error))
        self._openings.inc()
        if self._status.state != "circuit-open":
            self._say(
                self._log.warning,
                "Sink circuit opened.",
                "circuit-open",
                str(error),
                seconds=seconds,
            )
        until = self._now() + seconds
        await self._close("circuit-open", until, str(error), breaker.openings)

    async def _pause(self, error: SinkError) -> None:
        if isinstance(error, SinkPausedError) and error.until_resumed:
            self._say(self._log.error, "Sink retired.", "stopped", str(error))
            await self._close("stopped", None, str(error))
            return
        if self._status.state != "paused":
            self._say(self._log.error, "Sink paused.", "paused", str(error))
            self._fingerprint = self._sink.fingerprint()
        until = self._now() + PAUSE_SECONDS * (0.9 + 0.2 * self._random())
        await self._close("paused", until, str(error))

    async def watch_fingerprint(self) -> None:
        """Try a paused sink at once when a secret or a setting of it changed."""
        while True:
            await self._is_paused.wait()
            await asyncio.sleep(LOOK_SECONDS)
            if self._status.state == "paused":
                await self._sink.refresh()
            is_paused = self._status.state == "paused"
            if is_paused and self._sink.fingerprint() != self._fingerprint:
                self._fingerprint = self._sink.fingerprint()
                await self._try_next()

    async def _try_next(self) -> None:
        """Have the next delivery tried at once: the gate is closed, its time over."""
        kind = self._status.state
        assert kind != "active"  # noqa: S101  # only asked of a closed gate
        breaker = self._breaker if kind == "circuit-open" else None
        count = self._rests if breaker is None else breaker.openings
        await self._write(kind, self._now(), self._status.reason, count)

    async def _close(
        self, kind: GateKind, until: float | None, reason: str, count: int = 0
    ) -> None:
        self.epoch += 1
        self._show(kind, reason, until)
        await self._write(kind, until, reason, count)

    async def _write(
        self, kind: GateKind, until: float | None, reason: str, count: int
    ) -> None:
        self._until = until or 0.0
        gate = Gate(until=until, kind=kind, reason=reason, count=count)
        await self._queue.gate(self._sink.name, gate)

    def _say(
        self,
        write: Callable[..., Any],
        message: str,
        state: SinkState,
        error: str,
        **fields: float,
    ) -> None:
        """Write that the state changes, from which one to which one, and why."""
        why = {"error": error} if error else {}
        write(message, before=self._status.state, state=state, **why, **fields)

    def _show(self, state: SinkState, reason: str, until: float | None) -> None:
        self._status.state = state
        self._status.reason = reason
        self._status.until = (
            None if until is None else datetime.fromtimestamp(until, UTC)
        )
        _mark(self.is_held, state != "active")
        _mark(self._is_paused, state == "paused")
        self._paused.set(state == "paused")
        for one, gauge in self._states.items():
            gauge.set(one == state)


def _mark(event: asyncio.Event, is_set: bool) -> None:
    if is_set:
        event.set()
    else:
        event.clear()


def _is_sinks(error: SinkError) -> bool:
    """Whether the sink failed: not the event, and no conflict about it.

    A 500 may be the event's fault, so it may have a limit. But it counts against the
    sink: a Knative Broker that is down answers it to every event.
    """
    if not isinstance(error, TemporarySinkError):
        return False
    has_limit = error.max_attempts is not None
    return not has_limit or error.status == HTTPStatus.INTERNAL_SERVER_ERROR
