"""Order: at most one lease in each lane, always of its oldest delivery.

A lane is what has to stay in order: the deliveries to one sink whose events have one
key. Its head is its oldest row in the file. The searches hand out heads of lanes that
are not busy, and pass over all other rows.

A lane is mixed from the time that a row of it is passed over, delayed, or comes back
from a lease: until no row of it is left, the file is asked for its head. All rows of
any other lane lie beyond the place up to which rows were handed out, so that the first
one found is the head, and most events are never looked up::

    head ──lease──▶ lane is busy ──lease ends──▶ lane is freed ─┐ mixed: look up head
      └──────── row ends without a lease ──────▶ lane is freed ─┤          │
                                     else: forget the lane ◀────┘          ▼
        behind the place up to which rows were handed out: it came back; go first
        beyond it: the searches will find it

A row that is older than the head (delivered again) becomes the head at once; if the
lane is busy, when that lease ends.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from bridge.events import EncodedEvent
from bridge.events.encode import without_data

MOST_FREED = 5000
"""Lanes to look up that are remembered; with more, all rows are searched again."""

MOST_MIXED = 20_000
"""Mixed lanes that are remembered; with more, each lane counts as mixed."""

_Value = str | int | bool | None


class _Keys(msgspec.Struct, gc=False):
    """The attributes of an event that its lane depends on."""

    partitionkey: _Value = None
    subject: _Value = None


_keys_of = msgspec.json.Decoder(_Keys).decode


def lane_of(encoded: EncodedEvent) -> int:
    """Return the lane of an event: a signed number of 64 bits made of its key.

    The key is `partitionkey` (CloudEvents partitioning extension), else `subject`, else
    the id, which is in no order with anything. Two keys with one number share a lane.
    """
    try:
        found = _keys_of(without_data(encoded).body)
    except msgspec.DecodeError:  # never stop for it: it is in no order then
        found = _Keys()
    key = found.partitionkey or found.subject or encoded.id
    digest = blake2b(str(key).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class Order:
    """The lanes of a sink that are in memory; the file has the rest."""

    def __init__(self, mixed: Iterable[int] = ()) -> None:
        """Start with no lane busy; `mixed` are those of all delayed rows."""
        self.freed: set[int] = set()
        self._mixed: set[int] | None = set()
        self.mix(mixed)
        self._leases: dict[int, int] = {}
        self._lanes: dict[int, int] = {}

    def is_busy(self, lane: int) -> bool:
        """Return whether a delivery of the lane is leased."""
        return lane in self._leases

    def is_mixed(self, lane: int) -> bool:
        """Return whether a row of the lane may lie behind what was handed out."""
        return self._mixed is None or lane in self._mixed

    def mix(self, lanes: Iterable[int]) -> None:
        """Note that rows of these lanes may lie behind what was handed out."""
        if self._mixed is None:
            return
        self._mixed.update(lanes)
        if len(self._mixed) > MOST_MIXED:
            self._mixed = None

    def mix_leased(self, events: Iterable[int]) -> None:
        """Do the same for the lanes of these events, if they are leased."""
        lanes = self._lanes
        self.mix(lanes[event] for event in events if event in lanes)

    def unmix(self, lanes: Iterable[int]) -> None:
        """Note that no rows are left in these lanes."""
        if self._mixed is not None:
            self._mixed.difference_update(lanes)

    def take(self, event: int, lane: int) -> None:
        """Note that a delivery is leased."""
        self._lanes[event] = lane
        self._leases[lane] = self._leases.get(lane, 0) + 1

    def end(self, event: int) -> None:
        """Note that it is leased no longer; if it was not, nothing happens."""
        lane = self._lanes.pop(event, None)
        if lane is None:
            return
        others = self._leases.pop(lane) - 1
        if others:
            self._leases[lane] = others
        elif self.is_mixed(lane):
            self.freed.add(lane)

    def free(self, lanes: Iterable[int]) -> bool:
        """Have lanes looked up; return whether there are few enough to do so."""
        self.freed.update(lane for lane in lanes if self.is_mixed(lane))
        return len(self.freed) <= MOST_FREED
