"""Open sinks, keep their gates, and bound their waits."""

from dataclasses import dataclass, replace

from bridge.queue import Gate, Ordering
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import SECOND, micros
from bridge.queue.sqlite.order import MOST_MIXED
from bridge.queue.sqlite.sink_state import OnFull, SinkBacklog
from bridge.queue.sqlite.store import SqliteStore, numbers

_LONGEST_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The arguments of `Queue.open_sink`."""

    ordering: Ordering = "none"
    run: int = 1
    max_backlog: int | None = None
    on_full: OnFull = "block"


def open_sink(store: SqliteStore, sink: str, terms: Terms) -> None:
    """Have deliveries for this sink taken and handed out from now on.

    If they are to be in order by object, all rows have lanes (`search.assign_some`).
    """
    known = store.backlogs.get(sink)
    id_ = known.id if known else store.execute(sql.INSERT_SINK, (sink,)).get
    if known is None or known.saved_ordering != terms.ordering:
        store.execute(sql.SET_ORDERING, (terms.ordering, id_))
    leased = numbers([0, *(known.leased if known else ())])
    busy = store.rows(sql.LANES, (id_, leased))
    delayed = store.rows(sql.DELAYED_LANES, (id_, MOST_MIXED + 1))

    def opened() -> None:
        backlog = known or store.add_backlog(id_, sink)
        backlog.run = terms.run
        backlog.max_backlog = terms.max_backlog
        backlog.on_full = terms.on_full
        backlog.is_open = True
        backlog.saved_ordering = terms.ordering
        if backlog.ordering != terms.ordering:
            backlog.put_in_order(terms.ordering, busy, delayed)

    store.after_commit(opened)


def set_gate(store: SqliteStore, sink: str, gate: Gate | None) -> None:
    """Set or open the gate of a sink; at once, and written down with this job."""
    wall, steady = store.clock.wall(), store.clock.steady()
    store.backlog(sink).close_gate(gate, wall=wall, steady=steady)
    store.save_sinks()


def cap_waits(store: SqliteStore) -> None:
    """See at open that nothing waits for a clock that was set back meanwhile.

    No delivery is due later than its whole wait from now, an hour at most. How long a
    gate was to be closed is not known, but when something was last written is: if that
    is still to come, the clock was set back by so much at least.
    """
    wall = store.clock.wall()
    longest = micros(_LONGEST_SECONDS)
    for backlog in store.backlogs.values():
        store.execute(sql.CAP_DUE, (wall, longest, backlog.id))
        backlog.look_again()
    if any(_is_closed(backlog, wall) for backlog in store.backlogs.values()):
        known: int = store.execute(sql.LAST_KNOWN_TIME, (wall,)).get
        for backlog in store.backlogs.values():
            _advance_gate(store, backlog, max(0, known - wall))


def advance_waits(store: SqliteStore, lost: int) -> None:
    """See that nothing waits longer because the clock was set back at work.

    Args:
        store: The open file.
        lost: By how many microseconds.
    """
    wall = store.clock.wall()
    for backlog in store.backlogs.values():
        store.execute(sql.ADVANCE_DUE, (lost, backlog.id, wall))
        backlog.look_again()
        _advance_gate(store, backlog, lost)


def _is_closed(backlog: SinkBacklog, wall: int) -> bool:
    gate = backlog.gate
    return gate is not None and gate.until is not None and micros(gate.until) > wall


def _advance_gate(store: SqliteStore, backlog: SinkBacklog, lost: int) -> None:
    wall, steady = store.clock.wall(), store.clock.steady()
    gate = backlog.gate
    if gate is None or gate.until is None:
        return
    until = min(micros(gate.until) - lost, wall + micros(_LONGEST_SECONDS))
    if until < micros(gate.until):
        earlier = replace(gate, until=until / SECOND)
        backlog.close_gate(earlier, wall=wall, steady=steady)
