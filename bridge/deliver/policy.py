"""What a failed attempt means for a delivery: decided here, without waiting."""

from collections.abc import Callable
from dataclasses import dataclass

from bridge.errors import PermanentSinkError, SinkError, TemporarySinkError
from bridge.queue import Dead, Lease, Outcome, Released, Retry
from bridge.retry import retry_delay


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When to try again, and when to give up.

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

    def gives_up(self, lease: Lease, error: TemporarySinkError) -> bool:
        """Return whether the attempt that failed was the last one."""
        if error.max_attempts is not None:
            return lease.attempt >= error.max_attempts
        return lease.attempt >= self.attempts and lease.age_seconds >= self.age_seconds

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
                delay = retry_delay(
                    lease.attempt,
                    minimum_seconds=self.minimum_seconds,
                    maximum_seconds=self.maximum_seconds,
                    random=random,
                )
                asked = error.retry_after_seconds or 0.0
                return Retry(lease=lease, due=now + max(delay, asked))
            case TemporarySinkError() | PermanentSinkError():
                return Dead(
                    lease=lease,
                    reason=str(error),
                    status=error.status,
                    excerpt=error.excerpt,
                )
            case _:
                return Released(lease=lease)
