"""Limits of one sink: circuit breaker, rate limiter, and the slots that all share.

The breaker and the rate limits are pure: they know a clock and nothing else. `gate`
acts on the breaker::

    closed ──share of failures reached──▶ open ──its time is over──▶ one trial
       ▲                                   ▲                          │    │
       │                                   └──── failed: for longer ──┘    │
       └───────────────────────────── succeeded ───────────────────────────┘

Its share and count by default are Convoy's [delivery 1.1]; Convoy's 30 s are not, for a
trial is a single request and a sink that is back should not wait long for it.

Rates follow the generic cell rate algorithm (GCRA). Each limit keeps the time at which
the next request would come if all came evenly; a request up to 10 ms earlier is let
through, so that timers that wake late cost nothing. The requests are spaced wider for
that (by 1 % of a second, 0.02 % of a minute), and so no period, wherever it begins,
ever has more than the limit.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bridge.deliver.settings import BreakerConfig, RateConfig

STEPS: Final = 10
"""Steps in which the window moves."""


@dataclass(slots=True)
class _Step:
    number: float
    attempts: int = 0
    failures: int = 0


class CircuitBreaker:
    """Counts the attempts of the last `window`, in steps of a tenth."""

    def __init__(self, settings: BreakerConfig, *, now: Callable[[], float]) -> None:
        """Begin closed; `now` gives seconds."""
        self._settings = settings
        self._width = settings.window / STEPS
        self._now = now
        self._steps: deque[_Step] = deque()
        self._closed_at: float | None = None
        self.openings = 0

    def succeeded(self) -> None:
        """Note an attempt that the sink took."""
        self._step().attempts += 1

    def failed(self) -> bool:
        """Note an attempt that was the sink's fault; return whether to open now."""
        step = self._step()
        step.attempts += 1
        step.failures += 1
        attempts = sum(one.attempts for one in self._steps)
        failures = sum(one.failures for one in self._steps)
        settings = self._settings
        is_share = 100 * failures >= settings.failures * attempts
        return is_share and attempts >= settings.attempts

    def open(self) -> float:
        """Open the circuit and return for how many seconds nothing is tried.

        Twice as long as the last time, unless the breaker was closed for a whole
        window since: a sink that takes one trial and fails under load rests longer.
        """
        settings = self._settings
        if self._closed_at is not None:
            if self._now() - self._closed_at >= settings.window:
                self.openings = 0
            self._closed_at = None
        self._steps.clear()
        self.openings += 1
        # Past that it is the maximum in any case, and powers grow beyond floats.
        doublings = min(self.openings - 1, 63)
        return float(min(settings.min * 2**doublings, settings.max))

    def close(self) -> None:
        """Begin a new count with the sink known to be well."""
        self._steps.clear()
        self._closed_at = self._now()

    def _step(self) -> _Step:
        """Return the count of this moment; forget those behind the window."""
        number = self._now() // self._width
        steps = self._steps
        if not steps or steps[-1].number != number:
            steps.append(_Step(number))
            while steps[0].number <= number - STEPS:
                steps.popleft()
        return steps[-1]


SLACK_SECONDS: Final = 0.01
"""By how much a request may be early."""


@dataclass(slots=True)
class RateLimit:
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


class RateLimiter:
    """Limits the requests to one sink; the lowest of its limits wins."""

    def __init__(
        self, settings: RateConfig | None, *, now: Callable[[], float]
    ) -> None:
        """Begin as if nothing was sent before.

        Args:
            settings: Limits of ours; None: there are none.
            now: A clock in seconds that never goes back.
        """
        self._now = now
        rate = settings or RateConfig.model_construct()
        self._own = [
            RateLimit(requests, period)
            for requests, period in ((rate.per_second, 1.0), (rate.per_minute, 60.0))
            if requests is not None
        ]
        self._receivers: RateLimit | None = None
        self._set(self._own)

    def obey(self, per_minute: float | None) -> None:
        """Add the receiver's own limit, in requests per minute; None: it has none."""
        known = self._receivers
        if per_minute == (None if known is None else known.requests):
            return
        if per_minute is None:
            self._receivers = None
            self._set(self._own)
            return
        expected = float("-inf") if known is None else known.expected
        self._receivers = RateLimit(per_minute, 60.0, expected)
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

    def _set(self, limits: Sequence[RateLimit]) -> None:
        self._limits = limits
        self.is_limited = bool(limits)
        """Whether there is a limit at all."""


class FairSlots:
    """Bounds the attempts of all sinks together; each sink has one slot of its own.

    A sink's first attempt takes its own slot, further ones share the rest: however slow
    a sink is, it never takes the last slot of another. Shared slots that become free go
    round among the sinks that wait.
    """

    def __init__(self, total: int, *, sinks: Sequence[str]) -> None:
        """Share out `total` slots, at least one for each of `sinks`."""
        self._left = total - len(sinks)
        self._taken = dict.fromkeys(sinks, 0)
        self._waiting = {sink: deque[asyncio.Future[None]]() for sink in sinks}
        self._request_gate = deque(sinks)

    async def take(self, sink: str) -> None:
        """Wait until this sink may begin one more attempt; it then counts."""
        if self._is_free(sink):
            self._grant(sink)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[sink].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was granted in the same moment
                self.give_back(sink)
            raise

    def give_back(self, sink: str) -> None:
        """End one attempt of this sink; an attempt that waits may begin."""
        self._taken[sink] -= 1
        if self._taken[sink]:
            self._left += 1
        self._wake(sink)
        for _ in range(len(self._request_gate)):
            if not self._left:
                return
            self._request_gate.rotate(-1)
            self._wake(self._request_gate[0])

    def _wake(self, sink: str) -> None:
        waiting = self._waiting[sink]
        while waiting and self._is_free(sink):
            turn = waiting.popleft()
            if not turn.cancelled():
                self._grant(sink)
                turn.set_result(None)
                return

    def _is_free(self, sink: str) -> bool:
        return not self._taken[sink] or self._left > 0

    def _grant(self, sink: str) -> None:
        if self._taken[sink]:
            self._left -= 1
        self._taken[sink] += 1


LOOK_SECONDS: Final = 0.01
"""Seconds between two looks at the batches that wait."""

SHORTEST_SECONDS: Final = 0.001
"""Shortest wait in seconds; a shorter one is a rounding error."""


class RequestGate:
    """Lets the requests of one sink through, one by one, until its sender stops."""

    def __init__(
        self,
        *,
        sink: str,
        rate_limiter: RateLimiter,
        slots: FairSlots | None,
        stop: asyncio.Event,
    ) -> None:
        """Bind the parts; slots None: as many at once as there are workers."""
        self._sink = sink
        self._rate_limiter = rate_limiter
        self._slots = slots
        self._stop = stop

    @property
    def are_free(self) -> bool:
        """Whether there is no limit at all, so that `take` need not be called."""
        return self._slots is None and not self._rate_limiter.is_limited

    async def wait_for_room(self, waiting: Callable[[], int]) -> int | None:
        """Wait until a request may go beyond those that are leased already.

        Args:
            waiting: Gives how many are leased and not sent yet.

        Returns:
            How many; None: any number.
        """
        while self._rate_limiter.is_limited:
            room = self._rate_limiter.allowed() - waiting()
            if room > 0:
                return room
            await asyncio.sleep(max(LOOK_SECONDS, self._rate_limiter.wait()))
        return None

    async def take(self) -> bool:
        """Wait until a request may be sent; the caller sends it at once.

        Returns:
            False: the sender stops, and the request may not be sent.
        """
        while not self._stop.is_set():
            if self._slots is not None:
                await self._slots.take(self._sink)
            seconds = self._rate_limiter.wait()
            if seconds <= 0:
                self._rate_limiter.take()
                return True
            self.give_back()
            await self._sleep(seconds)
        return False

    def give_back(self) -> None:
        """Note the end of a request."""
        if self._slots is not None:
            self._slots.give_back(self._sink)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(SHORTEST_SECONDS, seconds)):
                await self._stop.wait()
        except TimeoutError:
            return
