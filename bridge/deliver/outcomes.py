"""Decide the outcome of each attempt, and record outcomes in the queue."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, assert_never

from msgspec.structs import replace

from bridge.deliver.settings import KnativeRetryConfig, RetryConfig
from bridge.errors import (
    OUR_FAULT,
    OutcomeNotRecordedError,
    PermanentSinkError,
    SinkError,
    TemporarySinkError,
)
from bridge.events import EncodedEvent
from bridge.events.encode import decode, encode
from bridge.logs import RepeatedFailure, get_logger
from bridge.queue import (
    Dead,
    Delivered,
    Forward,
    Lease,
    Outcome,
    Queue,
    Released,
    Retry,
)
from bridge.retry import retry_delay, steady_delay

LONGEST_SECONDS: Final = 3600.0
"""Longest delay in Knative's words: the queue keeps no longer one."""

LONGEST_REST_SECONDS: Final = 60.0
"""Longest rest of a sink that does not say how long; a paused one is tried as often."""


MOST_DATA: Final = 1024
"""Most characters of `knativeerrordata`, as Knative cuts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterSink:
    """Where the dead letters of a sink go.

    Attributes:
        name: Of the sink that takes them.
        failed: What `knativeerrordest` says: the URL of the sink that failed, as
            `shown_url` shows it.
    """

    name: str
    failed: str

    def forward(self, event: EncodedEvent, error: SinkError) -> Forward:
        """Return the event for that sink, with the error, under its own id.

        The attributes are those that Knative's senders add. Without an answer there
        is neither `knativeerrorcode` nor `knativeerrordata`; an answer without a body
        has no `knativeerrordata`.
        """
        added = {"knativeerrordest": self.failed}
        if error.status is not None:
            added["knativeerrorcode"] = str(error.status)
        if error.excerpt:
            added["knativeerrordata"] = b64encode(error.excerpt)[:MOST_DATA].decode()
        known = decode(event)
        kept = {
            name: value
            for name, value in known.extensions.items()
            if not name.startswith("knativeerror")
        }
        extensions = kept | added
        return Forward(
            sink=self.name, event=encode(replace(known, extensions=extensions))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Decides when a delivery is tried again, when it is given up, and where it goes.

    Attributes:
        retry: Delays, and when to give up, in our words or in Knative's.
        dead_letters: Where dead letters go; None: they stay in the queue.
    """

    retry: RetryConfig | KnativeRetryConfig = field(default_factory=RetryConfig)
    dead_letters: DeadLetterSink | None = None

    def delay(self, attempt: int, *, random: Callable[[], float]) -> float:
        """Return the seconds until the next attempt of a delivery.

        Args:
            attempt: The attempt that has just failed; the first is 1.
            random: Gives fractions in [0, 1); not asked in Knative's words, whose
                delays are exact.
        """
        match self.retry:
            case RetryConfig() as ours:
                return retry_delay(
                    attempt,
                    minimum_seconds=ours.min,
                    maximum_seconds=ours.max,
                    random=random,
                )
            case KnativeRetryConfig() as knatives:
                return steady_delay(
                    attempt,
                    policy=knatives.backoff_policy,
                    delay_seconds=knatives.backoff_delay,
                    maximum_seconds=LONGEST_SECONDS,
                )
            case _:
                assert_never(self.retry)

    def rest(
        self, failures: int, error: SinkError, *, random: Callable[[], float]
    ) -> float:
        """Return the seconds that a whole sink rests after an attempt failed.

        The longer of two: the time that the sink asks for (Retry-After), and the delay
        after so many failures. The latter is a minute at most in our words, for the
        trial afterwards is a single request; in Knative's words it is exact.

        Args:
            failures: Consecutive failures, this one included.
            error: How the attempt ended.
            random: Gives fractions in [0, 1).
        """
        seconds = self.delay(failures, random=random)
        if isinstance(self.retry, RetryConfig):
            seconds = min(seconds, LONGEST_REST_SECONDS)
        return max(seconds, self.asked(error))

    def asked(self, error: SinkError) -> float:
        """Return the seconds of Retry-After, capped; 0: the sink asked for none."""
        if not isinstance(error, TemporarySinkError):
            return 0.0
        return min(error.retry_after_seconds or 0.0, self.retry.retry_after_max)

    def gives_up(self, lease: Lease, error: TemporarySinkError) -> bool:
        """Return whether the attempt that failed was the last one."""
        if error.reason == OUR_FAULT:
            return False
        if error.max_attempts is not None and lease.attempt >= error.max_attempts:
            return True
        if isinstance(self.retry, KnativeRetryConfig):
            return lease.attempt > self.retry.retry
        is_old = lease.age_seconds >= self.retry.age
        return is_old and lease.attempt >= self.retry.attempts

    def outcome(
        self,
        lease: Lease,
        error: SinkError,
        *,
        now: float,
        random: Callable[[], float],
    ) -> Outcome:
        """Return the outcome of a delivery whose attempt failed.

        Args:
            lease: The delivery.
            error: How the attempt ended.
            now: Unix seconds.
            random: Gives fractions in [0, 1).
        """
        match error:
            case TemporarySinkError() if not self.gives_up(lease, error):
                # The gate makes the whole sink wait.
                if error.scope == "sink":
                    return Retry(lease=lease, due=now)
                delay = self.delay(lease.attempt, random=random)
                seconds = max(delay, self.asked(error))
                return Retry(lease=lease, due=now + seconds)
            case TemporarySinkError() | PermanentSinkError():
                return self._dead(lease, error)
            case _:
                return Released(lease=lease)

    def _dead(self, lease: Lease, error: SinkError) -> Dead:
        forward = None
        if self.dead_letters is not None:
            forward = self.dead_letters.forward(lease.event, error)
        return Dead(
            lease=lease,
            reason=str(error),
            status=error.status,
            excerpt=error.excerpt,
            forward=forward,
        )


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
        """Settle until closed; when cancelled, settle the outcomes that wait."""
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
