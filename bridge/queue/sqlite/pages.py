"""Pages of rows for people to look at: each a function of a connection.

A page is bounded by rows and, where whole events are read, by bytes: their sizes are
asked first, so that a page of events of 1 MB holds few of them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from heapq import nlargest, nsmallest
from typing import Any, Final, NamedTuple

import apsw

from bridge.events import EncodedEvent
from bridge.queue import DeadLetter, Extent, Kept, Pending
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import micros, moment
from bridge.queue.sqlite.operate import DEAD, KEPT, handle_of
from bridge.queue.sqlite.store import numbers

PAGE_ROWS: Final = 50
FIRST_ROWS: Final = 5
PAGE_KEYS: Final = 500
"""Rows of a page of which nothing is read but numbers and names."""

PAGE_BYTES: Final = 2 * 1024 * 1024
"""Of whole events; the first of a page may be larger."""

BEYOND: Final = 2**63 - 1
"""No row has this number."""


class View(NamedTuple):
    """The extent and the order in which rows are read.

    Attributes:
        extent: What of each event is read.
        newest: Whether the newest comes first.
        is_first: Whether nobody has looked yet: often one row is all that is wanted.
    """

    extent: Extent
    newest: bool
    is_first: bool = True

    @property
    def rows(self) -> int:
        """Most rows of a page."""
        if self.is_first:
            return FIRST_ROWS
        return PAGE_KEYS if self.extent == "handle" else PAGE_ROWS


class Key(NamedTuple):
    """A delivery that waits, and its place in the order of all."""

    event: int
    name: str


def kept(
    since: datetime, place: int, first: int, view: View, connection: apsw.Connection
) -> list[Kept]:
    """Return a page of stored events.

    Args:
        since: What was stored earlier is left out.
        place: Number of the last one that is not wanted.
        first: An event before which none was stored since then.
        view: How to look.
        connection: Where to ask.
    """
    time = micros(since.timestamp())
    statement, bindings = sql.KEPT_KEYS, [max(place, first - 1), time]
    if view.newest:
        statement, bindings = sql.KEPT_KEYS_NEWEST, [place, first, time]
    events = _column(connection, statement, [*bindings, view.rows])
    events = events[: _fitting(events, view, connection)]
    found = {one.handle: one for one in events_of(events, view.extent, connection)}
    return [found[handle_of(KEPT, event)] for event in events]


def events_of(
    events: Sequence[int], extent: Extent, connection: apsw.Connection
) -> list[Kept]:
    """Return those events that are stored, in the order of their numbers."""
    if not events:
        return []
    wanted = numbers(events)
    rows = sorted(connection.execute(_statement(sql.KEPT, extent), (wanted,)))
    waiting: dict[int, list[str]] = {}
    for event, sink in connection.execute(sql.WAITING_FOR, (wanted,)):
        waiting.setdefault(event, []).append(sink)
    return [
        Kept(
            handle=handle_of(KEPT, event),
            event=EncodedEvent(id=id_, body=body, data_offset=offset),
            stored=moment(stored),
            waiting=tuple(waiting.get(event, ())),
            routes=_routes(names),
            size_bytes=size,
        )
        for event, stored, offset, id_, body, names, size in rows
    ]


def dead(
    sink: str | None, place: int, view: View, connection: apsw.Connection
) -> list[DeadLetter]:
    """Return a page of dead letters, after or before the number of one."""
    statement = sql.DEAD_KEYS_NEWEST if view.newest else sql.DEAD_KEYS
    bindings: list[Any] = [place, view.rows]
    if sink is not None:
        of_sink = (sql.DEAD_KEYS_OF_SINK, sql.DEAD_KEYS_OF_SINK_NEWEST)
        statement, bindings = of_sink[view.newest], [sink, *bindings]
    keys: list[Any] = connection.execute(statement, bindings).fetchall()
    count = _fitting([event for _, event in keys], view, connection)
    return _letters([letter for letter, _ in keys[:count]], view.extent, connection)


def letters(event: int, connection: apsw.Connection) -> list[DeadLetter]:
    """Return the dead letters of one event, oldest first; a page of them at most."""
    bindings = (event, PAGE_KEYS)
    ids = _column(connection, sql.DEAD_KEYS_OF_EVENT, bindings)
    return _letters(ids, "handle", connection)


def _letters(
    ids: Sequence[int], extent: Extent, connection: apsw.Connection
) -> list[DeadLetter]:
    if not ids:
        return []
    statement = _statement(sql.DEAD, extent)
    rows = {row[0]: row for row in connection.execute(statement, (numbers(ids),))}
    return [_dead_letter(*rows[one]) for one in ids]


def _dead_letter(
    letter: int,
    sink: str | None,
    offset: int | None,
    event: str,
    body: bytes,
    *rest: Any,
) -> DeadLetter:
    reason, status, excerpt, attempts, stored, died, names, number = rest
    return DeadLetter(
        handle=handle_of(DEAD, letter),
        sink=sink,
        event=EncodedEvent(id=event, body=body, data_offset=offset or 0),
        reason=reason,
        status=status,
        excerpt=excerpt,
        attempts=attempts,
        stored=moment(stored),
        died=moment(died),
        kept=handle_of(KEPT, number),
        routes=_routes(names),
        is_event=offset is not None,
    )


def waiting_keys(
    sink: str | None, place: Key, view: View, connection: apsw.Connection
) -> list[Key]:
    """Return what waits for a sink, or for all, after or before a place."""
    found: list[Key] = []
    newest = view.newest
    statement = sql.WAITING_KEYS_NEWEST if newest else sql.WAITING_KEYS
    choose = nlargest if newest else nsmallest
    last = 0 if newest else BEYOND
    for number, name in _sinks(sink, connection):
        bindings = (number, _edge(name, place, newest=newest), last, PAGE_KEYS)
        events = _column(connection, statement, bindings)
        found = choose(PAGE_KEYS, [*found, *(Key(one, name) for one in events)])
        if len(found) == PAGE_KEYS:  # nothing beyond can be on this page
            last = found[-1].event
    return found


def _edge(name: str, place: Key, *, newest: bool) -> int:
    """Return the event of a sink that lies outside; at the place names decide."""
    if newest:
        return place.event + (name < place.name)
    return place.event - (name > place.name)


def waiting(
    keys: Sequence[Key], view: View, connection: apsw.Connection
) -> tuple[int, list[Pending]]:
    """Return how many of the first keys are looked at, and which of them still wait."""
    keys = keys[: view.rows]
    keys = keys[: _fitting([key.event for key in keys], view, connection)]
    ids = {name: number for number, name in connection.execute(sql.SINK_NAMES)}
    pairs = json.dumps([(ids.get(key.name), key.event) for key in keys])
    statement = _statement(sql.WAITING, view.extent)
    found = {row[:2]: row[2:] for row in connection.execute(statement, (pairs,))}
    rows = ((key, found.get((ids.get(key.name), key.event))) for key in keys)
    return len(keys), [_pending(key, *row) for key, row in rows if row is not None]


def _pending(key: Key, *row: Any) -> Pending:
    stored, offset, id_, body, names, attempts, due = row
    return Pending(
        handle=handle_of(KEPT, key.event),
        sink=key.name,
        event=EncodedEvent(id=id_, body=body, data_offset=offset),
        stored=moment(stored),
        routes=_routes(names),
        attempts=attempts,
        due=None if due is None else moment(due),
    )


def _sinks(sink: str | None, connection: apsw.Connection) -> Iterator[tuple[int, str]]:
    found: Iterable[Any] = connection.execute(sql.SINK_NAMES).fetchall()
    return ((number, name) for number, name in found if sink in {None, name})


def _fitting(events: Sequence[int], view: View, connection: apsw.Connection) -> int:
    """Return how many of the first events go on a page; at least one."""
    if view.extent != "whole" or not events:
        return len(events)
    sizes = dict(connection.execute(sql.SIZES, (numbers(set(events)),)))
    total = 0
    for count, event in enumerate(events):
        total += sizes.get(event, 0)  # it may have ended meanwhile
        if total > PAGE_BYTES:
            return max(count, 1)
    return len(events)


def _statement(statement: str, extent: Extent) -> str:
    excerpt = "excerpt" if extent == "whole" else "x''"
    return statement.format(body=sql.BODIES[extent], excerpt=excerpt)


def _column(
    connection: apsw.Connection, statement: str, bindings: Sequence[Any]
) -> list[int]:
    return [row[0] for row in connection.execute(statement, bindings)]


def _routes(names: str | None) -> tuple[str, ...]:
    return () if names is None else tuple(json.loads(names))
