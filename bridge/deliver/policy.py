"""What a failed attempt means for a delivery: decided here, without waiting."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.deliver.forward import DeadLetterSink
from bridge.deliver.schedule import Jittered, Schedule
from bridge.errors import OUR_FAULT, PermanentSinkError, SinkError, TemporarySinkError
from bridge.queue import Dead, Lease, Outcome, Released, Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again, when to give up, and what becomes of it then.

    Attributes:
        schedule: Delays, and an end to them.
        retry_after_seconds: Most that a sink may ask for with Retry-After.
        dead_letters: Where they go; None: they stay in the queue.
    """

    schedule: Schedule = field(default_factory=Jittered)
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
