"""What can be asked of the file beside the writer, on a thread of its own.

A question never holds the writer up; one that takes too long is given up.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from bridge.errors import QueueError
from bridge.events import EncodedEvent
from bridge.queue import DeadLetter, Kept, Scope, StoredCursor
from bridge.queue import statements as sql
from bridge.queue.clock import micros, moment
from bridge.queue.connection import open_reader
from bridge.queue.faults import translated
from bridge.queue.intake import scope_names
from bridge.queue.replay import DEAD, KEPT, Kind, handle_of, number_of
from bridge.queue.store import numbers

Given = TypeVar("Given")
Question = Callable[[apsw.Connection], Given]

_PAGE_EVENTS = 50  # an event can be 1.5 MB
_PAGE_KEYS = 500
_CHECKED_EVERY = 10_000


class Reader:
    """Asks questions on one thread, each with a limit of time."""

    def __init__(self, path: Path, *, most_seconds: float = 5.0) -> None:
        """Name the file, which exists; nothing is opened before the first question."""
        self._path = path
        self._most_seconds = most_seconds
        self._thread = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="queue-reader"
        )
        self._connection: apsw.Connection | None = None

    async def ask(self, question: Question[Given]) -> Given:
        """Return the answer.

        Raises:
            QueueError: It took too long, or the file cannot be read.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, question)

    async def remembered(self, scope: Scope) -> AsyncIterator[tuple[str, bytes]]:
        """See `Queue.remembered`."""
        after = ""
        while page := await self.ask(partial(remembered, scope, after)):
            for one in page:
                yield one
            after = page[-1][0]

    async def kept(self, since: datetime, after: str | None) -> AsyncIterator[Kept]:
        """See `Queue.kept`."""
        place = _place(after, KEPT)
        if after is None:
            place = await self.ask(partial(first_since, since)) - 1
        while page := await self.ask(partial(kept, since, place)):
            for one in page:
                yield one
            place = _place(page[-1].handle, KEPT)

    async def dead(
        self, sink: str | None, after: str | None
    ) -> AsyncIterator[DeadLetter]:
        """See `Queue.dead`."""
        place = _place(after, DEAD)
        while page := await self.ask(partial(dead, sink, place)):
            for one in page:
                yield one
            place = _place(page[-1].handle, DEAD)

    async def aclose(self) -> None:
        """Leave the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _answer(self, question: Question[Given]) -> Given:
        with translated(str(self._path)):
            if self._connection is None:
                self._connection = open_reader(self._path)
            end = time.monotonic() + self._most_seconds
            self._connection.set_progress_handler(
                lambda: time.monotonic() > end, _CHECKED_EVERY
            )
            try:
                return question(self._connection)
            except apsw.InterruptError as error:
                raise QueueError(
                    f"queue {self._path}: a question took more than"
                    f" {self._most_seconds:g} s"
                ) from error

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class Waits(NamedTuple):
    """Of the deliveries of a sink: how many are delayed; when the oldest was stored."""

    delayed: int
    oldest: datetime | None


def cursor(scope: Scope, connection: apsw.Connection) -> str | None:
    """Return the cursor of a scope."""
    found = connection.execute(sql.FIND_SCOPE, scope_names(scope)).get
    return None if found is None else found[1]


def cursors(connection: apsw.Connection) -> list[StoredCursor]:
    """Return every cursor that is set."""
    found = []
    for *names, version, moved in connection.execute(sql.CURSORS):
        cluster, resource, namespace, field_selector, label_selector = names
        scope = Scope(
            cluster=cluster,
            resource=resource,
            namespace=namespace,
            field_selector=field_selector,
            label_selector=label_selector,
        )
        found.append(
            StoredCursor(scope=scope, resource_version=version, moved=moment(moved))
        )
    return found


def remembered(
    scope: Scope, after: str, connection: apsw.Connection
) -> Sequence[tuple[str, bytes]]:
    """Return a page of what is known in a scope, in key order."""
    bindings = (*scope_names(scope), after, _PAGE_KEYS)
    page: list[Any] = connection.execute(sql.REMEMBERED, bindings).fetchall()
    return page


def first_since(since: datetime, connection: apsw.Connection) -> int:
    """Return an event before which all were stored earlier, by bisection.

    Events are in the order of their time, but for a clock that was set back.
    """
    target = micros(since.timestamp())
    low, high = connection.execute(sql.EVENT_BOUNDS).get
    while low < high:
        middle = (low + high) // 2
        event, stored = connection.execute(sql.EVENT_FROM, (middle,)).get
        if stored < target:
            low = event + 1
        else:
            high = middle
    return int(low)


def kept(since: datetime, after: int, connection: apsw.Connection) -> list[Kept]:
    """Return a page of stored events."""
    bindings = (after, micros(since.timestamp()), _PAGE_EVENTS)
    rows: list[Any] = connection.execute(sql.KEPT, bindings).fetchall()
    waiting: dict[int, list[str]] = {}
    if rows:
        events = numbers(row[0] for row in rows)
        for event, sink in connection.execute(sql.WAITING_FOR, (events,)):
            waiting.setdefault(event, []).append(sink)
    return [
        Kept(
            handle=handle_of(KEPT, event),
            event=EncodedEvent(id=id_, body=body, data_offset=offset),
            stored=moment(stored),
            waiting=tuple(waiting.get(event, ())),
        )
        for event, stored, offset, id_, body in rows
    ]


def dead(sink: str | None, after: int, connection: apsw.Connection) -> list[DeadLetter]:
    """Return a page of dead letters."""
    bindings: list[Any]
    if sink is None:
        statement, bindings = sql.DEAD_OF_ALL, [after, _PAGE_EVENTS]
    else:
        statement, bindings = sql.DEAD_OF_SINK, [sink, after, _PAGE_EVENTS]
    rows: list[Any] = connection.execute(statement, bindings).fetchall()
    return [_dead_letter(*row) for row in rows]


def _dead_letter(
    letter: int,
    sink: str | None,
    offset: int | None,
    event: str,
    body: bytes,
    *rest: Any,
) -> DeadLetter:
    reason, status, excerpt, attempts, stored, died = rest
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
    )


def waits(sink: int, wall: int, connection: apsw.Connection) -> Waits:
    """Return what memory does not know of the deliveries of a sink."""
    oldest = connection.execute(sql.OLDEST, (sink,)).get
    return Waits(
        delayed=connection.execute(sql.COUNT_DELAYED, (sink, wall)).get,
        oldest=None if oldest is None else moment(oldest),
    )


def used_bytes(connection: apsw.Connection) -> int:
    """Return the bytes of the pages in use."""
    pages: int = connection.pragma("page_count") - connection.pragma("freelist_count")
    size: int = connection.pragma("page_size")
    return pages * size


def _place(handle: str | None, kind: Kind) -> int:
    """Return the key to page from; None: the beginning."""
    return 0 if handle is None else number_of(kind, handle)
