"""Lanes in the file: rows are given theirs, and looked up by it."""

import json
from collections.abc import Iterable, Sequence
from functools import partial

from bridge.events import EncodedEvent
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.order import lane_of
from bridge.queue.sqlite.sink_state import SinkBacklog
from bridge.queue.sqlite.store import SqliteStore, numbers

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
