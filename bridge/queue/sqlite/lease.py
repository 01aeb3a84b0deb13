"""Lease: which deliveries are handed out next, and with which events.

First what came back from a lease, then by due. Rows are taken from the front of either
kind (see `backlog`), so that the place up to which each was handed out says it all.
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from zlib import crc32

from bridge.errors import QueueCorruptError
from bridge.events import EncodedEvent
from bridge.queue import Lease
from bridge.queue.sqlite import search
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import SECOND, micros
from bridge.queue.sqlite.search import Delayed, Fresh
from bridge.queue.sqlite.sink_state import (
    TAIL_BYTES,
    DeliveryRow,
    LeaseGroup,
    LeaseHandle,
    RowKey,
    SinkBacklog,
    event_of,
)
from bridge.queue.sqlite.store import SqliteStore, numbers

LEASE_SECONDS = 1800.0
"""How long a lease lasts: four rounds of a Broker's timeout of 5 minutes, and more."""

AHEAD_ROWS = 500
"""Fresh rows that are read into memory in one step, if their events are small."""

_LOADED_AT_ONCE = 50
_MOST_BYTES = 16 * 1024 * 1024
_MOST_LOOKS = 4


def lease(store: SqliteStore, backlog: SinkBacklog, limit: int) -> list[Lease]:
    """Hand out up to `limit` deliveries that are due; an empty list: there is none."""
    wall, steady = store.clock.wall(), store.clock.steady()
    if store.is_stalled or not backlog.pass_gate(wall=wall, steady=steady):
        return []
    store.next_token += 1
    until = steady + micros(LEASE_SECONDS)
    held = LeaseGroup(store.next_token, until, backlog.tryable.read(steady))
    grant = partial(_grant, backlog, held)
    if backlog.ordering == "sink":
        found = [grant(row) for row in _lease_oldest(store, backlog, limit, wall)]
        return _sound(store, found)
    # Granted before the rest is searched: a row that came back is also in the file.
    leases = [grant(row) for row in _lease_returned(store, backlog, limit)]
    if len(leases) < limit:
        waiting = _lease_waiting(store, backlog, limit - len(leases), wall)
        leases += [grant(row) for row in waiting]
    return _sound(store, leases)


def _sound(store: SqliteStore, leases: list[Lease]) -> list[Lease]:
    """Keep back what must not be sent: its bytes are not those that were stored."""
    if not store.damaged:
        return leases
    damaged = [one for one in leases if event_of(one.handle) in store.damaged]
    store.condemned += damaged
    return [one for one in leases if event_of(one.handle) not in store.damaged]


def _grant(backlog: SinkBacklog, held: LeaseGroup, row: DeliveryRow) -> Lease:
    backlog.leased[row.event] = held
    if backlog.order is not None and row.lane is not None:
        backlog.order.take(row.event, row.lane)
    age = 0 if row.first is None else held.tryable - row.first
    return Lease(
        handle=LeaseHandle(row.event, held.token),
        sink=backlog.name,
        event=row.encoded,
        attempt=row.attempts + 1,
        age_seconds=age / SECOND,
        stored=row.stored / SECOND,
        kept=f"e{row.event}",
    )


def _lease_returned(
    store: SqliteStore, backlog: SinkBacklog, limit: int
) -> list[DeliveryRow]:
    """Take what came back; what ended, or waits for its lane, comes back no more."""
    search.look_up_heads(store, backlog)
    rows: list[DeliveryRow] = []
    while backlog.returned and not rows:
        events = list(islice(backlog.returned, max(limit, search.LEAST_ROWS)))
        found = search.find_returned(store, backlog, events)
        rows = _load(store, backlog, found[:limit], most_bytes=_MOST_BYTES)
        blocked = set(events) - {key.event for key in found}
        for event in (*blocked, *(row.event for row in rows)):
            del backlog.returned[event]
    return rows


def _lease_waiting(
    store: SqliteStore, backlog: SinkBacklog, limit: int, wall: int
) -> list[DeliveryRow]:
    for _ in range(_MOST_LOOKS):
        _read_ahead(store, backlog)
        due = search.find_delayed(store, backlog, limit, wall)
        fresh = _find_fresh(store, backlog, limit)
        both = merge(due.keys, fresh.keys, key=_due) if due.keys else fresh.keys
        rows = _load(store, backlog, islice(both, limit), most_bytes=_MOST_BYTES)
        taken = {key.event for key in due.keys}.intersection(row.event for row in rows)
        _move_due_position(backlog, due, len(taken))
        _move_position(backlog, fresh, len(rows) - len(taken))
        backlog.is_unread = backlog.has_more(wall)
        if rows or not backlog.is_unread:
            return rows
    return []


def _find_fresh(store: SqliteStore, backlog: SinkBacklog, limit: int) -> Fresh:
    if backlog.order is None:
        return search.find_fresh(backlog, limit)
    return search.find_fresh_heads(store, backlog, backlog.order, limit)


def _read_ahead(store: SqliteStore, backlog: SinkBacklog) -> None:
    """Fill an empty tail from the file: one step of SQLite for several leases.

    Events of rows in order are read when they are leased: many may have to wait.
    """
    tail = backlog.tail
    if tail or tail.is_complete:
        return
    found = store.rows(sql.FRESH, (backlog.id, backlog.position, AHEAD_ROWS))
    keys = [RowKey(*row) for row in found if not backlog.is_held(row[0])]
    rows: Sequence[DeliveryRow | RowKey] = keys
    if backlog.order is None:
        rows = _load(store, backlog, keys, most_bytes=TAIL_BYTES)
    is_all = len(found) < AHEAD_ROWS and len(rows) == len(keys)
    tail.fill(rows, is_complete=is_all)
    if found and not rows:
        backlog.position = found[-1][0]


def _move_due_position(backlog: SinkBacklog, due: Delayed, taken: int) -> None:
    """Move it to the last row that was taken, or on over all that was looked at."""
    if taken == len(due.keys):
        backlog.due_position, backlog.next_due = due.end, due.next_due
        return
    if taken:
        last = due.keys[taken - 1]
        backlog.due_position = last.due, last.event
    backlog.next_due = due.keys[taken].due


def _move_position(backlog: SinkBacklog, fresh: Fresh, taken: int) -> None:
    """Move it to the last row that was taken, or on over all that was looked at."""
    if taken == len(fresh.keys):
        backlog.position = fresh.end
    elif taken:
        backlog.position = fresh.keys[taken - 1].event
    backlog.tail.drop_through(backlog.position)


def _lease_oldest(
    store: SqliteStore, backlog: SinkBacklog, limit: int, wall: int
) -> list[DeliveryRow]:
    """Take the oldest of all, as many as are due, if none is leased."""
    backlog.next_due = None
    if backlog.leased:
        return []
    most = min(limit, backlog.run)
    found = store.rows(sql.OLDEST_DUE, (backlog.id, most))
    keys = []
    for *row, is_fresh in found:
        key = RowKey(*row)
        if not is_fresh and key.due > wall and key.event not in backlog.returned:
            break
        keys.append(key)
    if found and not keys:
        backlog.next_due = found[0][1]
    rows = _load(store, backlog, keys, most_bytes=_MOST_BYTES)
    for row in rows:
        backlog.returned.pop(row.event, None)
    return rows


def _load(
    store: SqliteStore,
    backlog: SinkBacklog,
    keys: Iterable[DeliveryRow | RowKey],
    *,
    most_bytes: int,
) -> list[DeliveryRow]:
    """Read the events, of as many rows as make a reasonable number of bytes."""
    remaining = iter(keys)
    loaded: list[DeliveryRow] = []
    size = 0
    while size < most_bytes and (part := list(islice(remaining, _LOADED_AT_ONCE))):
        unread = [key.event for key in part if isinstance(key, RowKey)]
        events = _read_events(store, unread) if unread else {}
        for key in part:
            row = (
                key
                if isinstance(key, DeliveryRow)
                else _row(store, backlog, key, events)
            )
            loaded.append(row)
            size += len(row.encoded.body)
    return loaded


def _row(
    store: SqliteStore,
    backlog: SinkBacklog,
    key: RowKey,
    events: dict[int, tuple[int, EncodedEvent]],
) -> DeliveryRow:
    if key.event not in events:
        raise QueueCorruptError(
            f"queue {store.settings.path}: delivery to sink {backlog.name} without its"
            f" event {key.event}; it was left as it is"
        )
    event, due, attempts, first, lane = key
    stored, encoded = events[event]
    return DeliveryRow(event, due, attempts, first, stored, encoded, lane)


def _read_events(
    store: SqliteStore, numbers_: Sequence[int]
) -> dict[int, tuple[int, EncodedEvent]]:
    described, bodies = store.execute(sql.LOAD_EVENTS, (numbers(numbers_),)).get
    events = {}
    start = 0
    for number, stored, offset, id_, length, crc in json.loads(described):
        body = bodies[start : start + length]
        start += length
        if crc is not None and crc != crc32(body):
            store.damaged.add(number)
        encoded = EncodedEvent(id=id_, body=body, data_offset=offset or 0)
        events[number] = stored, encoded
    return events


def _due(key: DeliveryRow | RowKey) -> int:
    return key.due
