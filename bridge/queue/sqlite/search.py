"""Find the rows to hand out next, and the lanes that rows are in.

Of a sink in order by object only heads of lanes that are not busy (see `order`). A
search looks at a bounded number of rows; if it ends before it has seen all, the next
one goes on where it ended. Nothing is handed out here.
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from bridge.events import EncodedEvent
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.order import Order, lane_of
from bridge.queue.sqlite.sink_state import DeliveryRow, RowKey, SinkBacklog
from bridge.queue.sqlite.store import SqliteStore, numbers

LEAST_ROWS = 64
"""Rows that are looked at in one step, if not more are wanted."""


class Fresh(NamedTuple):
    """Fresh rows that can be handed out; `end` is the last event that was looked at."""

    keys: Sequence[DeliveryRow | RowKey]
    end: int


class Delayed(NamedTuple):
    """Delayed rows that can be handed out.

    `end` is the last place that was looked at, and nothing after it is due before
    `next_due`; None: nothing is there.
    """

    keys: Sequence[RowKey]
    end: tuple[int, int]
    next_due: int | None


def find_returned(
    store: SqliteStore, backlog: SinkBacklog, events: Sequence[int]
) -> list[RowKey]:
    """Return the rows of returned leases that have neither ended nor to wait."""
    order = backlog.order
    statement = sql.RETURNED if order is None else sql.RETURNED_HEADS
    found = [
        RowKey(*row) for row in store.rows(statement, (backlog.id, numbers(events)))
    ]
    return found if order is None else [key for key in found if _is_free(order, key)]


def find_delayed(
    store: SqliteStore, backlog: SinkBacklog, limit: int, wall: int
) -> Delayed:
    """Return delayed rows that are due, in that order."""
    if backlog.next_due is None or backlog.next_due > wall:
        return Delayed([], backlog.due_position, backlog.next_due)
    order = backlog.order
    most = limit + 1 if order is None else max(limit + 1, LEAST_ROWS)
    statement = sql.DELAYED if order is None else sql.DELAYED_HEADS
    rows = store.rows(statement, (backlog.id, *backlog.due_position, most))
    due = [row for row in rows if row[1] <= wall]
    keys = [RowKey(*row[:5]) for row in due if not backlog.is_held(row[0])]
    if order is not None:
        heads = {row[0] for row in due if row[5]}
        keys = [key for key in keys if key.event in heads and _is_free(order, key)]
    end = (due[-1][1], due[-1][0]) if due else backlog.due_position
    beyond = rows[len(due)][1] if len(due) < len(rows) else 0
    return Delayed(keys, end, beyond if beyond or len(rows) == most else None)


def find_fresh(backlog: SinkBacklog, limit: int) -> Fresh:
    """Return fresh rows that are in memory, in the order of their events."""
    rows = backlog.tail.first(limit)
    return Fresh(rows, rows[-1].event if rows else backlog.position)


def find_fresh_heads(
    store: SqliteStore, backlog: SinkBacklog, order: Order, limit: int
) -> Fresh:
    """Return those of the fresh rows in memory that are heads of lanes not busy."""
    rows = backlog.tail.first(max(limit, LEAST_ROWS))
    heads = _mixed_heads(store, backlog, order, rows)
    keys: list[DeliveryRow | RowKey] = []
    passed: list[int] = []
    for row in rows:
        lane = row.lane or 0  # each has one, for the sink is in order
        is_head = heads.setdefault(lane, row.event) == row.event
        if is_head and not order.is_busy(lane):
            keys.append(row)
        else:
            passed.append(lane)
    order.mix(passed)
    return Fresh(keys, rows[-1].event if rows else backlog.position)


def _mixed_heads(
    store: SqliteStore,
    backlog: SinkBacklog,
    order: Order,
    rows: Iterable[DeliveryRow | RowKey],
) -> dict[int, int]:
    """Return the heads of those lanes of which the file has to be asked."""
    lanes = {row.lane for row in rows if row.lane is not None}
    mixed = [lane for lane in lanes if order.is_mixed(lane) and not order.is_busy(lane)]
    if not mixed:
        return {}
    found = store.rows(sql.HEADS, (backlog.id, numbers(mixed)))
    return {lane: event for event, _, _, lane in found}


def _is_free(order: Order, row: DeliveryRow | RowKey) -> bool:
    return row.lane is not None and not order.is_busy(row.lane)


CHUNK = 500
"""Rows of one transaction; puts and outcomes go between."""


def assign_some(store: SqliteStore, sink: str, after: int) -> int | None:
    """Give lanes to a chunk of the rows that have none; return where to go on.

    Args:
        store: Where.
        sink: Its name; it need not be open.
        after: Events up to this one are done.

    Returns:
        What to go on after; None: all rows have lanes, and all later ones will.
    """
    backlog = store.backlogs.get(sink)
    if backlog is None or backlog.saved_ordering == "object":
        return None
    # At once: a put of this very transaction comes later than the last chunk.
    backlog.has_lanes = True
    events = store.rows(sql.WITHOUT_LANE, (backlog.id, after, CHUNK))
    assign(store, backlog, events)
    if len(events) < CHUNK:
        return None
    last: int = events[-1]
    return last


def assign(store: SqliteStore, backlog: SinkBacklog, events: Sequence[int]) -> None:
    """Give these rows their lanes, as their events say."""
    if not events:
        return
    found = store.execute(sql.LOAD_HEADS, (numbers(events),))
    rows = [
        (event, lane_of(EncodedEvent(id=id_, body=head, data_offset=offset)))
        for event, id_, head, offset in found
    ]
    store.execute(sql.SET_LANES, (backlog.id, json.dumps(rows)))
    store.after_commit(partial(backlog.mix_lanes, [lane for _, lane in rows]))


def free_lanes_of(
    store: SqliteStore, backlog: SinkBacklog, events: Iterable[int]
) -> None:
    """Have the lanes of rows looked up that are about to end; call it before."""
    events = list(events)
    if backlog.order is None or not events:
        return
    found = store.rows(sql.LANES, (backlog.id, numbers(events)))
    lanes = {lane for _, lane in found}
    store.after_commit(lambda: backlog.free_lanes(lanes))


def look_up_heads(store: SqliteStore, backlog: SinkBacklog) -> None:
    """Let heads of freed lanes come back that the searches would not find."""
    order = backlog.order
    if order is None or not order.freed:
        return
    freed, order.freed = order.freed, set()
    heads = store.rows(sql.HEADS, (backlog.id, numbers(freed)))
    order.unmix(freed.difference(head[3] for head in heads))
    for event, due, is_fresh, lane in heads:
        if is_fresh:
            is_behind = event <= backlog.position
        else:
            is_behind = (due, event) <= backlog.due_position
        if is_behind and not order.is_busy(lane):
            backlog.returned[event] = None
