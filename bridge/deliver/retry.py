"""When a delivery that failed is tried again, and when it is given up."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from msgspec.structs import replace

from bridge.errors import OUR_FAULT, PermanentSinkError, SinkError, TemporarySinkError
from bridge.events import EncodedEvent
from bridge.events.encode import decode, encode
from bridge.queue import Dead, Forward, Lease, Outcome, Released, Retry
from bridge.retry import retry_delay, steady_delay

LONGEST_SECONDS: Final = 3600.0
"""Bound of any delay of a `KnativeBackoff` schedule: the queue keeps no longer one."""

LONGEST_REST_SECONDS: Final = 60.0
"""Of a sink that does not say how long; a paused one is tried as often."""


class RetrySchedule(Protocol):
    """Delays, and an end to them."""

    def delay(self, attempt: int, *, random: Callable[[], float]) -> float:
        """Return the seconds to wait after so many attempts failed.

        Args:
            attempt: From 1.
            random: Gives fractions in [0, 1).
        """
        ...

    def rest(self, failures: int, *, random: Callable[[], float]) -> float:
        """Return the seconds that a whole sink rests after so many failures running.

        Args:
            failures: From 1.
            random: Gives fractions in [0, 1).
        """
        ...

    def is_over(self, lease: Lease) -> bool:
        """Return whether the attempt of this lease, which failed, was the last."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JitteredBackoff:
    """Delays at random below a bound that doubles; the end comes by age.

    Attributes:
        minimum_seconds: Bound of the first delay; it doubles with each attempt.
        maximum_seconds: Bound of any delay.
        age_seconds: Give up once so much time has passed since the first attempt,
            counting only time in which the sink could be tried,
        attempts: and at least so many attempts were made.
    """

    minimum_seconds: float = 1.0
    maximum_seconds: float = 600.0
    age_seconds: float = 72 * 3600.0
    attempts: int = 8

    def delay(self, attempt: int, *, random: Callable[[], float]) -> float:
        """See `RetrySchedule.delay`; anything from 200 ms to the bound."""
        return retry_delay(
            attempt,
            minimum_seconds=self.minimum_seconds,
            maximum_seconds=self.maximum_seconds,
            random=random,
        )

    def rest(self, failures: int, *, random: Callable[[], float]) -> float:
        """See `RetrySchedule.rest`; a trial is one request, so a minute at most."""
        return min(self.delay(failures, random=random), LONGEST_REST_SECONDS)

    def is_over(self, lease: Lease) -> bool:
        """See `RetrySchedule.is_over`; old, and tried often."""
        return lease.attempt >= self.attempts and lease.age_seconds >= self.age_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class KnativeBackoff:
    """Exact delays, as Knative's ``delivery`` has them; the end comes by count.

    Attributes:
        retries: Attempts after the first.
        backoff: How the delays grow; see `steady_delay`.
        delay_seconds: What they grow by.
    """

    retries: int
    backoff: Literal["linear", "exponential"]
    delay_seconds: float

    def delay(self, attempt: int, *, random: Callable[[], float]) -> float:  # noqa: ARG002  # nothing here is random
        """See `RetrySchedule.delay`; the same each time."""
        return steady_delay(
            attempt,
            policy=self.backoff,
            delay_seconds=self.delay_seconds,
            maximum_seconds=LONGEST_SECONDS,
        )

    rest = delay

    def is_over(self, lease: Lease) -> bool:
        """See `RetrySchedule.is_over`; however old it is."""
        return lease.attempt > self.retries


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
        """Return the event with what went wrong, under its own id, for that sink.

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
    """When to try again, when to give up, and what becomes of it then.

    Attributes:
        schedule: Delays, and an end to them.
        retry_after_seconds: Most that a sink may ask for with Retry-After.
        dead_letters: Where they go; None: they stay in the queue.
    """

    schedule: RetrySchedule = field(default_factory=JitteredBackoff)
    retry_after_seconds: float = 3600.0
    dead_letters: DeadLetterSink | None = None

    def rest(
        self, failures: int, error: SinkError, *, random: Callable[[], float]
    ) -> float:
        """Return the seconds that the whole sink rests: its word, or the schedule's.

        The longer of both.

        Args:
            failures: How many there were running, this one included.
            error: How the attempt ended.
            random: Gives fractions in [0, 1).
        """
        return max(self.schedule.rest(failures, random=random), self.asked(error))

    def asked(self, error: SinkError) -> float:
        """Return the seconds that the sink asked for, capped; 0: for nothing."""
        if not isinstance(error, TemporarySinkError):
            return 0.0
        return min(error.retry_after_seconds or 0.0, self.retry_after_seconds)

    def gives_up(self, lease: Lease, error: TemporarySinkError) -> bool:
        """Return whether the attempt that failed was the last one."""
        if error.reason == OUR_FAULT:
            return False
        if error.max_attempts is not None and lease.attempt >= error.max_attempts:
            return True
        return self.schedule.is_over(lease)

    def outcome(
        self,
        lease: Lease,
        error: SinkError,
        *,
        now: float,
        random: Callable[[], float],
    ) -> Outcome:
        """Return what becomes of a delivery whose attempt failed.

        Args:
            lease: The delivery.
            error: How the attempt ended.
            now: Unix seconds.
            random: Gives fractions in [0, 1).
        """
        match error:
            case TemporarySinkError() if not self.gives_up(lease, error):
                # What the whole sink has to wait for its gate makes it wait.
                if error.scope == "sink":
                    return Retry(lease=lease, due=now)
                delay = self.schedule.delay(lease.attempt, random=random)
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
