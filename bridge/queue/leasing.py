"""Lease: which deliveries are handed out next, and with which events.

First what came back from a lease, then by due. Rows are taken from the front of either
kind (see `outbox`), so that the place up to which each was handed out says it all.
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from zlib import crc32

from bridge.errors import LeaseLostError, QueueCorruptError
from bridge.events import EncodedEvent
from bridge.queue import Lease, lanes, search
from bridge.queue import statements as sql
from bridge.queue.clock import SECOND, micros
from bridge.queue.outbox import Handle, Held, Outbox, Waiting, event_of
from bridge.queue.search import Delayed, Fresh, Key
from bridge.queue.store import Store, numbers

_LOADED_AT_ONCE = 50
_MOST_BYTES = 16 * 1024 * 1024
_MOST_LOOKS = 4


def lease(store: Store, outbox: Outbox, limit: int) -> list[Lease]:
    """Hand out up to `limit` deliveries that are due; an empty list: there is none."""
    wall, steady = store.clock.wall(), store.clock.steady()
    if store.is_stalled or not outbox.pass_gate(wall=wall, steady=steady):
        return []
    store.next_token += 1
    until = steady + micros(store.settings.lease_seconds)
    held = Held(store.next_token, until, outbox.tryable.read(steady))
    grant = partial(_grant, outbox, held)
    if outbox.ordering == "sink":
        found = [grant(row) for row in _lease_oldest(store, outbox, limit, wall)]
        return _sound(store, found)
    # Granted before the rest is searched: a row that came back is also in the file.
    leases = [grant(row) for row in _lease_returned(store, outbox, limit)]
    if len(leases) < limit:
        waiting = _lease_waiting(store, outbox, limit - len(leases), wall)
        leases += [grant(row) for row in waiting]
    return _sound(store, leases)


def _sound(store: Store, leases: list[Lease]) -> list[Lease]:
    """Keep back what must not be sent: its bytes are not those that were stored."""
    if not store.damaged:
        return leases
    damaged = [one for one in leases if event_of(one.handle) in store.damaged]
    store.condemned += damaged
    return [one for one in leases if event_of(one.handle) not in store.damaged]


def extend(store: Store, leases: Sequence[Lease], seconds: float) -> None:
    """Let the leases last for `seconds` from now.

    Raises:
        LeaseLostError: Some are gone; the others are extended.
    """
    until = store.clock.steady() + micros(seconds)
    lost = []
    for one in leases:
        outbox = store.outbox(one.sink)
        if outbox.holds(one.handle):
            event = event_of(one.handle)
            outbox.leased[event] = outbox.leased[event]._replace(until=until)
        else:
            lost.append(one.event.id)
    if lost:
        raise LeaseLostError(f"leases of {', '.join(lost)}: they ended before")


def _grant(outbox: Outbox, held: Held, row: Waiting) -> Lease:
    outbox.leased[row.event] = held
    if outbox.order is not None and row.lane is not None:
        outbox.order.take(row.event, row.lane)
    age = 0 if row.first is None else held.tryable - row.first
    return Lease(
        handle=Handle(row.event, held.token),
        sink=outbox.name,
        event=row.encoded,
        attempt=row.attempts + 1,
        age_seconds=age / SECOND,
        stored=row.stored / SECOND,
        kept=f"e{row.event}",
    )


def _lease_returned(store: Store, outbox: Outbox, limit: int) -> list[Waiting]:
    """Take what came back; what ended, or waits for its lane, comes back no more."""
    lanes.look_up_heads(store, outbox)
    rows: list[Waiting] = []
    while outbox.returned and not rows:
        events = list(islice(outbox.returned, max(limit, search.LEAST_ROWS)))
        found = search.find_returned(store, outbox, events)
        rows = _load(store, outbox, found[:limit])
        blocked = set(events) - {key.event for key in found}
        for event in (*blocked, *(row.event for row in rows)):
            del outbox.returned[event]
    return rows


def _lease_waiting(
    store: Store, outbox: Outbox, limit: int, wall: int
) -> list[Waiting]:
    for _ in range(_MOST_LOOKS):
        due = search.find_delayed(store, outbox, limit, wall)
        fresh = search.find_fresh(store, outbox, limit)
        both = merge(due.keys, fresh.keys, key=_due) if due.keys else fresh.keys
        rows = _load(store, outbox, islice(both, limit))
        taken = {key.event for key in due.keys}.intersection(row.event for row in rows)
        _move_due_position(outbox, due, len(taken))
        _move_position(outbox, fresh, len(rows) - len(taken))
        outbox.is_unread = _has_more(outbox, wall)
        if rows or not outbox.is_unread:
            return rows
    return []


def _move_due_position(outbox: Outbox, due: Delayed, taken: int) -> None:
    """Move it to the last row that was taken, or on over all that was looked at."""
    if taken == len(due.keys):
        outbox.due_position, outbox.next_due = due.end, due.next_due
        return
    if taken:
        last = due.keys[taken - 1]
        outbox.due_position = last.due, last.event
    outbox.next_due = due.keys[taken].due


def _move_position(outbox: Outbox, fresh: Fresh, taken: int) -> None:
    """Move it to the last row that was taken, or on over all that was looked at."""
    is_over = taken == len(fresh.keys)
    if is_over:
        outbox.position = fresh.end
    elif taken:
        outbox.position = fresh.keys[taken - 1].event
    outbox.tail.drop_through(outbox.position)
    if is_over and fresh.is_all:
        outbox.tail.is_complete = True


def _has_more(outbox: Outbox, wall: int) -> bool:
    """Whether rows are left that no search has seen."""
    if outbox.next_due is not None and outbox.next_due <= wall:
        return True
    return bool(outbox.tail) or not outbox.tail.is_complete


def _lease_oldest(store: Store, outbox: Outbox, limit: int, wall: int) -> list[Waiting]:
    """Take the oldest of all, as many as are due, if none is leased."""
    outbox.next_due = None
    if outbox.leased:
        return []
    most = min(limit, outbox.run)
    found = store.rows(sql.OLDEST_DUE, (outbox.id, most))
    keys = []
    for *row, is_fresh in found:
        key = Key(*row)
        if not is_fresh and key.due > wall and key.event not in outbox.returned:
            break
        keys.append(key)
    if found and not keys:
        outbox.next_due = found[0][1]
    rows = _load(store, outbox, keys)
    for row in rows:
        outbox.returned.pop(row.event, None)
    return rows


def _load(store: Store, outbox: Outbox, keys: Iterable[Waiting | Key]) -> list[Waiting]:
    """Read the events, of as many rows as make a reasonable number of bytes."""
    remaining = iter(keys)
    loaded: list[Waiting] = []
    size = 0
    while size < _MOST_BYTES and (part := list(islice(remaining, _LOADED_AT_ONCE))):
        unread = [key.event for key in part if isinstance(key, Key)]
        events = _read_events(store, unread) if unread else {}
        for key in part:
            row = key if isinstance(key, Waiting) else _row(store, outbox, key, events)
            loaded.append(row)
            size += len(row.encoded.body)
    return loaded


def _row(
    store: Store,
    outbox: Outbox,
    key: Key,
    events: dict[int, tuple[int, EncodedEvent]],
) -> Waiting:
    if key.event not in events:
        raise QueueCorruptError(
            f"queue {store.settings.path}: delivery to sink {outbox.name} without its"
            f" event {key.event}; it was left as it is"
        )
    event, due, attempts, first, lane = key
    stored, encoded = events[event]
    return Waiting(event, due, attempts, first, stored, encoded, lane)


def _read_events(
    store: Store, numbers_: Sequence[int]
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


def _due(key: Waiting | Key) -> int:
    return key.due
