"""The circuit breaker of one sink: counts, and says when to stop trying.

Pure: it knows a clock and nothing else. `gate` acts on what it says::

    closed ──share of failures reached──▶ open ──its time is over──▶ one trial
       ▲                                   ▲                          │    │
       │                                   └──── failed: for longer ──┘    │
       └───────────────────────────── succeeded ───────────────────────────┘
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

STEPS: Final = 10
"""In so many steps the window moves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerLimits:
    """When a breaker opens, and for how long.

    The share and the count are Convoy's [delivery 1.1]. Its 30 s and more are not: a
    trial is a single request, and a sink that is back should not wait long for it.

    Attributes:
        share: Least part of the attempts in the window that must have failed, of 1.
        attempts: Least attempts in the window.
        window_seconds: How far back it looks.
        minimum_seconds: How long it is open at first; that doubles each time.
        maximum_seconds: Longest that it is open.
    """

    share: float = 0.7
    attempts: int = 10
    window_seconds: float = 60.0
    minimum_seconds: float = 2.0
    maximum_seconds: float = 60.0


@dataclass(slots=True)
class _Step:
    number: float
    attempts: int = 0
    failures: int = 0


class CircuitBreaker:
    """Counts the attempts of the last `window_seconds`, in steps of a tenth."""

    def __init__(self, limits: BreakerLimits, *, now: Callable[[], float]) -> None:
        """Begin closed; `now` gives seconds."""
        self._limits = limits
        self._width = limits.window_seconds / STEPS
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
        limits = self._limits
        return attempts >= limits.attempts and failures >= limits.share * attempts

    def open(self) -> float:
        """Begin a new count; return for how many seconds nothing is tried.

        Twice as long as the last time, unless the breaker was closed for a whole
        window since: a sink that takes one trial and fails under load rests longer.
        """
        limits = self._limits
        if self._closed_at is not None:
            if self._now() - self._closed_at >= limits.window_seconds:
                self.openings = 0
            self._closed_at = None
        self._steps.clear()
        self.openings += 1
        # Past that it is the maximum in any case, and powers grow beyond floats.
        doublings = min(self.openings - 1, 63)
        return float(min(limits.minimum_seconds * 2**doublings, limits.maximum_seconds))

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
