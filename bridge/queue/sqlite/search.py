"""Which rows can be handed out next: looks at the file or at the tail, changes nothing.

Of a sink in order by object only heads of lanes that are not busy (see `order`). A
search looks at a bounded number of rows; if it ends before it has seen all, the next
one goes on where it ended.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.order import Order
from bridge.queue.sqlite.sink_state import DeliveryRow, SinkBacklog
from bridge.queue.sqlite.store import SqliteStore, numbers

LEAST_ROWS = 64
"""Rows that are looked at in one step, if not more are wanted."""


class RowKey(NamedTuple):
    """A delivery row whose event was not read yet."""

    event: int
    due: int
    attempts: int
    first: int | None
    lane: int | None = None


class Fresh(NamedTuple):
    """Fresh rows that can be handed out.

    `end` is the last event that was looked at; `is_all`: the file has none after it.
    """

    keys: Sequence[DeliveryRow | RowKey]
    end: int
    is_all: bool


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


def find_fresh(store: SqliteStore, backlog: SinkBacklog, limit: int) -> Fresh:
    """Return fresh rows, in the order of their events."""
    order = backlog.order
    if order is not None:
        return _find_heads(store, backlog, order, max(limit, LEAST_ROWS))
    if backlog.tail or backlog.tail.is_complete:
        rows = backlog.tail.first(limit)
        return Fresh(rows, rows[-1].event if rows else backlog.position, False)
    found = store.rows(sql.FRESH, (backlog.id, backlog.position, limit))
    keys = [RowKey(*row) for row in found if not backlog.is_held(row[0])]
    end = found[-1][0] if found else backlog.position
    return Fresh(keys, end, len(found) < limit)


def _find_heads(
    store: SqliteStore, backlog: SinkBacklog, order: Order, most: int
) -> Fresh:
    if backlog.tail or backlog.tail.is_complete:
        rows = backlog.tail.first(most)
        end = rows[-1].event if rows else backlog.position
        return Fresh(_heads(store, backlog, order, rows), end, False)
    bindings = (backlog.id, backlog.position, most)
    found, count, last = store.execute(sql.FRESH_HEADS, bindings).get
    keys = [RowKey(*row) for row in json.loads(found)]
    keys = [key for key in keys if _is_free(order, key) and not backlog.is_held(key[0])]
    return Fresh(keys, last or backlog.position, count < most)


def _heads(
    store: SqliteStore, backlog: SinkBacklog, order: Order, rows: Sequence[DeliveryRow]
) -> list[DeliveryRow]:
    lanes = {row.lane for row in rows if row.lane is not None}
    lanes = {lane for lane in lanes if not order.is_busy(lane)}
    if not lanes:
        return []
    found = store.rows(sql.HEADS, (backlog.id, numbers(lanes)))
    heads = {head[0] for head in found}
    return [row for row in rows if row.event in heads]


def _is_free(order: Order, row: DeliveryRow | RowKey) -> bool:
    return row.lane is not None and not order.is_busy(row.lane)
