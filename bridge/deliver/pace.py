"""How many requests a sink may get, by the generic cell rate algorithm (GCRA).

Pure: it knows a clock and nothing else. Each limit keeps the time at which the next
request would come if all came evenly; one that comes up to 10 ms earlier is let
through, so that timers that wake late cost nothing. The requests are spaced wider for
that (by 1 % of a second, 0.02 % of a minute), and so no period, wherever it begins,
ever has more than the limit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

SLACK_SECONDS: Final = 0.01
"""By how much a request may be early."""


@dataclass(slots=True)
class Limit:
    """At most `requests` in any `period_seconds`."""

    requests: float
    period_seconds: float
    expected: float = float("-inf")

    @property
    def _interval(self) -> float:
        return (self.period_seconds + SLACK_SECONDS) / self.requests

    def wait(self, now: float) -> float:
        """Return the seconds until a request may go; 0: now."""
        return max(0.0, self.expected - SLACK_SECONDS - now)

    def allowed(self, now: float) -> int:
        """Return how many may go now, one right after the other."""
        if self.wait(now) > 0:
            return 0
        return 1 + int((now + SLACK_SECONDS - max(now, self.expected)) / self._interval)

    def take(self, now: float) -> None:
        """Note a request."""
        self.expected = max(now, self.expected) + self._interval


class Pace:
    """All limits of one sink; the lowest wins, for each must allow a request."""

    def __init__(
        self,
        *,
        per_second: float | None = None,
        per_minute: float | None = None,
        now: Callable[[], float],
    ) -> None:
        """Begin as if nothing was sent before.

        Args:
            per_second: Most requests in any second; None: no limit.
            per_minute: Most requests in any minute; None: no limit.
            now: A clock in seconds that never goes back.
        """
        self._now = now
        self._own = [
            Limit(requests, period)
            for requests, period in ((per_second, 1.0), (per_minute, 60.0))
            if requests is not None
        ]
        self._receivers: Limit | None = None
        self._set(self._own)

    def obey(self, per_minute: float | None) -> None:
        """Take what the receiver allows as a further limit; None: it has none."""
        known = self._receivers
        if per_minute == (None if known is None else known.requests):
            return
        if per_minute is None:
            self._receivers = None
            self._set(self._own)
            return
        expected = float("-inf") if known is None else known.expected
        self._receivers = Limit(per_minute, 60.0, expected)
        self._set([*self._own, self._receivers])

    def wait(self) -> float:
        """Return the seconds until a request may go; 0: now."""
        now = self._now()
        return max((one.wait(now) for one in self._limits), default=0.0)

    def allowed(self) -> int:
        """Return how many requests may go now; only asked if it is limited."""
        now = self._now()
        return min(one.allowed(now) for one in self._limits)

    def take(self) -> None:
        """Note a request that goes now."""
        now = self._now()
        for one in self._limits:
            one.take(now)

    def _set(self, limits: Sequence[Limit]) -> None:
        self._limits = limits
        self.is_limited = bool(limits)
        """Whether there is a limit at all."""
