"""The thread that asks the file beside the writer.

A question never holds the writer up; one that takes too long is given up.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw

from bridge.errors import QueueError
from bridge.queue import DeadLetter, Extent, Kept, Pending, Scope
from bridge.queue.sqlite import pages
from bridge.queue.sqlite import read as questions
from bridge.queue.sqlite.connection import open_reader
from bridge.queue.sqlite.errors import translated
from bridge.queue.sqlite.operate import DEAD, KEPT, Kind, number_of
from bridge.queue.sqlite.pages import View

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
        ask, start = partial(questions.remembered, scope, prefix), prefix
        while page := await self.ask(partial(ask, start)):
            for one in page:
                yield one
            start = questions.key_after(page[-1][0])

    async def kept(
        self, since: datetime, after: str | None, view: View
    ) -> AsyncIterator[Kept]:
        """See `Queue.kept`."""
        place = _place(after, KEPT, view)
        first = 0
        if view.newest or after is None:
            first = await self.ask(partial(questions.first_since, since))
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
