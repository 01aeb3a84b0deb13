"""Changes that wait for an answer, while later ones may go first.

The cursor moves over the contiguous prefix only: it stays before the first that waits.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bridge.cluster import Change

HELD_LIMIT = 2_000
"""With so many waiting no more is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A change whose answer is not there yet.

    Attributes:
        change: Which one.
        before: The cursor that does not cover it yet; None: none.
        is_first: Whether it was there at the very first start.
        since: When it began to wait, on the monotonic clock.
    """

    change: Change
    before: str | None
    is_first: bool
    since: float


class Held:
    """Changes that wait, oldest first."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._waiting: deque[Waiting] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be added."""
        return len(self._waiting) >= HELD_LIMIT

    def add(self, waiting: Waiting) -> None:
        """Hold one more."""
        self._waiting.append(waiting)

    def cursor(self, reached: str | None) -> str | None:
        """Return how far the cursor may move when everything else is at `reached`."""
        return self._waiting[0].before if self._waiting else reached

    def release(self, goes: Callable[[Waiting], bool]) -> None:
        """Ask for each, in order; what goes is held no more."""
        self._waiting = deque(one for one in self._waiting if not goes(one))
