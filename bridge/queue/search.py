"""Which rows can be handed out next: looks at the file or at the tail, changes nothing.

Of a sink in order by object only heads of lanes that are not busy (see `order`). A
search looks at a bounded number of rows; if it ends before it has seen all, the next
one goes on where it ended.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from bridge.queue import statements as sql
from bridge.queue.order import Order
from bridge.queue.outbox import Outbox, Waiting
from bridge.queue.store import Store, numbers

LEAST_ROWS = 64
"""Rows that are looked at in one step, if not more are wanted."""


class Key(NamedTuple):
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

    keys: Sequence[Waiting | Key]
    end: int
    is_all: bool


class Delayed(NamedTuple):
    """Delayed rows that can be handed out.

    `end` is the last place that was looked at, and nothing after it is due before
    `next_due`; None: nothing is there.
    """

    keys: Sequence[Key]
    end: tuple[int, int]
    next_due: int | None


def find_returned(store: Store, outbox: Outbox, events: Sequence[int]) -> list[Key]:
    """Return the rows of what came back, so far as it has not ended nor must wait."""
    order = outbox.order
    statement = sql.RETURNED if order is None else sql.RETURNED_HEADS
    found = [Key(*row) for row in store.rows(statement, (outbox.id, numbers(events)))]
    return found if order is None else [key for key in found if _is_free(order, key)]


def find_delayed(store: Store, outbox: Outbox, limit: int, wall: int) -> Delayed:
    """Return delayed rows that are due, in that order."""
    if outbox.next_due is None or outbox.next_due > wall:
        return Delayed([], outbox.due_position, outbox.next_due)
    order = outbox.order
    most = limit + 1 if order is None else max(limit + 1, LEAST_ROWS)
    statement = sql.DELAYED if order is None else sql.DELAYED_HEADS
    rows = store.rows(statement, (outbox.id, *outbox.due_position, most))
    due = [row for row in rows if row[1] <= wall]
    keys = [Key(*row[:5]) for row in due if not outbox.is_held(row[0])]
    if order is not None:
        heads = {row[0] for row in due if row[5]}
        keys = [key for key in keys if key.event in heads and _is_free(order, key)]
    end = (due[-1][1], due[-1][0]) if due else outbox.due_position
    beyond = rows[len(due)][1] if len(due) < len(rows) else 0
    return Delayed(keys, end, beyond if beyond or len(rows) == most else None)


def find_fresh(store: Store, outbox: Outbox, limit: int) -> Fresh:
    """Return fresh rows, in the order of their events."""
    order = outbox.order
    if order is not None:
        return _find_heads(store, outbox, order, max(limit, LEAST_ROWS))
    if outbox.tail or outbox.tail.is_complete:
        rows = outbox.tail.first(limit)
        return Fresh(rows, rows[-1].event if rows else outbox.position, False)
    found = store.rows(sql.FRESH, (outbox.id, outbox.position, limit))
    keys = [Key(*row) for row in found if not outbox.is_held(row[0])]
    end = found[-1][0] if found else outbox.position
    return Fresh(keys, end, len(found) < limit)


def _find_heads(store: Store, outbox: Outbox, order: Order, most: int) -> Fresh:
    if outbox.tail or outbox.tail.is_complete:
        rows = outbox.tail.first(most)
        end = rows[-1].event if rows else outbox.position
        return Fresh(_heads(store, outbox, order, rows), end, False)
    bindings = (outbox.id, outbox.position, most)
    found, count, last = store.execute(sql.FRESH_HEADS, bindings).get
    keys = [Key(*row) for row in json.loads(found)]
    keys = [key for key in keys if _is_free(order, key) and not outbox.is_held(key[0])]
    return Fresh(keys, last or outbox.position, count < most)


def _heads(
    store: Store, outbox: Outbox, order: Order, rows: Sequence[Waiting]
) -> list[Waiting]:
    lanes = {row.lane for row in rows if row.lane is not None}
    lanes = {lane for lane in lanes if not order.is_busy(lane)}
    if not lanes:
        return []
    found = store.rows(sql.HEADS, (outbox.id, numbers(lanes)))
    heads = {head[0] for head in found}
    return [row for row in rows if row.event in heads]


def _is_free(order: Order, row: Waiting | Key) -> bool:
    return row.lane is not None and not order.is_busy(row.lane)
