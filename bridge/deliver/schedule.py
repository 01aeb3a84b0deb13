"""When a delivery that failed is tried again, and when it is given up."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from bridge.queue import Lease
from bridge.retry import retry_delay, steady_delay

LONGEST_SECONDS: Final = 3600.0
"""Bound of any delay of a `Counted` schedule: the queue keeps no longer one."""

LONGEST_REST_SECONDS: Final = 60.0
"""Of a sink that does not say how long; a paused one is tried as often."""


class Schedule(Protocol):
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
class Jittered:
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
        """See `Schedule.delay`; anything from 200 ms to the bound."""
        return retry_delay(
            attempt,
            minimum_seconds=self.minimum_seconds,
            maximum_seconds=self.maximum_seconds,
            random=random,
        )

    def rest(self, failures: int, *, random: Callable[[], float]) -> float:
        """See `Schedule.rest`; a trial is one request, so a minute at most."""
        return min(self.delay(failures, random=random), LONGEST_REST_SECONDS)

    def is_over(self, lease: Lease) -> bool:
        """See `Schedule.is_over`; old, and tried often."""
        return lease.attempt >= self.attempts and lease.age_seconds >= self.age_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
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
        """See `Schedule.delay`; the same each time."""
        return steady_delay(
            attempt,
            policy=self.backoff,
            delay_seconds=self.delay_seconds,
            maximum_seconds=LONGEST_SECONDS,
        )

    rest = delay

    def is_over(self, lease: Lease) -> bool:
        """See `Schedule.is_over`; however old it is."""
        return lease.attempt > self.retries
