"""When a sink may be tried: it is opened, it has a gate, and no wait is too long."""

from dataclasses import dataclass, replace

from bridge.queue import Gate, Ordering
from bridge.queue import statements as sql
from bridge.queue.clock import SECOND, micros
from bridge.queue.outbox import OnFull
from bridge.queue.store import Store, numbers

_LONGEST_BACKOFF_SECONDS = 600.0
_LONGEST_ASKED_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What `Queue.open_sink` says of a sink."""

    ordering: Ordering = "none"
    run: int = 1
    max_backlog: int | None = None
    on_full: OnFull = "block"


def open_sink(store: Store, sink: str, terms: Terms) -> None:
    """Have deliveries for this sink taken and handed out from now on.

    If they are to be in order by object, all rows have lanes (`lanes.assign_some`).
    """
    known = store.outboxes.get(sink)
    id_ = known.id if known else store.execute(sql.INSERT_SINK, (sink,)).get
    if known is None or known.saved_ordering != terms.ordering:
        store.execute(sql.SET_ORDERING, (terms.ordering, id_))
    leased = numbers([0, *(known.leased if known else ())])
    busy = store.rows(sql.LANES, (id_, leased))

    def opened() -> None:
        outbox = known or store.add_outbox(id_, sink)
        outbox.run = terms.run
        outbox.max_backlog = terms.max_backlog
        outbox.on_full = terms.on_full
        outbox.is_open = True
        outbox.saved_ordering = terms.ordering
        if outbox.ordering != terms.ordering:
            outbox.put_in_order(terms.ordering, busy)

    store.after_commit(opened)


def set_gate(store: Store, sink: str, gate: Gate | None) -> None:
    """Set or open the gate of a sink; at once, and written down with this job."""
    wall, steady = store.clock.wall(), store.clock.steady()
    store.outbox(sink).close_gate(gate, wall=wall, steady=steady)
    store.save_sinks()


def cap_waits(store: Store) -> None:
    """See that nothing waits for a clock that was set back.

    No delivery is due later than 10 minutes from now, or, if it was told to wait
    longer (Retry-After), than that long, an hour at most; no gate later than an hour.
    """
    wall, steady = store.clock.wall(), store.clock.steady()
    backoff, asked = micros(_LONGEST_BACKOFF_SECONDS), micros(_LONGEST_ASKED_SECONDS)
    for outbox in store.outboxes.values():
        store.execute(sql.CAP_DUE, (wall, backoff, asked, outbox.id))
        outbox.look_again()
        gate = outbox.gate
        if gate is None or gate.until is None:
            continue
        if micros(gate.until) > wall + asked:
            capped = replace(gate, until=(wall + asked) / SECOND)
            outbox.close_gate(capped, wall=wall, steady=steady)
