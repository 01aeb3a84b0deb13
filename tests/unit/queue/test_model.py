"""The queue against a model of a few dictionaries, by random walks.

Put, lease, settle, forward, expiry, replay, purge, gates, clocks that jump, restarts,
kills, sinks that ask for another order: after each step the queue and the model must
count the same, and what is leased must be what the model says may be leased. So there
are never two leases in one lane, and what is leased is the oldest of its lane.
"""

import asyncio
import shutil

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from bridge.errors import StaleCursorError
from bridge.queue import Dead, Delivered, Forward, Lease, Released, Retry
from bridge.queue.sqlite.lease import LEASE_SECONDS
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.model import LONGEST_SECONDS, Row, key_of
from tests.unit.queue.samples import SCOPE, encoded, entry
from tests.unit.queue.walk import SINKS, Walk, sinks

MANY = 12


class QueueMachine(Walk):
    """What readers, senders and operators do."""

    @rule(routes=st.lists(st.sets(sinks), min_size=1, max_size=6), stale=st.booleans())
    def put(self, routes: list[set[str]], stale: bool) -> None:
        """Put some events, or fail to with a wrong cursor."""
        model = self.model
        names = [str(model.events + number) for number in range(len(routes))]
        entries = [
            entry(name, sinks=tuple(route), key=key_of(name))
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
        doubtful = self.model.doubtful(sink, self.clock.wall)
        leases = self.run(_lease(self.queue, sink, limit, bool(free)))
        assert bool(leases) == bool(free) or (leases and doubtful)
        assert len(leases) <= limit
        if self.model.orderings[sink] == "sink" and not doubtful:
            assert [lease.event.id for lease in leases] == list(free)[:limit]
        for lease in leases:
            row = (free | doubtful)[lease.event.id]
            assert (row.lease, lease.attempt) == (None, row.attempts + 1)
            row.lease, row.until = lease, self.clock.steady + LEASE_SECONDS
            row.has_returned = row.was_due = False

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
        kinds = st.sampled_from(["delivered", "retry", "released", "dead", *SINKS])
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
        if kind == "dead":
            self.model.dead.append(key)
            return Dead(lease=lease, reason="no")
        name = str(self.model.events)
        self.model.events += 1
        self.model.waiting[kind, name] = Row(due=self.clock.wall)
        event = encoded(name, key=key_of(name))
        return Dead(lease=lease, reason="no", forward=Forward(sink=kind, event=event))

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

    @precondition(lambda self: len(self.model.waiting) > MANY)
    @rule(sink=sinks)
    def purge(self, sink: str) -> None:
        """End all that waits for a sink, leased or not."""
        keys = [key for key in self.model.waiting if key[0] == sink]
        assert self.run(self.queue.purge(sink, None)) == len(keys)
        for key in keys:
            del self.model.waiting[key]

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

    @rule(sink=sinks, limit=st.integers(1, 3))
    def work(self, sink: str, limit: int) -> None:
        """Lease, and deliver what was leased."""
        held = [lease.handle for lease in self.model.held()]
        self.lease(sink, limit)
        self.deliver([one for one in self.model.held() if one.handle not in held])

    def deliver(self, leases: list[Lease]) -> None:
        """Deliver what is leased."""
        for lease in leases:
            self.model.waiting.pop((lease.sink, lease.event.id))
        self.run(self.queue.settle([Delivered(lease=lease) for lease in leases]))

    def drain(self) -> None:
        """Nothing is stuck: once all gates are open, all that waits can be leased."""
        self.clock.advance(3 * LONGEST_SECONDS)
        self.tick()
        for sink in self.model.orderings:
            self.open_gate(sink)
            for _ in range(len(self.model.waiting)):
                if self.model.free(sink, self.clock.wall):
                    self.work(sink, 3)
        assert not self.model.waiting

    def teardown(self) -> None:
        """Leave nothing behind."""
        if self.model.orderings:
            self.drain()
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


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestQueueMachine.pytestmark = [pytest.mark.timeout(60)]
