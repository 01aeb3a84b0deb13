"""Put: entries, what the reader remembers, and its cursor, in one commit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from zlib import crc32

from bridge.errors import QueueFullError, StaleCursorError
from bridge.events import EncodedEvent
from bridge.queue import Entry, Scope
from bridge.queue.sqlite import search, upkeep
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.order import lane_of
from bridge.queue.sqlite.sink_state import DeliveryRow, SinkBacklog
from bridge.queue.sqlite.store import SqliteStore, numbers

# A statement with this many rows takes one step; each size is compiled only once. A
# full put is one: each step has to win the interpreter's lock from the event loop.
_STRIDES = (500, 256, 128, 64, 32, 16, 8, 4, 2, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """The arguments of `Queue.put`."""

    entries: Sequence[Entry]
    scope: Scope
    since: str | None
    to: str | None


def make_room(store: SqliteStore, entries: Sequence[Entry]) -> None:
    """Make room, by ending kept events even if the put fails.

    Raises:
        QueueFullError: There is none.
        EntryTooLargeError: One entry can never be stored.
    """
    capacity = store.capacity
    size = capacity.size_of(entries)
    if not size:
        return
    is_ample = capacity.has_ample_volume()
    if not is_ample and not capacity.reserve.is_held:
        raise capacity.refuse()
    upkeep.shed(store, size)
    if not capacity.has(size):
        raise capacity.refuse()
    if not is_ample and not capacity.fits_volume(size):
        raise capacity.refuse_by_volume()
    capacity.take(size)


def put(store: SqliteStore, request: Put) -> None:
    """Store all of it, or raise and change nothing.

    Raises:
        StaleCursorError: The stored cursor is not `since`.
        QueueFullError: The backlog of a sink is full.
    """
    scope = move_cursor(store, request)
    insert_entries(store, request.entries)
    remember(store, scope, request.entries)


def move_cursor(store: SqliteStore, request: Put) -> int:
    """Compare and set the cursor; return the key of its scope."""
    known = store.scopes.get(request.scope)
    if known is not None and request.to != request.since:
        moved = (request.to, store.clock.wall(), known, request.since)
        store.execute(sql.MOVE_CURSOR_FROM, moved)
        if store.connection.changes():
            return known
    scope, stored = find_scope(store, request.scope)
    if stored != request.since:
        raise StaleCursorError(
            f"cursor of {request.scope}: expected {request.since}, got {stored}:"
            " another reader moved it"
        )
    if request.to != stored:
        store.execute(sql.MOVE_CURSOR, (request.to, store.clock.wall(), scope))
    store.after_commit(partial(store.scopes.__setitem__, request.scope, scope))
    return scope


def find_scope(store: SqliteStore, scope: Scope) -> tuple[int, str | None]:
    """Return key and cursor of a scope, made if it is new."""
    names = scope_names(scope)
    found: tuple[int, str | None] | None = store.execute(sql.FIND_SCOPE, names).get
    return found or (store.execute(sql.INSERT_SCOPE, names).get, None)


def scope_names(scope: Scope) -> tuple[str, ...]:
    """Return what a scope is known by in the file."""
    return (
        scope.cluster,
        scope.resource,
        scope.namespace,
        scope.field_selector,
        scope.label_selector,
    )


def set_cursor(store: SqliteStore, scope: Scope, to: str | None) -> None:
    """Set a cursor, or forget it and what was remembered there."""
    key, _ = find_scope(store, scope)
    store.scopes.pop(scope, None)
    if to is None:
        store.execute(sql.FORGET_REMEMBERED, (key,))
        store.execute(sql.FORGET_SCOPE, (key,))
    else:
        store.execute(sql.MOVE_CURSOR, (to, store.clock.wall(), key))


def insert_entries(store: SqliteStore, entries: Sequence[Entry]) -> None:
    """Store events, their deliveries, and what could not be converted."""
    totals, stored = store.totals, store.clock.wall()
    sets = _route_sets(store, entries)
    events: list[tuple[Any, ...]] = []
    routed: dict[str, list[DeliveryRow]] = {}
    ordered = {name for name, one in store.backlogs.items() if one.has_lanes}
    rejected: list[tuple[int, str]] = []
    for entry in entries:
        encoded = entry.encoded
        if encoded is None:
            continue
        totals.last_event += 1
        totals.ends += len(encoded.body)
        number = totals.last_event
        offset: int | None = encoded.data_offset
        if entry.error is not None:
            rejected.append((number, entry.error))
            offset = None
        # fmt: off
        events.append((number, stored, totals.ends, offset, encoded.id, encoded.body,
                       crc32(encoded.body), sets[entry.routes]))
        # fmt: on
        lane = None if ordered.isdisjoint(entry.sinks) else lane_of(encoded)
        row = DeliveryRow(number, stored, 0, None, stored, encoded, lane)
        for sink in entry.sinks:
            routed.setdefault(sink, []).append(row)
    _insert_rows(store, sql.INSERT_EVENTS, events)
    for sink, rows in routed.items():
        backlog = store.backlog(sink)
        _check_backlog(store, backlog, len(rows))
        _route(store, backlog, rows)
    for number, error in rejected:
        store.execute(sql.INSERT_REJECTED, (number, error, stored))
    totals.dead[None] += len(rejected)


def _route_sets(
    store: SqliteStore, entries: Sequence[Entry]
) -> dict[tuple[str, ...], int | None]:
    """Return the keys of all sets of routes that are known, those of `entries` too."""
    new = {entry.routes for entry in entries} - store.route_sets.keys()
    if not new:
        return store.route_sets
    keys = {
        names: store.execute(sql.ROUTE_SET, (json.dumps(names),)).get for names in new
    }
    store.after_commit(partial(store.route_sets.update, keys))
    return store.route_sets | keys


def forward(
    store: SqliteStore, backlog: SinkBacklog, encoded: EncodedEvent, original: int
) -> None:
    """Store an event made of another one as waiting, even beyond the sink's limit."""
    totals, stored = store.totals, store.clock.wall()
    totals.last_event += 1
    totals.ends += len(encoded.body)
    number = totals.last_event
    event = (number, stored, totals.ends, encoded.data_offset, encoded.id, encoded.body)
    store.execute(sql.COPY_EVENT, (*event, crc32(encoded.body), original))
    lane = lane_of(encoded) if backlog.has_lanes else None
    row = DeliveryRow(number, stored, 0, None, stored, encoded, lane)
    _route(store, backlog, [row])


def remember(store: SqliteStore, scope: int, entries: Sequence[Entry]) -> None:
    """Store the memos of the reader; of one key the last value counts."""
    known = dict(one.remember for one in entries if one.remember is not None)
    # In the order of keys each page of the file is gone to once.
    items = sorted(known.items())
    kept = [(scope, key, value) for key, value in items if value is not None]
    gone = [key for key, value in known.items() if value is None]
    _insert_rows(store, sql.REMEMBER, kept)
    if gone:
        store.execute(sql.FORGET_KEYS, (scope, json.dumps(gone)))


def _route(
    store: SqliteStore, backlog: SinkBacklog, rows: Sequence[DeliveryRow]
) -> None:
    if backlog.has_lanes:
        values = [(backlog.id, row.event, row.due, row.lane) for row in rows]
        _insert_rows(store, sql.INSERT_IN_LANES, values)
    else:
        events = numbers(row.event for row in rows)
        store.execute(sql.INSERT_DELIVERIES, (backlog.id, rows[0].due, events))
    store.totals.begin(backlog.id, len(rows), "routed")
    store.after_commit(lambda: backlog.tail.extend(rows))
    if backlog.max_backlog is not None:
        _bury(store, backlog, store.totals.waiting[backlog.id] - backlog.max_backlog)


def _check_backlog(store: SqliteStore, backlog: SinkBacklog, count: int) -> None:
    """Refuse what does not fit, but never a put to a sink for which nothing waits."""
    waiting = store.totals.waiting[backlog.id]
    if backlog.max_backlog is None or backlog.on_full != "block" or not waiting:
        return
    if waiting + count > backlog.max_backlog:
        raise QueueFullError(
            f"sink {backlog.name}: expected at most {backlog.max_backlog} deliveries to"
            f" wait, got {waiting} and {count} more",
            sink=backlog.name,
        )


def _bury(store: SqliteStore, backlog: SinkBacklog, count: int) -> None:
    """Turn the oldest deliveries that are not under way into dead letters."""
    if count <= 0 or backlog.on_full == "block":
        return
    leased = numbers([0, *backlog.leased])
    oldest = store.rows(sql.OLDEST_FREE, (backlog.id, leased, count))
    reason = (
        f"more than {backlog.max_backlog} deliveries waited for sink {backlog.name}"
    )
    events = numbers([0, *oldest])
    search.free_lanes_of(store, backlog, oldest)
    store.execute(sql.BURY, (reason, store.clock.wall(), backlog.id, events))
    store.execute(sql.DELETE_DELIVERIES, (backlog.id, events))
    store.totals.finish(backlog.id, len(oldest), "dead")
    store.totals.dead[backlog.id] += len(oldest)
    store.after_commit(partial(backlog.end, oldest))
    store.after_commit(backlog.tail.forget)
    said = {"sink": backlog.name, "max_backlog": backlog.max_backlog}
    store.after_commit(lambda: store.buried.say(lambda: said, len(oldest)))


def _insert_rows(
    store: SqliteStore, statement: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    for part in _strides(rows):
        marks = f"({', '.join('?' * len(part[0]))})"
        values = ", ".join([marks] * len(part))
        store.execute(statement + values, [value for row in part for value in row])


def _strides(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    start = 0
    for stride in _STRIDES:
        while len(rows) - start >= stride:
            yield rows[start : start + stride]
            start += stride
