"""What the rows add up to, in memory, so that no put has to count them."""

from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from typing import Literal, Self, TypeVar

from bridge.queue import Tally

Way = Literal["routed", "enqueued", "delivered", "dead", "purged"]
Key = TypeVar("Key")


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums as they are after the last commit; a copy is put back when one fails.

    Attributes:
        last_event: The highest `seq` ever given.
        ends: Bytes of all events ever stored, up to that one.
        swept: Events up to this one are only there because something refers to them.
        waiting: Deliveries by sink.
        dead: Dead letters by sink; None: what could not be converted.
        ways: How deliveries began and ended since the start, by sink and way.
        begun: Deliveries that waited at the start, by sink; never changed.
    """

    last_event: int = 0
    ends: int = 0
    swept: int = 0
    waiting: Counter[int] = field(default_factory=Counter)
    dead: Counter[int | None] = field(default_factory=Counter)
    ways: Counter[tuple[int, Way]] = field(default_factory=Counter)
    begun: Counter[int] = field(default_factory=Counter)

    def copy(self) -> Self:
        """Return the same sums, to be kept aside."""
        copied = copy(self)
        copied.waiting = _copied(self.waiting)
        copied.dead = _copied(self.dead)
        copied.ways = _copied(self.ways)
        return copied

    def begin(self, sink: int, count: int, way: Way) -> None:
        """Count deliveries that begin to wait."""
        self.waiting[sink] += count
        self.ways[sink, way] += count

    def finish(self, sink: int, count: int, way: Way) -> None:
        """Count deliveries that wait no longer."""
        self.waiting[sink] -= count
        self.ways[sink, way] += count

    def tally(self, sink: int) -> Tally:
        """Return how deliveries to one sink began and ended."""
        return Tally(
            begun=self.begun[sink],
            routed=self.ways[sink, "routed"],
            enqueued=self.ways[sink, "enqueued"],
            delivered=self.ways[sink, "delivered"],
            dead=self.ways[sink, "dead"],
            purged=self.ways[sink, "purged"],
            waiting=self.waiting[sink],
            letters=self.dead[sink],
        )


def _copied(counter: Counter[Key]) -> Counter[Key]:
    """Return a copy; `Counter.copy` takes ten times as long."""
    copied: Counter[Key] = Counter()
    dict.update(copied, counter)
    return copied
