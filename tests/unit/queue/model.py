"""What a queue should hold, as a few dictionaries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice, takewhile
from math import inf

from bridge.queue import Lease, Ordering

KEYS = 2
RUN = 2
LONGEST_SECONDS = 3600.0
"""What a gate may stay closed, and a delivery wait, after a start."""


def key_of(name: str) -> str:
    """Return the key with which an event stays in order."""
    return f"key-{int(name) % KEYS}"


@dataclass
class Row:
    """A delivery that has not ended.

    Attributes:
        due: When it may be leased, by the wall clock.
        delay: What it was told to wait; None: it is fresh.
        attempts: How many were made.
        lease: The lease, if it is leased.
        until: When that ends, by the steady clock.
        has_returned: A lease ended without an outcome: due at once.
        was_due: It was due when the clock was set back: may be leased, or must wait.
    """

    due: float
    delay: float | None = None
    attempts: int = 0
    lease: Lease | None = None
    until: float = 0.0
    has_returned: bool = False
    was_due: bool = False

    def is_due(self, now: float) -> bool:
        """Return whether it may be leased, but for order."""
        return self.has_returned or self.due <= now


@dataclass
class Model:
    """What the queue should hold.

    Attributes:
        gates: When each gate opens at the latest.
        earliest: When it may open: a start judges by the newest time in the file how
            far the clock was set back.
        latest: The latest that the wall clock ever was.
    """

    cursor: str | None = None
    events: int = 0
    waiting: dict[tuple[str, str], Row] = field(default_factory=dict)
    dead: list[tuple[str, str]] = field(default_factory=list)
    gates: dict[str, float] = field(default_factory=dict)
    earliest: dict[str, float] = field(default_factory=dict)
    latest: float = 0.0
    lost: list[Lease] = field(default_factory=list)
    orderings: dict[str, Ordering] = field(default_factory=dict)

    def free(self, sink: str, now: float) -> dict[str, Row]:
        """Return what may be leased, the oldest first."""
        return self._free(sink, now, self.gates, lambda row: row.is_due(now))

    def doubtful(self, sink: str, now: float) -> dict[str, Row]:
        """Return what may be leased as well, but need not."""
        may = self._free(
            sink, now, self.earliest, lambda row: row.is_due(now) or row.was_due
        )
        free = self.free(sink, now)
        return {name: row for name, row in may.items() if name not in free}

    def advance(self, seconds: float, *, now: float) -> None:
        """Have all that waits wait no longer, for the clock has lost so much."""
        for row in self.waiting.values():
            if row.delay is None:
                row.due = min(row.due, now)
            elif row.due > now:
                row.due -= seconds
        for gates in (self.gates, self.earliest):
            for sink, until in gates.items():
                if until != inf:
                    gates[sink] = min(until - seconds, now + LONGEST_SECONDS)

    def cap(self, *, now: float) -> None:
        """Shorten, at a start, what the clock may have been set back under."""
        for row in self.waiting.values():
            longest = min(row.delay or 0.0, LONGEST_SECONDS)
            row.due = min(row.due, now + longest)
        lost = max(0.0, self.latest - now)
        for sink, until in self.gates.items():
            if until != inf:
                self.gates[sink] = min(until, now + LONGEST_SECONDS)
                self.earliest[sink] = min(
                    self.earliest[sink] - lost, now + LONGEST_SECONDS
                )

    def _free(
        self,
        sink: str,
        now: float,
        gates: dict[str, float],
        is_due: Callable[[Row], bool],
    ) -> dict[str, Row]:
        if gates.get(sink, 0.0) > now:
            return {}
        rows = {
            name: row
            for (owner, name), row in sorted(self.waiting.items(), key=_age)
            if owner == sink
        }
        match self.orderings[sink]:
            case "none":
                heads: Iterable[str] = [name for name in rows if not rows[name].lease]
            case "object":
                heads = _heads(rows)
            case "sink":
                first = () if any(row.lease for row in rows.values()) else rows
                heads = takewhile(lambda name: is_due(rows[name]), islice(first, RUN))
        return {name: rows[name] for name in heads if is_due(rows[name])}

    def held(self) -> list[Lease]:
        """Return all leases that have not ended."""
        return [row.lease for row in self.waiting.values() if row.lease is not None]

    def drop_leases(self, before: float) -> None:
        """End the leases whose time is over."""
        for row in self.waiting.values():
            if row.lease is not None and row.until <= before:
                self.lost.append(row.lease)
                row.lease, row.has_returned = None, True


def _age(item: tuple[tuple[str, str], Row]) -> int:
    return int(item[0][1])


def _heads(rows: dict[str, Row]) -> list[str]:
    """Return the oldest of each key of which nothing is leased."""
    busy = {key_of(name) for name, row in rows.items() if row.lease}
    heads: dict[str, str] = {}
    for name in rows:
        heads.setdefault(key_of(name), name)
    return [name for key, name in heads.items() if key not in busy]
