"""What a queue should hold, as a few dictionaries."""

from dataclasses import dataclass, field

from bridge.queue import Lease


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
    """

    due: float
    delay: float | None = None
    attempts: int = 0
    lease: Lease | None = None
    until: float = 0.0
    has_returned: bool = False


@dataclass
class Model:
    """What the queue should hold."""

    cursor: str | None = None
    events: int = 0
    waiting: dict[tuple[str, str], Row] = field(default_factory=dict)
    dead: list[tuple[str, str]] = field(default_factory=list)
    gates: dict[str, float] = field(default_factory=dict)
    lost: list[Lease] = field(default_factory=list)

    def free(self, sink: str, now: float) -> dict[str, Row]:
        """Return what may be leased."""
        if self.gates.get(sink, 0.0) > now:
            return {}
        return {
            name: row
            for (owner, name), row in self.waiting.items()
            if owner == sink
            and row.lease is None
            and (row.has_returned or row.due <= now)
        }

    def held(self) -> list[Lease]:
        """Return all leases that have not ended."""
        return [row.lease for row in self.waiting.values() if row.lease is not None]

    def drop_leases(self, before: float) -> None:
        """End the leases whose time is over."""
        for row in self.waiting.values():
            if row.lease is not None and row.until <= before:
                self.lost.append(row.lease)
                row.lease, row.has_returned = None, True
