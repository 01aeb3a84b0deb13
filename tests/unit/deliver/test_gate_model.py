"""The states of a sink, step by step, against rules that hold in any order."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.deliver.gate import SinkGate
from bridge.deliver.limits import CircuitBreaker
from bridge.deliver.outcomes import RetryPolicy
from bridge.deliver.settings import BreakerConfig
from bridge.errors import PermanentSinkError
from bridge.health import SinkStatus
from bridge.metrics import Metrics
from bridge.queue import Gate, Queue
from tests.unit.deliver.scripted import ScriptedSink, error, paused

LIMITS = BreakerConfig(attempts=2, min="30s", max="100s")
FAULTS = {
    "refused": PermanentSinkError("400", reason="status"),
    "conflict": error(409, max_attempts=5),
    "failed": error(500),
    "rest": error(429),
    "long rest": error(503, retry_after_seconds=50.0),
    "paused": paused(),
}
STEPS = [*FAULTS, "taken", "stop", "resume", "restart", "minute"]


class Gates:
    """The part of a queue that keeps gates."""

    def __init__(self) -> None:
        self.now = 0.0
        self.gate_: Gate | None = None

    async def gate(self, _sink: str, gate: Gate | None) -> None:
        """See `Queue.gate`."""
        self.gate_ = gate

    async def gated(self, _sink: str) -> Gate | None:
        """See `Queue.gated`."""
        return self.gate_


@dataclass
class Machine:
    """A gate, and what may be said of it after any step."""

    queue: Gates = field(default_factory=Gates)
    status: SinkStatus = field(default_factory=lambda: SinkStatus(name="hook"))

    def __post_init__(self) -> None:
        """Build the first gate."""
        self.build()

    def build(self) -> None:
        """Begin a process."""
        self.status.state, self.status.reason = "active", ""
        self.gate = SinkGate(
            sink=ScriptedSink(),
            queue=cast("Queue", self.queue),
            policy=RetryPolicy(),
            breaker=CircuitBreaker(LIMITS, now=lambda: self.queue.now),
            status=self.status,
            metrics=Metrics(version="0"),
            now=lambda: self.queue.now,
            random=lambda: 0.5,
        )

    async def step(self, name: str, *, stale: bool) -> None:
        """Do one step; a stale one tells of an attempt before the last closing."""
        epoch = self.gate.epoch - stale
        match name:
            case "taken":
                if self.gate.opens_by_success(epoch):
                    await self.gate.after_success()
            case "stop":
                await self.gate.stop("moving")
            case "resume":
                await self.gate.resume()
            case "restart":
                self.build()
                await self.gate.restore()
            case "minute":
                self.queue.now += 60
            case _:
                await self.gate.after_failure(FAULTS[name], epoch)

    def check(self) -> None:
        """The queue holds what the status shows."""
        gate = self.queue.gate_
        kind = "active" if gate is None else gate.kind
        assert self.status.state == kind
        assert self.status.reason == ("" if gate is None else gate.reason)
        if gate is not None:
            assert (gate.until is None) == (kind == "stopped")
        if kind == "circuit-open":
            assert gate.until <= self.queue.now + 100


def allowed(before: str, name: str, *, stale: bool) -> set[str]:
    """Return the states to which a step may lead; written from the docs."""
    if name in {"restart", "minute"}:
        return {before}
    if name == "resume":
        return {"active"}
    if "stop" in name or before == "stopped":
        return {"stopped"}
    if name == "taken":
        return {before if stale and before != "paused" else "active"}
    return {before} | _closed_by(before, name)


def _closed_by(before: str, fault: str) -> set[str]:
    by_fault = {"rest": "resting", "long rest": "resting", "failed": "circuit-open"}
    if fault == "paused":
        return {"paused"}
    return {by_fault.get(fault, before) if before == "active" else before}


steps = st.lists(st.tuples(st.sampled_from(STEPS), st.booleans()), max_size=30)


@settings(max_examples=100, deadline=None)
@given(steps)
def test_no_order_of_answers_leads_to_a_state_that_is_not_drawn(script) -> None:
    """Whatever comes, at whatever time, also over restarts."""

    async def run() -> None:
        machine = Machine()
        for name, stale in script:
            before = machine.status.state
            await machine.step(name, stale=stale)
            machine.check()
            after = machine.status.state
            assert after in allowed(before, name, stale=stale)
            assert name not in {"rest", "long rest"} or after != "active"
            assert name != "paused" or after in {"paused", "stopped"}

    asyncio.run(run())
