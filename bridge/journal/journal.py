"""Records attempts beside the queue, and finds them again.

`add` only appends to a list; every half second, or every thousand attempts, one thread
stores the list as a chunk. Delivery never waits for it: what cannot be stored is
dropped and counted, and after a minute it is tried again. A kill takes what was not
stored yet.
"""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, Self, TypeVar

import apsw
import msgspec

from bridge.journal import Attempt, Recorded
from bridge.journal.file import JournalFile, event_number
from bridge.journal.settings import JournalConfig
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics

FLUSH_SECONDS: Final = 0.5
"""How long an attempt is only in memory, at most."""

CHUNK_ATTEMPTS: Final = 1000
"""How many attempts are stored without waiting for that time."""

MOST_UNDER_WAY: Final = 8
"""Chunks that may wait for the thread; what comes beyond is dropped."""

REST_SECONDS: Final = 60.0
"""How long nothing is recorded after the file could not be written."""

_QUESTION_CHUNKS: Final = 32
_LAST: Final = 2**31
_BEYOND: Final = (2**62, _LAST)
_NO_CHUNKS: Final[list[int]] = []
_NO_ATTEMPTS: Final[list[Attempt]] = []
_BROKEN = (apsw.Error, OSError, zlib.error, msgspec.MsgspecError, ValueError)

Given = TypeVar("Given")


class Journal:
    """The journal of one process; `open` is how it is made."""

    def __init__(
        self,
        path: Path,
        *,
        settings: JournalConfig,
        metrics: Metrics,
    ) -> None:
        """Name the file; nothing is opened before the first chunk or question."""
        self._path = path
        self._settings = settings
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._file: JournalFile | None = None
        self._rests_until = 0.0
        self._buffer: list[Attempt] = []
        self._next = 1
        self._timer: asyncio.TimerHandle | None = None
        self._under_way = 0
        self._failures = RepeatedFailure(get_logger(), "Attempts are not recorded.")
        metrics.journal_recording.set(1)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        settings: JournalConfig,
        metrics: Metrics,
    ) -> AsyncIterator[Self]:
        """Record until the block ends; what was added until then is stored.

        Args:
            path: The file; made, with its folder, when there is something to store.
            settings: How large it may be, and how long an attempt stays.
            metrics: What is counted.
        """
        journal = cls(
            path,
            settings=settings,
            metrics=metrics,
        )
        try:
            yield journal
        finally:
            await journal.aclose()

    @classmethod
    def beside(
        cls, queue: Path, *, settings: JournalConfig, metrics: Metrics
    ) -> AbstractAsyncContextManager[Self]:
        """Open the journal of a queue's file; see `open`."""
        path = queue.with_name(f"{queue.name}.journal")
        return cls.open(path, settings=settings, metrics=metrics)

    def add(self, attempt: Attempt) -> None:
        """Take an attempt; it is stored soon, and never waited for."""
        self._buffer.append(attempt)
        if len(self._buffer) >= self._next:
            self._arrange()

    async def attempts_of(self, event: str, sink: str | None = None) -> list[Attempt]:
        """Return the attempts to deliver an event, oldest first.

        Args:
            event: Its handle.
            sink: Only those to this sink; None: to any.
        """
        number = event_number(event)

        def is_meant(attempt: Attempt) -> bool:
            return attempt.event == event and sink in {None, attempt.sink}

        about = self._about(number, number, sink, is_meant)
        return [attempt async for attempt in about][::-1]

    async def last_attempts(
        self, wanted: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], Attempt]:
        """Return the last attempt of those deliveries that are still known.

        Args:
            wanted: Handle of the event and name of the sink of each.
        """
        missing = set(wanted)
        found: dict[tuple[str, str], Attempt] = {}
        if not missing:
            return found
        numbers = [event_number(event) for event, _ in missing]

        def is_meant(attempt: Attempt) -> bool:
            return (attempt.event, attempt.sink) in missing

        async for attempt in self._about(min(numbers), max(numbers), None, is_meant):
            key = (attempt.event, attempt.sink)
            found.setdefault(key, attempt)
            if len(found) == len(missing):
                break
        return found

    async def recorded(
        self,
        after: str | None = None,
        *,
        since: float = 0.0,
        newest: bool = False,
        keep: Callable[[Attempt], bool] | None = None,
    ) -> AsyncIterator[Recorded]:
        """Iterate attempts in the order in which they ended.

        Args:
            after: Handle of the last one that is not wanted; None: from the beginning.
            since: Unix seconds; attempts that ended much earlier are left out.
            newest: Newest first, else oldest first.
            keep: Which are wanted; of a chunk without any one attempt is given all the
                same, so that whoever asks sees how far it is. None: all are.
        """
        place = _place(after) if after is not None or not newest else _BEYOND
        while found := await self._ask(
            partial(_next, place=place, since=since, newest=newest, keep=keep), None
        ):
            for one in found:
                yield one
            place = _place(found[-1].handle)

    async def aclose(self) -> None:
        """Store what was added, and leave the file."""
        self._flush()
        await self._loop.run_in_executor(self._thread, self._leave)
        self._thread.shutdown(wait=False)

    async def _about(
        self, first: int, last: int, sink: str | None, keep: Callable[[Attempt], bool]
    ) -> AsyncIterator[Attempt]:
        """Iterate what is meant and about events between two, newest first."""
        where = partial(_chunks_about, first=first, last=last, sink=sink)
        chunks = iter(await self._ask(where, _NO_CHUNKS))
        while part := list(islice(chunks, _QUESTION_CHUNKS)):
            read = partial(_read, chunks=part, keep=keep)
            for attempt in await self._ask(read, _NO_ATTEMPTS):
                yield attempt

    async def _ask(
        self, question: Callable[[JournalFile], Given], nothing: Given
    ) -> Given:
        """Return the answer, as of now; `nothing` where the file is of no use."""
        self._flush()
        return await self._loop.run_in_executor(
            self._thread, self._answer, question, nothing
        )

    def _arrange(self) -> None:
        if len(self._buffer) >= CHUNK_ATTEMPTS:
            self._flush()
        else:
            self._timer = self._loop.call_later(FLUSH_SECONDS, self._flush)
            self._next = CHUNK_ATTEMPTS

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        batch, self._buffer, self._next = self._buffer, [], 1
        if not batch:
            return
        is_resting = time.monotonic() < self._rests_until
        if is_resting or self._under_way >= MOST_UNDER_WAY:
            self._metrics.journal_dropped.inc(len(batch))
            return
        self._under_way += 1
        storing = self._thread.submit(self._store, batch)
        storing.add_done_callback(partial(self._report, len(batch)))

    def _report(self, count: int, storing: Future[None]) -> None:
        self._loop.call_soon_threadsafe(self._stored, count, storing)

    def _stored(self, count: int, storing: Future[None]) -> None:
        self._under_way -= 1
        fault = storing.exception()
        self._metrics.journal_recording.set(fault is None)
        if fault is None:
            self._failures.recovered("Attempts are recorded again.")
            return
        self._rests_until = time.monotonic() + REST_SECONDS
        self._metrics.journal_dropped.inc(count)
        why = getattr(fault, "strerror", None) or fault  # no number beside the text
        self._failures.failed(f"journal {self._path}: {why}")

    # What follows runs on the thread.

    def _store(self, batch: list[Attempt]) -> None:
        try:
            self._opened().append(batch, oldest=time.time() - self._settings.keep)
        except _BROKEN:
            self._leave()
            raise

    def _answer(
        self, question: Callable[[JournalFile], Given], nothing: Given
    ) -> Given:
        try:
            return question(self._opened())
        except _BROKEN:
            self._leave()  # the next use opens it anew, and looks what is wrong
            return nothing

    def _opened(self) -> JournalFile:
        if self._file is None:
            self._file = JournalFile.open(
                self._path, max_size_bytes=self._settings.max_size
            )
        return self._file

    def _leave(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _chunks_about(
    file: JournalFile, *, first: int, last: int, sink: str | None
) -> list[int]:
    return file.chunks_about(first, last, sink)


def _read(
    file: JournalFile, *, chunks: list[int], keep: Callable[[Attempt], bool]
) -> list[Attempt]:
    """Return what is meant, newest first; a chunk of up to 4 MB is read at a time."""
    return [
        attempt
        for attempts in file.read(chunks)
        for attempt in reversed(attempts)
        if keep(attempt)
    ]


def _next(
    file: JournalFile,
    *,
    place: tuple[int, int],
    since: float,
    newest: bool,
    keep: Callable[[Attempt], bool] | None,
) -> list[Recorded] | None:
    """Return what is wanted of the next chunk, or where it ends; None: that was all.

    The place is between two attempts: the chunk and the number of the second one.
    """
    chunk, start = place
    while found := file.next_chunk(chunk, since=since, newest=newest):
        number, attempts = found
        numbered = [
            Recorded(f"j{number}.{index}", attempt)
            for index, attempt in enumerate(attempts)
        ]
        if number == chunk:
            numbered = numbered[: max(start - 1, 0)] if newest else numbered[start:]
        if numbered:
            ordered = numbered[::-1] if newest else numbered
            kept = [one for one in ordered if keep is None or keep(one.attempt)]
            return kept or ordered[-1:]
        chunk, start = (number - 1, _LAST) if newest else (number + 1, 0)
    return None


def _place(handle: str | None) -> tuple[int, int]:
    """Return the place after an attempt; None: before the first."""
    chunk, _, index = (handle or "").partition(".")
    number = event_number(chunk)
    return number, event_number(f"j{index}") + 1 if number else 0
