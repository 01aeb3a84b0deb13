"""Counts the attempts to one sink and decides when its circuit opens.

Pure: it knows a clock and nothing else; `gate` acts on its decisions. Share and count
by default are Convoy's [delivery 1.1]; its 30 s are not, for a trial is a single
request and a sink that is back should not wait long for it::

    closed ──share of failures reached──▶ open ──its time is over──▶ one trial
       ▲                                   ▲                          │    │
       │                                   └──── failed: for longer ──┘    │
       └───────────────────────────── succeeded ───────────────────────────┘
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bridge.deliver.settings import BreakerConfig

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
        """Begin a new count; return for how many seconds nothing is tried.

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
