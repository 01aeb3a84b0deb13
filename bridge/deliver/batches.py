"""Group leases into batches: the events of one attempt each."""

import asyncio
import math
from collections import deque
from collections.abc import Sequence

import msgspec

from bridge.queue import Lease
from bridge.sinks.http.settings import BatchConfig


class Batch(msgspec.Struct, frozen=True):
    """The leases of one attempt.

    Attributes:
        leases: At least one.
        epoch: Of the gate, when they were leased.
        done: Set once the attempt has ended; None: nobody waits for it.
    """

    leases: Sequence[Lease]
    epoch: int
    done: asyncio.Event | None = None


class Batcher:
    """Groups leases: full batches go at once, others when they have lingered."""

    def __init__(
        self,
        settings: BatchConfig | None,
        *,
        events: int,
        most: int,
        is_ordered: bool = False,
    ) -> None:
        """Begin empty; `add` waits while `most` jobs wait.

        Args:
            settings: Bytes of a batch, and its linger; None: any number, and none.
            events: Most events of a batch.
            most: Batches that may wait.
            is_ordered: Whether all events go in one order: then nothing can join an
                event that lingers, so none does.
        """
        self._most_events = events
        self._most_bytes = math.inf if settings is None else settings.bytes
        self._linger_seconds = 0.0
        if settings is not None and not is_ordered:
            self._linger_seconds = settings.linger
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(most)
        self._partial: list[Lease] = []
        self._left: list[Lease] = []
        self._size_bytes = 0
        self._epoch = 0
        self._deadline = 0.0
        self._begun = asyncio.Event()
        self._cut = asyncio.Event()
        self.get = self._queue.get
        self.task_done = self._queue.task_done
        self.join = self._queue.join

    @property
    def waiting(self) -> int:
        """How many batches no worker has taken, one that lingers included."""
        return self._queue.qsize() + bool(self._partial)

    async def add(self, leases: Sequence[Lease], epoch: int) -> None:
        """Group leases of the gate's epoch `epoch`."""
        remaining = deque(leases)
        try:
            if self._most_events == 1:
                await self._add_each(remaining, epoch)
            else:
                await self._add_grouped(remaining, epoch)
        except asyncio.CancelledError:
            self._left.extend(remaining)
            raise

    async def _add_each(self, remaining: deque[Lease], epoch: int) -> None:
        while remaining:
            await self._queue.put(Batch((remaining[0],), epoch))
            remaining.popleft()

    async def _add_grouped(self, remaining: deque[Lease], epoch: int) -> None:
        self._epoch = epoch  # the gate is open now, whatever was before
        while remaining:
            if not self._fits(remaining[0]):
                await self._flush()
            self._join(remaining.popleft())
            if len(self._partial) == self._most_events:
                await self._flush()
        if self._linger_seconds:
            self._begun.set()
        else:
            await self._flush()

    def fitting(self, leases: Sequence[Lease]) -> int:
        """Return how many of these, from the first on, one batch can carry."""
        room = self._most_bytes - 2
        count = 0
        for lease in leases[: self._most_events]:
            room -= len(lease.event.body) + 1
            if count and room < 0:
                break
            count += 1
        return count

    async def add_trial(self, lease: Lease, epoch: int) -> None:
        """Have one delivery tried alone, and wait for the end of it."""
        done = asyncio.Event()
        await self._put(Batch((lease,), epoch, done))
        await done.wait()

    async def linger(self) -> None:
        """Let partial batches go when their linger is over, until cancelled."""
        now = asyncio.get_running_loop().time
        while True:
            await self._begun.wait()
            self._begun.clear()
            while self._partial and now() < self._deadline:
                await self._wait()
            await self._flush()

    def cut(self) -> None:
        """End the lingering now."""
        self._deadline = 0.0
        self._cut.set()

    def clear(self) -> Sequence[Lease]:
        """Remove and return the leases that no worker has taken."""
        left, self._left, self._partial = [*self._left, *self._partial], [], []
        while not self._queue.empty():
            left.extend(self._queue.get_nowait().leases)
            self._queue.task_done()
        return left

    def _fits(self, lease: Lease) -> bool:
        # Each event takes a comma, and the whole two brackets.
        return self._size_bytes + len(lease.event.body) + 1 < self._most_bytes

    def _join(self, lease: Lease) -> None:
        """Add to the partial batch."""
        if not self._partial:
            now = asyncio.get_running_loop().time()
            self._deadline = now + self._linger_seconds
        self._partial.append(lease)
        self._size_bytes += len(lease.event.body) + 1

    async def _flush(self) -> None:
        partial, self._partial = self._partial, []
        self._size_bytes = 0
        if partial:
            await self._put(Batch(partial, self._epoch))

    async def _put(self, job: Batch) -> None:
        try:
            await self._queue.put(job)
        except asyncio.CancelledError:
            self._left.extend(job.leases)
            raise

    async def _wait(self) -> None:
        self._cut.clear()
        try:
            async with asyncio.timeout_at(self._deadline):
                await self._cut.wait()
        except TimeoutError:
            return
