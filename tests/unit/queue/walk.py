"""What happens to a queue from outside: clocks, gates, other orders, restarts."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from math import inf
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from bridge.queue import Gate, GateKind, Ordering
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.model import RUN, Model
from tests.unit.queue.samples import FakeClock, QueueFile

SINKS = ("hook", "other")
ORDERINGS: tuple[Ordering, ...] = ("none", "object", "sink")
KINDS = ("resting", "paused", "circuit-open", "stopped")
sinks = st.sampled_from(SINKS)
orderings = st.sampled_from(ORDERINGS)


class Walk(RuleBasedStateMachine):
    """One queue, one model, and the world around them."""

    def __init__(self) -> None:
        """Prepare a folder in memory and a loop."""
        super().__init__()
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = Path(tempfile.mkdtemp(dir=memory))
        self.clock = FakeClock()
        self.model = Model()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.lives = 0
        self.file = QueueFile(path=self.folder / "0" / "queue.db", clock=self.clock)

    def run(self, coroutine):
        """Return what it gives."""
        return self.runner.run(coroutine)

    async def open(self) -> SqliteQueue:
        """Open the file and both sinks; what is due too late is due earlier now."""
        opening = self.file.open(keep=1e9)
        queue = await self.stack.enter_async_context(opening)
        for sink in SINKS:
            ordering = self.model.orderings[sink]
            await queue.open_sink(sink, ordering=ordering, run=RUN)
        return queue

    @initialize(first=orderings, second=orderings)
    def begin(self, first: Ordering, second: Ordering) -> None:
        """Open an empty queue."""
        self.model.orderings = {"hook": first, "other": second}
        self.queue = self.run(self.open())

    @rule(seconds=st.sampled_from([1.0, 10.0, 1790.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, leases expire."""
        self.clock.advance(seconds)
        self.tick()

    @rule(seconds=st.sampled_from([30.0, 3000.0, 86400.0]))
    def set_back(self, seconds: float) -> None:
        """The wall clock loses time: every wait ends when it would have ended."""
        self.model.latest = max(self.model.latest, self.clock.wall)
        for row in self.model.waiting.values():
            row.was_due = row.was_due or row.due <= self.clock.wall
        self.clock.wall -= seconds
        self.tick()
        self.model.advance(seconds, now=self.clock.wall)

    def tick(self) -> None:
        """Have the queue look at its clocks."""
        self.queue._writer._tick()
        self.run(self.queue.settle([]))
        self.model.drop_leases(self.clock.steady)

    @rule(
        sink=sinks,
        kind=st.sampled_from(KINDS),
        seconds=st.sampled_from([-1.0, 20.0, 5000.0]),
    )
    def close_gate(self, sink: str, kind: GateKind, seconds: float) -> None:
        """Close a gate of any kind; that of our operator stays until it is opened."""
        until = None if kind == "stopped" else self.clock.wall + seconds
        self.run(self.queue.gate(sink, Gate(until=until, kind=kind, reason="no")))
        self.model.gates[sink] = inf if until is None else until
        self.model.earliest[sink] = self.model.gates[sink]

    @rule(sink=sinks)
    def open_gate(self, sink: str) -> None:
        """Let deliveries through."""
        self.run(self.queue.gate(sink, None))
        self.model.gates.pop(sink, None)
        self.model.earliest.pop(sink, None)

    @rule(sink=sinks, ordering=orderings)
    def reorder(self, sink: str, ordering: Ordering) -> None:
        """A sink asks for another order, with leases out."""
        if self.model.orderings[sink] != ordering:
            for (owner, _), row in self.model.waiting.items():
                if owner == sink:
                    row.was_due = row.was_due or row.has_returned
                    row.has_returned = False
        self.model.orderings[sink] = ordering
        self.run(self.queue.open_sink(sink, ordering=ordering, run=RUN))

    @rule(is_kill=st.booleans(), first=orderings, second=orderings)
    def restart(self, is_kill: bool, first: Ordering, second: Ordering) -> None:
        """Close the file, or take what a kill would leave of it, and open it again."""
        self.lives += 1
        copy = self.folder / str(self.lives) / "queue.db"
        copy.parent.mkdir()
        if is_kill:
            _copy(self.file.path, copy)
        self.run(self.stack.aclose())
        if is_kill:
            self.file = QueueFile(path=copy, clock=self.clock)
        self.model.drop_leases(float("inf"))
        self.model.lost.clear()
        for row in self.model.waiting.values():
            row.has_returned = row.was_due = False
        self.model.orderings = {"hook": first, "other": second}
        self.model.latest = max(self.model.latest, self.clock.wall)
        self.model.cap(now=self.clock.wall)
        self.queue = self.run(self.open())


def _copy(path: Path, copy: Path) -> None:
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
