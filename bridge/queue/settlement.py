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

from bridge.queue import (
    Dead,
    Delivered,
    Forward,
    Outcome,
    Released,
    Retry,
    intake,
    lanes,
    retention,
)
from bridge.queue import statements as sql
from bridge.queue.clock import micros
from bridge.queue.group import Job
from bridge.queue.outbox import Outbox, event_of
from bridge.queue.store import Store, numbers

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

    def add(self, outcome: Outcome, outbox: Outbox) -> None:
        """Put an outcome where it belongs."""
        handle = outcome.lease.handle
        match outcome:
            case Delivered():
                self.delivered.append(event_of(handle))
            case _ if not outbox.holds(handle):
                pass
            case Released():
                self.released.append(event_of(handle))
            case Retry():
                self.retried.append(outcome)
            case Dead():
                self.dead.append(outcome)
            case _:
                assert_never(outcome)


def recording(store: Store, outcomes: Sequence[Outcome]) -> Job:
    """Return the job that records the outcomes; made on the event loop.

    It lingers, unless nothing more can be leased for a sink before it is done.
    """
    sinks = {outcome.lease.sink for outcome in outcomes}
    is_awaited = any(store.outbox(sink).ordering == "sink" for sink in sinks)
    return Job(
        kind="outcome",
        work=partial(settle, store, outcomes),
        lingers=not is_awaited,
        rows=len(outcomes),
    )


def settle(store: Store, outcomes: Iterable[Outcome]) -> bool:
    """Record the outcomes; return whether there was anything to write down."""
    wrote = False
    by_sink: dict[str, Sorted] = {}
    for outcome in outcomes:
        sink = outcome.lease.sink
        by_sink.setdefault(sink, Sorted()).add(outcome, store.outbox(sink))
    for sink, ended in by_sink.items():
        outbox = store.outbox(sink)
        if ended.delivered:
            _record_delivered(store, outbox, ended.delivered)
        if ended.retried:
            _record_retried(store, outbox, ended.retried)
        for dead in ended.dead:
            _record_dead(store, outbox, dead)
        if ended.released:
            store.after_commit(partial(outbox.give_back, ended.released))
        wrote = wrote or bool(ended.delivered or ended.retried or ended.dead)
    return wrote


def condemn(store: Store) -> Job:
    """Return the job that makes dead letters of deliveries of damaged events."""
    leases, store.condemned = store.condemned, []
    outcomes = [Dead(lease=lease, reason=DAMAGED) for lease in leases]

    def work() -> None:
        settle(store, outcomes)
        events = {event_of(lease.handle) for lease in leases}
        store.execute(sql.CONDEMN, (numbers(events),))

    return Job(kind="upkeep", work=work, rows=len(leases))


def _record_delivered(store: Store, outbox: Outbox, events: Sequence[int]) -> None:
    lost = [event for event in events if event not in outbox.leased]
    lanes.free_lanes_of(store, outbox, lost)
    store.execute(sql.DELETE_DELIVERIES, (outbox.id, numbers(events)))
    store.totals.finish(outbox.id, store.connection.changes(), "delivered")
    retention.forget(store, events)
    store.after_commit(partial(outbox.end, events))


def _record_retried(store: Store, outbox: Outbox, retries: Sequence[Retry]) -> None:
    wall, after = store.clock.wall(), outbox.due_position[0] + 1
    rows = []
    for retry in retries:
        event = event_of(retry.lease.handle)
        due = max(micros(retry.due), after)
        delay = max(0, due - wall)
        first = outbox.leased[event].tryable
        rows.append((event, due, delay, retry.lease.attempt, first))
    store.execute(sql.DELAY_DELIVERIES, (outbox.id, json.dumps(rows)))
    store.after_commit(partial(outbox.end, [row[0] for row in rows]))
    store.after_commit(partial(outbox.expect, min(row[1] for row in rows)))


def _record_dead(store: Store, outbox: Outbox, dead: Dead) -> None:
    event = event_of(dead.lease.handle)
    target = _target(store, dead.forward)
    if target is None:
        _keep_dead(store, outbox, dead, event)
    store.execute(sql.DELETE_DELIVERIES, (outbox.id, numbers([event])))
    count = store.connection.changes()
    store.totals.finish(outbox.id, count, "dead")
    store.after_commit(partial(outbox.end, [event]))
    if target is not None and dead.forward is not None and count:
        intake.forward(store, target, dead.forward.event, event)
        retention.forget(store, [event])


def _target(store: Store, forward: Forward | None) -> Outbox | None:
    """Return where a dead letter goes; None: it stays where it is."""
    target = None if forward is None else store.outboxes.get(forward.sink)
    return target if target is not None and target.is_open else None


def _keep_dead(store: Store, outbox: Outbox, dead: Dead, event: int) -> None:
    bindings = (
        dead.reason,
        dead.status,
        dead.excerpt[:_EXCERPT_BYTES],
        dead.lease.attempt,
        store.clock.wall(),
        outbox.id,
        event,
    )
    store.execute(sql.INSERT_DEAD, bindings)
    store.totals.dead[outbox.id] += store.connection.changes()
