"""Lease: which deliveries are handed out next, and with which events.

First what came back from a lease, then by due. Rows are taken from the front of either
kind (see `outbox`), so that the place up to which each was handed out says it all.
"""

import json
from collections.abc import Iterable, Sequence
from functools import partial
from heapq import merge
from itertools import islice
from typing import NamedTuple

from bridge.errors import LeaseLostError, QueueCorruptError
from bridge.events import EncodedEvent
from bridge.queue import Lease
from bridge.queue import statements as sql
from bridge.queue.clock import SECOND, micros
from bridge.queue.outbox import Handle, Held, Outbox, Waiting, event_of
from bridge.queue.store import Store, numbers

_LOADED_AT_ONCE = 50
_MOST_BYTES = 16 * 1024 * 1024


class Key(NamedTuple):
    """A delivery row whose event was not read yet."""

    event: int
    due: int
    attempts: int
    first: int | None


def lease(store: Store, outbox: Outbox, limit: int) -> list[Lease]:
    """Hand out up to `limit` deliveries that are due; an empty list: there is none."""
    wall, steady = store.clock.wall(), store.clock.steady()
    if store.is_stalled or not outbox.pass_gate(wall=wall, steady=steady):
        return []
    store.next_token += 1
    until = steady + micros(store.settings.lease_seconds)
    held = Held(store.next_token, until, outbox.tryable.read(steady))
    grant = partial(_grant, outbox, held)
    # Granted before the rest is searched: a row that came back is also in the file.
    leases = [grant(row) for row in _lease_returned(store, outbox, limit)]
    if len(leases) < limit:
        waiting = _lease_waiting(store, outbox, limit - len(leases), wall)
        leases += [grant(row) for row in waiting]
    return leases


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
    events = list(islice(outbox.returned, limit))
    if not events:
        return []
    found = store.rows(sql.RETURNED, (outbox.id, numbers(events)))
    rows = _load(store, outbox, [Key(*row) for row in found])
    ended = set(events) - {row[0] for row in found}
    for event in (*ended, *(row.event for row in rows)):
        del outbox.returned[event]
    return rows


def _lease_waiting(
    store: Store, outbox: Outbox, limit: int, wall: int
) -> list[Waiting]:
    due, next_due = _find_delayed(store, outbox, limit, wall)
    fresh, is_all = _find_fresh(store, outbox, limit)
    chosen = islice(merge(due, fresh, key=_due), limit) if due else fresh
    rows = _load(store, outbox, chosen)
    _move_on(outbox, rows, delayed={key.event for key in due})
    after = outbox.due_position
    rest = (key.due for key in due if (key.due, key.event) > after)
    outbox.next_due = next(rest, next_due)
    if is_all and (not fresh or fresh[-1].event <= outbox.position):
        outbox.tail.is_complete = True
    return rows


def _find_delayed(
    store: Store, outbox: Outbox, limit: int, wall: int
) -> tuple[list[Key], int | None]:
    """Return delayed rows that are due, and when the first after them is."""
    if outbox.next_due is None or outbox.next_due > wall:
        return [], outbox.next_due
    while True:
        bindings = (outbox.id, *outbox.due_position, limit + 1)
        found = [Key(*row) for row in store.rows(sql.DELAYED, bindings)]
        due = [key for key in found if key.due <= wall and not outbox.is_held(key[0])]
        is_last = len(found) <= limit or found[-1].due > wall
        if due or is_last:
            beyond = None if len(found) <= limit else 0
            return due, next((key.due for key in found if key.due > wall), beyond)
        outbox.due_position = found[-1].due, found[-1].event


def _find_fresh(
    store: Store, outbox: Outbox, limit: int
) -> tuple[Sequence[Waiting | Key], bool]:
    """Return fresh rows, and whether none is left in the file after them."""
    if outbox.tail or outbox.tail.is_complete:
        return outbox.tail.first(limit), outbox.tail.is_complete
    found = store.rows(sql.FRESH, (outbox.id, outbox.position, limit))
    return [Key(*row) for row in found], len(found) < limit


def _move_on(outbox: Outbox, rows: Iterable[Waiting], *, delayed: set[int]) -> None:
    for row in rows:
        if row.event in delayed:
            outbox.due_position = row.due, row.event
        else:
            outbox.position = row.event
    outbox.tail.drop_through(outbox.position)


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
    event, due, attempts, first = key
    stored, encoded = events[event]
    return Waiting(event, due, attempts, first, stored, encoded)


def _read_events(
    store: Store, numbers_: Sequence[int]
) -> dict[int, tuple[int, EncodedEvent]]:
    described, bodies = store.execute(sql.LOAD_EVENTS, (numbers(numbers_),)).get
    events = {}
    start = 0
    for number, stored, offset, id_, length in json.loads(described):
        body = bodies[start : start + length]
        start += length
        events[number] = stored, EncodedEvent(id=id_, body=body, data_offset=offset)
    return events


def _due(key: Waiting | Key) -> int:
    return key.due
