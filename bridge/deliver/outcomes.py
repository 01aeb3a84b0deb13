"""Puts on record what the sink has answered."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bridge.errors import OutcomeNotRecordedError
from bridge.logs import RepeatedFailure, get_logger
from bridge.queue import Delivered, Outcome, Queue

TRY_AGAIN_SECONDS = 1.0
"""Between two tries to record an outcome on a full volume."""

MOST_UNSETTLED = 1_000
"""Answers that may wait for their record; a crash would repeat these deliveries."""

MANY = 64
"""So many outcomes are worth a commit of their own: they wait for no put."""

LAST_WORDS_SECONDS = 5.0
"""How long recording may still take once everything else was cancelled."""


class OutcomeRecorder:
    """Settles outcomes in the groups in which they come together.

    While the volume is full an outcome stays in memory and is tried again; the queue
    leases nothing meanwhile, so that nothing is sent for ever.
    """

    def __init__(self, queue: Queue, *, sink: str) -> None:
        """Record into `queue` for `sink`."""
        self._queue = queue
        self._outcomes: list[Outcome] = []
        self._more = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False
        self._failures = RepeatedFailure(
            get_logger(sink=sink), "Outcome not recorded yet."
        )

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Take outcomes; they are settled soon."""
        self._outcomes.extend(outcomes)
        self._more.set()
        if len(self._outcomes) >= MOST_UNSETTLED:
            self._room.clear()

    async def wait_for_room(self) -> None:
        """Return once less than `MOST_UNSETTLED` outcomes wait."""
        await self._room.wait()

    def close(self) -> None:
        """Let `run` return once everything is recorded."""
        self._closed = True
        self._more.set()

    async def run(self) -> None:
        """Settle until closed; when cancelled, settle what the sink has answered."""
        try:
            while not self._closed or self._outcomes:
                await self._more.wait()
                self._more.clear()
                await self._settle()
        finally:
            if self._outcomes:
                with suppress(OutcomeNotRecordedError, TimeoutError):
                    async with asyncio.timeout(LAST_WORDS_SECONDS):
                        await self._queue.settle(self._outcomes)

    async def _settle(self) -> None:
        while settling := self._outcomes[:]:
            try:
                await self._queue.settle(settling, lazily=self._may_wait(settling))
            except OutcomeNotRecordedError as error:
                self._failures.failed(str(error))
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                del self._outcomes[: len(settling)]
                self._room.set()
                self._failures.recovered("Outcomes are recorded again.")

    def _may_wait(self, outcomes: Sequence[Outcome]) -> bool:
        """Whether nothing is gained by recording them at once."""
        return (
            not self._closed
            and len(outcomes) < MANY
            and all(isinstance(outcome, Delivered) for outcome in outcomes)
        )
