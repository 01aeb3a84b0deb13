"""Deliver again and purge, for an operator."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Literal

from bridge.errors import QueueError
from bridge.queue.sqlite import search, upkeep
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.sink_state import SinkBacklog
from bridge.queue.sqlite.store import SqliteStore, numbers

CHUNK = search.CHUNK

Kind = Literal["e", "d"]
KEPT: Kind = "e"
DEAD: Kind = "d"

_LONGEST_NUMBER = 18  # digits; the file's numbers have 64 bits


def handle_of(kind: Kind, number: int) -> str:
    """Return the handle of a kept event or of a dead letter."""
    return f"{kind}{number}"


def number_of(kind: Kind, handle: str) -> int:
    """Return the key in a handle.

    Raises:
        QueueError: It is no such handle.
    """
    number = handle[1:]
    is_number = number.isascii() and number.isdecimal()
    if handle[:1] != kind or not is_number or len(number) > _LONGEST_NUMBER:
        raise QueueError(
            f"handle {handle[:40]!a}: expected {kind} and a number of at most"
            f" {_LONGEST_NUMBER} digits"
        )
    return int(number)


def chunks(handles: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut handles into what one transaction takes."""
    for start in range(0, len(handles), CHUNK):
        yield handles[start : start + CHUNK]


def enqueue(store: SqliteStore, sink: str, handles: Sequence[str]) -> int:
    """Deliver kept events or dead letters again; return how many more now wait.

    What still waits for the sink is not doubled. A dead letter of this very sink is
    one no longer.
    """
    backlog = store.backlog(sink)
    kept = [number_of(KEPT, one) for one in handles if not one.startswith(DEAD)]
    dead = [number_of(DEAD, one) for one in handles if one.startswith(DEAD)]
    letters = _letters(store, dead) if dead else []
    events = [*kept, *(event for _, _, event in letters)]
    due = max(store.clock.wall(), backlog.due_position[0] + 1)
    enqueued = set(_enqueue(store, backlog, events, due)) if events else set()
    revived = [
        letter
        for letter, owner, event in letters
        if owner == backlog.id and event in enqueued
    ]
    if revived:
        store.column(sql.DELETE_DEAD, (backlog.id, numbers(revived)))
        store.totals.dead[backlog.id] -= len(revived)
    return len(enqueued)


def _letters(
    store: SqliteStore, ids: Sequence[int]
) -> list[tuple[int, int | None, int]]:
    letters = []
    found: Iterable[Any] = store.execute(sql.DEAD_BY_ID, (numbers(ids),))
    for letter, sink, event, is_raw in found:
        if is_raw:
            raise QueueError(
                f"dead letter {handle_of(DEAD, letter)}: expected an event, got an"
                " object that could not be converted to one, or damaged bytes: it"
                " cannot be delivered"
            )
        letters.append((letter, sink, event))
    return letters


def _enqueue(
    store: SqliteStore, backlog: SinkBacklog, events: Sequence[int], due: int
) -> list[int]:
    enqueued = store.column(sql.ENQUEUE, (backlog.id, due, numbers(events)))
    if backlog.has_lanes:
        search.assign(store, backlog, enqueued)
    store.totals.begin(backlog.id, len(enqueued), "enqueued")
    store.after_commit(partial(backlog.expect, due))
    return enqueued


def purge_waiting(store: SqliteStore, sink: str, last_event: int) -> int:
    """End the oldest deliveries of a sink, leased ones too; return how many.

    Args:
        store: Where.
        sink: Its name; it need not be open.
        last_event: The newest event meant.
    """
    backlog = store.backlogs.get(sink)
    if backlog is None:
        return 0
    events = store.column(sql.PURGE_CHUNK, (backlog.id, last_event, CHUNK))
    _end(store, backlog, events)
    return len(events)


def purge(store: SqliteStore, sink: str | None, handles: Sequence[str]) -> int:
    """End what the handles name: dead letters, and deliveries that wait for `sink`."""
    waiting = [one for one in handles if one.startswith(KEPT)]
    dead = [one for one in handles if not one.startswith(KEPT)]
    purged = purge_dead(store, sink, dead)
    backlog = store.backlogs.get(sink or "")
    if waiting and backlog is not None:
        events = numbers(number_of(KEPT, one) for one in waiting)
        ended = store.column(sql.PURGE_SOME, (backlog.id, events))
        _end(store, backlog, ended)
        purged += len(ended)
    return purged


def _end(store: SqliteStore, backlog: SinkBacklog, events: Sequence[int]) -> None:
    store.totals.finish(backlog.id, len(events), "purged")
    upkeep.forget(store, events)
    store.after_commit(partial(backlog.end, events))
    if backlog.order is not None:
        store.after_commit(backlog.search_anew)
    store.after_commit(backlog.tail.forget)


def purge_dead(store: SqliteStore, sink: str | None, handles: Sequence[str]) -> int:
    """Remove dead letters of a sink, or objects that were not converted."""
    backlog = None if sink is None else store.backlogs.get(sink)
    if not handles or (sink is not None and backlog is None):
        return 0
    owner = None if backlog is None else backlog.id
    ids = numbers(number_of(DEAD, handle) for handle in handles)
    events = store.column(sql.DELETE_DEAD, (owner, ids))
    store.totals.dead[owner] -= len(events)
    if events and sink is None:
        store.execute(sql.DELETE_RAW, (numbers(events),))
    upkeep.forget(store, events)
    return len(events)
