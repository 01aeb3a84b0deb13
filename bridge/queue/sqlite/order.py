"""Order: at most one lease in each lane, always of its oldest delivery.

A lane is what has to stay in order: the deliveries to one sink whose events have one
key. Its head is its oldest row in the file. The searches hand out heads of lanes that
are not busy, and pass over all other rows. So nothing is stuck, because whatever ends
the rule of a head has the lane looked up before the next lease::

    head ──lease──▶ lane is busy ──lease ends──▶ lane is freed ──▶ look up its head
      └──────── row ends without a lease ──────▶ lane is freed ──▶      │
                                                                        ▼
        behind the place up to which rows were handed out: it came back; go first
        beyond it: the searches will find it

A row that is older than the head (delivered anew) becomes the head at once; if the lane
is busy, when that lease ends.
"""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from bridge.events import EncodedEvent
from bridge.events.encode import attributes

MOST_FREED = 5000
"""Lanes to look up that are remembered; with more, all rows are searched again."""


def lane_of(encoded: EncodedEvent) -> int:
    """Return the lane of an event: a signed number of 64 bits made of its key.

    The key is `partitionkey` (CloudEvents partitioning extension), else `subject`, else
    the id, which is in no order with anything. Two keys with one number share a lane.
    """
    try:
        found = attributes(encoded)
    except msgspec.DecodeError:  # never stop for it: it is in no order then
        found = {}
    key = found.get("partitionkey") or found.get("subject") or encoded.id
    digest = blake2b(str(key).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Order:
    """What the process knows of the lanes of one sink; the file knows the rest."""

    def __init__(self) -> None:
        """Have no lane busy."""
        self.freed: set[int] = set()
        self._leases: Counter[int] = Counter()
        self._lanes: dict[int, int] = {}

    def is_busy(self, lane: int) -> bool:
        """Return whether a delivery of the lane is leased."""
        return lane in self._leases

    def take(self, event: int, lane: int) -> None:
        """Note that a delivery is leased."""
        self._lanes[event] = lane
        self._leases[lane] += 1

    def end(self, event: int) -> None:
        """Note that it is leased no longer; if it was not, nothing happens."""
        lane = self._lanes.pop(event, None)
        if lane is None:
            return
        self._leases[lane] -= 1
        if not self._leases[lane]:
            del self._leases[lane]
            self.freed.add(lane)

    def free(self, lanes: Iterable[int]) -> bool:
        """Have lanes looked up; return whether there are few enough to do so."""
        self.freed.update(lanes)
        return len(self.freed) <= MOST_FREED
