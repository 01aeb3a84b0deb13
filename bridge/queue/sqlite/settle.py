"""Settle: what became of each lease.

Delivered counts even when its lease is lost, for the sink has the event; any other
outcome of a lost lease is void, because somebody else may be delivering it. All of it
is safe to repeat.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, assert_never

from bridge.queue import Dead, Delivered, Forward, Outcome, Released, Retry
from bridge.queue.sqlite import put as intake
from bridge.queue.sqlite import search, upkeep
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import micros
from bridge.queue.sqlite.commit import WriteJob
from bridge.queue.sqlite.sink_state import SinkBacklog, event_of
from bridge.queue.sqlite.store import SqliteStore, numbers

LINGER_SECONDS = 0.005
"""How long outcomes wait for others, so that many share a transaction."""

LAZY_SECONDS = 0.1
"""How long outcomes that nothing depends on wait for a put that takes them along.

After a crash they are delivered once more, with the same ids, as if the process had
died while they were under way.
"""

_EXCERPT_BYTES = 4096

DAMAGED: Final = "the stored bytes were damaged: their checksum is another one"
"""Why an event was not sent that is not what was put."""


@dataclass(slots=True, kw_only=True)
class Sorted:
    """The outcomes of one sink, by kind; events without an outcome left are void."""

    delivered: list[int] = field(default_factory=list)
    retried: list[Retry] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)

    def add(self, outcome: Outcome, backlog: SinkBacklog) -> None:
        """Put an outcome where it belongs."""
        handle = outcome.lease.handle
        match outcome:
            case Delivered():
                self.delivered.append(event_of(handle))
            case _ if not backlog.holds(handle):
                pass
            case Released():
                self.released.append(event_of(handle))
            case Retry():
                self.retried.append(outcome)
            case Dead():
                self.dead.append(outcome)
            case _:
                assert_never(outcome)


def recording(
    store: SqliteStore, outcomes: Sequence[Outcome], *, lazily: bool = False
) -> WriteJob:
    """Return the job that records the outcomes; made on the event loop.

    It lingers, unless nothing more can be leased for a sink before it is done; and if
    an order depends on it, not for long.
    """
    sinks = {outcome.lease.sink for outcome in outcomes}
    orderings = {store.backlog(sink).ordering for sink in sinks}
    if "sink" in orderings:
        seconds = 0.0
    else:
        is_lazy = lazily and orderings <= {"none"}
        seconds = LAZY_SECONDS if is_lazy else LINGER_SECONDS
    return WriteJob(
        kind="outcome",
        work=partial(settle, store, outcomes),
        linger_seconds=seconds,
        rows=len(outcomes),
    )


def settle(store: SqliteStore, outcomes: Iterable[Outcome]) -> bool:
    """Record the outcomes; return whether there was anything to write down."""
    wrote = False
    by_sink: dict[str, Sorted] = {}
    for outcome in outcomes:
        sink = outcome.lease.sink
        by_sink.setdefault(sink, Sorted()).add(outcome, store.backlog(sink))
    for sink, ended in by_sink.items():
        backlog = store.backlog(sink)
        if ended.delivered:
            _record_delivered(store, backlog, ended.delivered)
        if ended.retried:
            _record_retried(store, backlog, ended.retried)
        for dead in ended.dead:
            _record_dead(store, backlog, dead)
        if ended.released:
            store.after_commit(partial(backlog.give_back, ended.released))
        wrote = wrote or bool(ended.delivered or ended.retried or ended.dead)
    return wrote


def condemn(store: SqliteStore) -> WriteJob:
    """Return the job that makes dead letters of deliveries of damaged events."""
    leases, store.condemned = store.condemned, []
    outcomes = [Dead(lease=lease, reason=DAMAGED) for lease in leases]

    def work() -> None:
        settle(store, outcomes)
        events = {event_of(lease.handle) for lease in leases}
        store.execute(sql.CONDEMN, (numbers(events),))

    return WriteJob(kind="upkeep", work=work, rows=len(leases))


def _record_delivered(
    store: SqliteStore, backlog: SinkBacklog, events: Sequence[int]
) -> None:
    lost = [event for event in events if event not in backlog.leased]
    if lost:  # the tail may hold rows that end without a lease
        search.free_lanes_of(store, backlog, lost)
        store.after_commit(backlog.tail.forget)
    store.execute(sql.DELETE_DELIVERIES, (backlog.id, numbers(events)))
    store.totals.finish(backlog.id, store.connection.changes(), "delivered")
    upkeep.forget(store, events)
    store.after_commit(partial(backlog.end, events))


def _record_retried(
    store: SqliteStore, backlog: SinkBacklog, retries: Sequence[Retry]
) -> None:
    wall, after = store.clock.wall(), backlog.due_position[0] + 1
    rows = []
    for retry in retries:
        event = event_of(retry.lease.handle)
        due = max(micros(retry.due), after)
        delay = max(0, due - wall)
        first = backlog.leased[event].tryable
        rows.append((event, due, delay, retry.lease.attempt, first))
    store.execute(sql.DELAY_DELIVERIES, (backlog.id, json.dumps(rows)))
    events, due = [row[0] for row in rows], min(row[1] for row in rows)
    store.after_commit(partial(backlog.delay, events, due))


def _record_dead(store: SqliteStore, backlog: SinkBacklog, dead: Dead) -> None:
    event = event_of(dead.lease.handle)
    target = _target(store, dead.forward)
    if target is None:
        _keep_dead(store, backlog, dead, event)
    store.execute(sql.DELETE_DELIVERIES, (backlog.id, numbers([event])))
    count = store.connection.changes()
    store.totals.finish(backlog.id, count, "dead")
    store.after_commit(partial(backlog.end, [event]))
    if target is not None and dead.forward is not None and count:
        intake.forward(store, target, dead.forward.event, event)
        upkeep.forget(store, [event])


def _target(store: SqliteStore, forward: Forward | None) -> SinkBacklog | None:
    """Return where a dead letter goes; None: it stays where it is."""
    target = None if forward is None else store.backlogs.get(forward.sink)
    return target if target is not None and target.is_open else None


def _keep_dead(
    store: SqliteStore, backlog: SinkBacklog, dead: Dead, event: int
) -> None:
    bindings = (
        dead.reason,
        dead.status,
        dead.excerpt[:_EXCERPT_BYTES],
        dead.lease.attempt,
        store.clock.wall(),
        backlog.id,
        event,
    )
    store.execute(sql.INSERT_DEAD, bindings)
    store.totals.dead[backlog.id] += store.connection.changes()
