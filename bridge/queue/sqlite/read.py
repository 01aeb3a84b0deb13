"""Read beside the writer: functions of a connection, and their thread.

A question never holds the writer up; one that takes too long is given up.
"""

import asyncio
import json
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TypeVar

import apsw

from bridge.errors import QueueError
from bridge.queue import (
    RECALL_LIMIT,
    DeadLetter,
    Extent,
    Kept,
    Pending,
    Scope,
    StoredCursor,
)
from bridge.queue.sqlite import pages
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.clock import micros, moment
from bridge.queue.sqlite.connection import open_reader, translated
from bridge.queue.sqlite.operate import DEAD, KEPT, Kind, number_of
from bridge.queue.sqlite.pages import View
from bridge.queue.sqlite.put import scope_names

_PAGE_KEYS = 5000
_PAGE_BYTES = 2 * 1024 * 1024
_LAST = "\U0010ffff"  # no key has a character after it


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
    scope: Scope, prefix: str, start: str, connection: apsw.Connection
) -> list[tuple[str, bytes]]:
    """Return a page of what is known in a scope, in key order.

    Args:
        scope: Whose.
        prefix: Begins each key that is wanted.
        start: The first key that may be on this page.
        connection: Where to ask.
    """
    place = (*scope_names(scope), start, prefix + _LAST)
    sizes = connection.execute(sql.REMEMBERED_SIZES, (*place, _PAGE_KEYS)).get
    count = bisect_left(list(accumulate(json.loads(sizes))), _PAGE_BYTES) + 1
    return _pairs(*connection.execute(sql.REMEMBERED, (*place, count)).get)


def key_after(key: str) -> str:
    """Return the first key that can follow another one."""
    return key + "\0"


def recall(
    scope: Scope, keys: Sequence[str], connection: apsw.Connection
) -> dict[str, bytes]:
    """Return the values of those keys that are known in a scope.

    Raises:
        QueueError: There are too many.
    """
    if len(keys) > RECALL_LIMIT:
        raise QueueError(
            f"recall: expected at most {RECALL_LIMIT} keys, got {len(keys)}"
        )
    bindings = (*scope_names(scope), json.dumps(keys))
    return dict(_pairs(*connection.execute(sql.RECALL, bindings).get))


def _pairs(described: str, values: bytes) -> list[tuple[str, bytes]]:
    """Return keys and values; what was described are keys and lengths."""
    pairs = []
    start = 0
    for key, length in json.loads(described):
        pairs.append((key, values[start : start + length]))
        start += length
    return pairs


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


Given = TypeVar("Given")
Question = Callable[[apsw.Connection], Given]

MOST_SECONDS = 5.0
"""How long a question may take."""

_CHECKED_EVERY = 10_000


class ReadThread:
    """Asks questions on one thread, each with a limit of time."""

    def __init__(self, path: Path) -> None:
        """Name the file, which exists; nothing is opened before the first question."""
        self._path = path
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

    async def remembered(
        self, scope: Scope, prefix: str
    ) -> AsyncIterator[tuple[str, bytes]]:
        """See `Queue.remembered`."""
        ask, start = partial(remembered, scope, prefix), prefix
        while page := await self.ask(partial(ask, start)):
            for one in page:
                yield one
            start = key_after(page[-1][0])

    async def kept(
        self, since: datetime, after: str | None, view: View
    ) -> AsyncIterator[Kept]:
        """See `Queue.kept`."""
        place = _place(after, KEPT, view)
        first = 0
        if view.newest or after is None:
            first = await self.ask(partial(first_since, since))
        while page := await self.ask(partial(pages.kept, since, place, first, view)):
            for one in page:
                yield one
            place = number_of(KEPT, page[-1].handle)
            view = view._replace(is_first=False)

    async def events(self, handles: Sequence[str], extent: Extent) -> list[Kept]:
        """See `Queue.events`."""
        events = sorted({number_of(KEPT, one) for one in handles})
        return await self.ask(partial(pages.events_of, events, extent))

    async def dead(
        self, sink: str | None, after: str | None, view: View
    ) -> AsyncIterator[DeadLetter]:
        """See `Queue.dead`."""
        place = _place(after, DEAD, view)
        while page := await self.ask(partial(pages.dead, sink, place, view)):
            for one in page:
                yield one
            place = number_of(DEAD, page[-1].handle)
            view = view._replace(is_first=False)

    async def waiting(
        self, sink: str | None, after: str | None, view: View
    ) -> AsyncIterator[Pending]:
        """See `Queue.waiting`."""
        name, _, handle = (after or "").rpartition("/")
        place = pages.Key(_place(handle or None, KEPT, view), name or sink or "")
        while keys := await self.ask(partial(pages.waiting_keys, sink, place, view)):
            place = keys[-1]
            while keys:
                look = partial(pages.waiting, keys, view)
                count, rows = await self.ask(look)
                for one in rows:
                    yield one
                keys = keys[count:]
                view = view._replace(is_first=False)

    async def aclose(self) -> None:
        """Leave the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _answer(self, question: Question[Given]) -> Given:
        with translated(str(self._path)):
            if self._connection is None:
                self._connection = open_reader(self._path)
            end = time.monotonic() + MOST_SECONDS
            self._connection.set_progress_handler(
                lambda: time.monotonic() > end, _CHECKED_EVERY
            )
            try:
                with self._connection:  # all of a question sees one state
                    answer = question(self._connection)
            except apsw.InterruptError as error:
                raise QueueError(
                    f"queue {self._path}: a question took more than {MOST_SECONDS:g} s"
                ) from error
        return answer

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _place(handle: str | None, kind: Kind, view: View) -> int:
    """Return the number to page from; None: the beginning."""
    if handle is None:
        return pages.BEYOND - 1 if view.newest else 0
    return number_of(kind, handle)
