"""Which rows can be handed out next; nothing is handed out here.

Of a sink in order by object only heads of lanes that are not busy (see `order`). A
search looks at a bounded number of rows; if it ends before it has seen all, the next
one goes on where it ended.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.order import Order
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
    """Return the rows of what came back, so far as it has not ended nor must wait."""
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
        lane = row.lane
        if lane is None:
            continue
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
