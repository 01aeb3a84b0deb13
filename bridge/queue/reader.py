"""The thread that asks the file beside the writer.

A question never holds the writer up; one that takes too long is given up.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import apsw

from bridge.errors import QueueError
from bridge.queue import DeadLetter, Kept, Pending, Scope, questions
from bridge.queue.connection import open_reader
from bridge.queue.faults import translated
from bridge.queue.replay import DEAD, KEPT, Kind, number_of

Given = TypeVar("Given")
Question = Callable[[apsw.Connection], Given]

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

    async def remembered(
        self, scope: Scope, prefix: str
    ) -> AsyncIterator[tuple[str, bytes]]:
        """See `Queue.remembered`."""
        ask, start = partial(questions.remembered, scope, prefix), prefix
        while page := await self.ask(partial(ask, start)):
            for one in page:
                yield one
            start = questions.key_after(page[-1][0])

    async def kept(self, since: datetime, after: str | None) -> AsyncIterator[Kept]:
        """See `Queue.kept`."""
        place = _place(after, KEPT)
        if after is None:
            place = await self.ask(partial(questions.first_since, since)) - 1
        while page := await self.ask(partial(questions.kept, since, place)):
            for one in page:
                yield one
            place = _place(page[-1].handle, KEPT)

    async def dead(
        self, sink: str | None, after: str | None
    ) -> AsyncIterator[DeadLetter]:
        """See `Queue.dead`."""
        place = _place(after, DEAD)
        while page := await self.ask(partial(questions.dead, sink, place)):
            for one in page:
                yield one
            place = _place(page[-1].handle, DEAD)

    async def waiting(self, sink: str, after: str | None) -> AsyncIterator[Pending]:
        """See `Queue.waiting`."""
        place = _place(after, KEPT)
        while page := await self.ask(partial(questions.waiting, sink, place)):
            for one in page:
                yield one
            place = _place(page[-1].handle, KEPT)

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


def _place(handle: str | None, kind: Kind) -> int:
    """Return the key to page from; None: the beginning."""
    return 0 if handle is None else number_of(kind, handle)
