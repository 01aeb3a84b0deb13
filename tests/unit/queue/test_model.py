"""The queue against a model of a few dictionaries, by random walks.

Put, lease, settle, expiry, replay, purge, gates, clocks that jump, restarts and kills:
after each step the queue and the model must count the same, and what is leased must be
what the model says may be leased.
"""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from bridge.errors import StaleCursorError
from bridge.queue import Dead, Delivered, Lease, Released, Retry
from bridge.queue.sqlite import SqliteQueue
from tests.unit.queue.model import Model, Row
from tests.unit.queue.samples import SCOPE, FakeClock, QueueFile, closed, entry

SINKS = ("hook", "other")
LEASE_SECONDS = 300.0
BACKOFF_SECONDS, ASKED_SECONDS = 600.0, 3600.0
sinks = st.sampled_from(SINKS)


class QueueMachine(RuleBasedStateMachine):
    """One queue, one model, one walk."""

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
        opening = self.file.open(keep_seconds=1e9, lease_seconds=LEASE_SECONDS)
        queue = await self.stack.enter_async_context(opening)
        for sink in SINKS:
            await queue.open_sink(sink)
        return queue

    @initialize()
    def begin(self) -> None:
        """Open an empty queue."""
        self.queue = self.run(self.open())

    @rule(routes=st.lists(st.sets(sinks), max_size=6), stale=st.booleans())
    def put(self, routes: list[set[str]], stale: bool) -> None:
        """Put some events, or fail to with a wrong cursor."""
        model = self.model
        names = [str(model.events + number) for number in range(len(routes))]
        entries = [
            entry(name, sinks=tuple(route))
            for name, route in zip(names, routes, strict=True)
        ]
        to = str(model.events + len(routes))
        since = "wrong" if stale else model.cursor
        try:
            self.run(self.queue.put(entries, scope=SCOPE, since=since, to=to))
        except StaleCursorError:
            assert stale
            return
        assert not stale
        model.events, model.cursor = model.events + len(routes), to
        for name, route in zip(names, routes, strict=True):
            for sink in route:
                model.waiting[sink, name] = Row(due=self.clock.wall)

    @rule(sink=sinks, limit=st.integers(1, 5))
    def lease(self, sink: str, limit: int) -> None:
        """Lease what the model says is there; else nothing comes."""
        self.clock.advance(0.001)  # what was due before comes before what is due now
        free = self.model.free(sink, self.clock.wall)
        leases = self.run(_lease(self.queue, sink, limit, bool(free)))
        assert bool(leases) == bool(free)
        assert len(leases) <= limit
        for lease in leases:
            row = free.pop(lease.event.id)
            assert lease.attempt == row.attempts + 1
            row.lease, row.until = lease, self.clock.steady + LEASE_SECONDS
            row.has_returned = False

    @precondition(lambda self: self.model.held())
    @rule(data=st.data(), delay=st.sampled_from([0.0, 5.0, 400.0, 2000.0, 9000.0]))
    def settle(self, data: st.DataObject, delay: float) -> None:
        """Record some outcomes."""
        leases = data.draw(
            st.lists(
                st.sampled_from(self.model.held()),
                min_size=1,
                max_size=4,
                unique_by=lambda lease: (lease.sink, lease.event.id),
            )
        )
        kinds = st.sampled_from(["delivered", "retry", "released", "dead"])
        outcomes = [
            self.outcome(lease, data.draw(kinds), self.clock.wall + delay)
            for lease in leases
        ]
        self.run(self.queue.settle(outcomes))

    def outcome(
        self, lease: Lease, kind: str, due: float
    ) -> Delivered | Retry | Released | Dead:
        """Do to the model what the outcome says, and return it."""
        key = lease.sink, lease.event.id
        row = self.model.waiting[key]
        row.lease = None
        match kind:
            case "delivered":
                del self.model.waiting[key]
                return Delivered(lease=lease)
            case "retry":
                row.attempts, row.due = lease.attempt, due
                row.delay = due - self.clock.wall
                return Retry(lease=lease, due=due)
            case "released":
                row.has_returned = True
                return Released(lease=lease)
        del self.model.waiting[key]
        self.model.dead.append(key)
        return Dead(lease=lease, reason="no")

    @precondition(lambda self: self.model.lost)
    @rule(data=st.data(), delivered=st.booleans())
    def settle_lost(self, data: st.DataObject, delivered: bool) -> None:
        """Delivered wins over a lost lease, any other outcome of it is void."""
        lease = data.draw(st.sampled_from(self.model.lost))
        key = lease.sink, lease.event.id
        if not delivered:
            self.run(self.queue.settle([Retry(lease=lease, due=0.0)]))
            return
        self.run(self.queue.settle([Delivered(lease=lease)]))
        self.model.waiting.pop(key, None)

    @rule(seconds=st.sampled_from([1.0, 10.0, 290.0, 700.0, 4000.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, leases expire."""
        self.clock.advance(seconds)
        self.tick()

    @rule(seconds=st.sampled_from([30.0, 3000.0, 86400.0]))
    def set_back(self, seconds: float) -> None:
        """The wall clock loses time: nothing waits for it to come again."""
        self.clock.wall -= seconds
        self.tick()
        self.cap()

    def tick(self) -> None:
        """Have the queue look at its clocks."""
        self.queue._writer._tick()
        self.run(self.queue.settle([]))
        self.model.drop_leases(self.clock.steady)

    def cap(self) -> None:
        """Shorten what is due too late."""
        now = self.clock.wall
        for row in self.model.waiting.values():
            longest = 0.0
            if row.delay is not None:
                longest = min(max(row.delay, BACKOFF_SECONDS), ASKED_SECONDS)
            row.due = min(row.due, now + longest)
        for sink, until in self.model.gates.items():
            self.model.gates[sink] = min(until, now + ASKED_SECONDS)

    @rule(sink=sinks, seconds=st.sampled_from([None, -1.0, 20.0, 5000.0]))
    def gate(self, sink: str, seconds: float | None) -> None:
        """Close or open a gate."""
        until = None if seconds is None else self.clock.wall + seconds
        self.run(self.queue.gate(sink, None if until is None else closed(until)))
        self.model.gates.pop(sink, None)
        if until is not None:
            self.model.gates[sink] = until

    @precondition(lambda self: self.model.events)
    @rule(data=st.data(), sink=sinks)
    def replay(self, data: st.DataObject, sink: str) -> None:
        """Deliver kept events anew, those that still wait excepted."""
        numbers = st.integers(1, self.model.events)
        chosen = data.draw(st.sets(numbers, min_size=1, max_size=3))
        count = self.run(self.queue.enqueue(sink, [f"e{number}" for number in chosen]))
        keys = {(sink, str(number - 1)) for number in chosen}
        fresh = keys - self.model.waiting.keys()
        assert count == len(fresh)
        for key in fresh:
            self.model.waiting[key] = Row(due=self.clock.wall, delay=0.0)

    @rule(sink=sinks)
    def purge(self, sink: str) -> None:
        """End all that waits for a sink."""
        keys = [key for key in self.model.waiting if key[0] == sink]
        assert self.run(self.queue.purge(sink, None)) == len(keys)
        for key in keys:
            del self.model.waiting[key]

    @rule(is_kill=st.booleans())
    def restart(self, is_kill: bool) -> None:
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
            row.has_returned = False
        self.cap()
        self.queue = self.run(self.open())

    @invariant()
    def agree(self) -> None:
        """Count the same, and know the same cursor."""
        assert self.run(self.queue.cursor(SCOPE)) == self.model.cursor
        for sink in SINKS:
            depth = self.run(self.queue.depth(sink))
            rows = [row for (own, _), row in self.model.waiting.items() if own == sink]
            assert depth.waiting == len(rows)
            assert depth.leased == sum(row.lease is not None for row in rows)
            assert depth.dead == sum(owner == sink for owner, _ in self.model.dead)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.run(self.stack.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)


async def _lease(
    queue: SqliteQueue, sink: str, limit: int, is_expected: bool
) -> list[Lease]:
    try:
        async with asyncio.timeout(5.0 if is_expected else 0.01):
            return list(await queue.lease(sink, limit))
    except TimeoutError:
        return []


def _copy(path: Path, copy: Path) -> None:
    for suffix in ("", "-wal"):
        shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestQueueMachine.pytestmark = []
