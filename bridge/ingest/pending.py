"""What waits for an answer, or for its turn, while later changes may go first.

The cursor moves over the contiguous prefix only: it stays before the first that waits.
Changes of one object keep their order.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from bridge.cluster import Change, Gap, ProgressMark

HELD_LIMIT = 2_000
"""With so many waiting no more is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEnd:
    """The end of a snapshot: the cursor jumps once nothing before it waits.

    Attributes:
        gaps: What is announced in the same commit.
    """

    gaps: Sequence[Gap]


class PendingChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change whose answer is not there yet, or what has to come after such a one.

    Attributes:
        item: Which one.
        before: The cursor that does not cover it yet; None: none.
        since: When it began to wait, on the monotonic clock.
        recorded: When it was read, RFC 3339.
    """

    item: Change | ProgressMark | SnapshotEnd
    before: str | None
    since: float
    recorded: str


class PendingChanges:
    """What waits, oldest first."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._waiting: deque[PendingChange] = deque()
        self._keys: set[str] = set()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be added."""
        return len(self._waiting) >= HELD_LIMIT

    def keys(self) -> Iterator[str]:
        """Iterate the keys of the objects whose changes wait."""
        return iter(self._keys)

    def has_earlier(self, change: Change) -> bool:
        """Return whether a change of the same object waits."""
        return change.known is not None and change.known.key in self._keys

    def add(self, waiting: PendingChange) -> None:
        """Hold one more."""
        self._waiting.append(waiting)
        if isinstance(waiting.item, Change) and waiting.item.known is not None:
            self._keys.add(waiting.item.known.key)

    def cursor(self, reached: str | None) -> str | None:
        """Return how far the cursor may move when everything else is at `reached`."""
        return self._waiting[0].before if self._waiting else reached

    def take_all(self) -> Sequence[PendingChange]:
        """Return all, oldest first, and hold nothing any more."""
        waiting, self._waiting, self._keys = self._waiting, deque(), set()
        return waiting
