"""The account at the end: what was written, and where each of it is.

What was written is read from the API server's own record, never from the bridge. Of
each revision that did not arrive the bridge has to show that it holds it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

SHOWN_MISSING = 20
"""How many missing ids the text names; JSON names all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A state of one Kubernetes Event, as the API server recorded it.

    Attributes:
        uid: Of the Event.
        number: Its resourceVersion.
        is_end: Whether it was deleted or expired, which is no state.
    """

    uid: str
    number: int
    is_end: bool = False

    @property
    def event_id(self) -> str:
        """The id that its CloudEvent has to have."""
        return f"{self.uid}-{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDeliveries:
    """The ids that the bridge holds for a sink: still to be delivered, and given up."""

    waiting: frozenset[str] = frozenset()
    dead: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkAccount:
    """Where every expected event is, for one receiver.

    Attributes:
        arrived: Taken by the receiver.
        duplicates: Deliveries of an id that had come before.
        waiting: Not arrived; the bridge still means to deliver them.
        dead: Not arrived; dead letters of the bridge.
        gaps: Announcements that revisions may be missing.
        lost: In none of these places.
        missing: Ids of the lost ones, in the order in which they were written.
    """

    arrived: int
    duplicates: int
    waiting: int
    dead: int
    gaps: int
    lost: int
    missing: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The account of a whole run.

    Attributes:
        written: Revisions that have to become an event each.
        receivers: Account by receiver.
        restarts: How often the bridge was killed and started again.
        watches_expired: How often history was compacted away under its watch.
        seconds: How long it took.
    """

    written: int
    receivers: Mapping[str, SinkAccount]
    restarts: int = 0
    watches_expired: int = 0
    seconds: float = 0.0

    @property
    def lost(self) -> int:
        """How many events are lost, counted for each receiver."""
        return sum(account.lost for account in self.receivers.values())

    def as_json(self) -> str:
        """Return the ledger as one JSON document."""
        return json.dumps(asdict(self) | {"lost": self.lost}, indent=2)

    def as_text(self) -> str:
        """Return the ledger for people."""
        columns = ("arrived", "duplicates", "waiting", "dead", "lost")
        lines = [" " * 10 + "".join(f"{column:>12}" for column in columns)]
        for name, account in self.receivers.items():
            cells = (getattr(account, column) for column in columns)
            lines.append(f"{name:10}" + "".join(f"{cell:>12}" for cell in cells))
        lines.append(
            f"written {self.written}  restarts {self.restarts}  "
            f"watches expired {self.watches_expired}  lost {self.lost}"
        )
        for name, account in self.receivers.items():
            shown = account.missing[:SHOWN_MISSING]
            lines += [f"{name} never got {event_id}" for event_id in shown]
        return "\n".join(lines)


def expected_ids(revisions: Iterable[Revision]) -> list[str]:
    """Return the ids of what was written; an expiry or deletion is no news."""
    return [one.event_id for one in revisions if not one.is_end]


def repairable(revisions: Iterable[Revision], *, after: int) -> int:
    """Return the newest revision to which history can be compacted with nothing lost.

    A compacted history still tells the newest state of each object, so an object may
    change once between what was read and the compaction. What it said in between, if
    it changed twice, nobody can read any more.

    Args:
        revisions: The record, oldest first.
        after: Everything up to this revision was read.
    """
    newest, touched = after, set()
    for one in (one for one in revisions if one.number > after):
        if one.uid in touched:
            return min(newest, one.number - 1)
        touched.add(one.uid)
        newest = one.number
    return newest


def balance(
    expected: Sequence[str],
    *,
    taken: Mapping[str, int],
    held: HeldDeliveries,
    gaps: int = 0,
) -> SinkAccount:
    """Return where each expected event is, for one receiver.

    Args:
        expected: Ids, in the order in which they were written.
        taken: How often the receiver took each id.
        held: What the bridge holds for it, asked before `taken` was read, so that
            nothing slips through between the two.
        gaps: Gap announcements that the receiver got.
    """
    open_ids = [one for one in expected if one not in taken]
    missing = [
        one for one in open_ids if one not in held.waiting and one not in held.dead
    ]
    waiting = sum(one in held.waiting for one in open_ids)
    return SinkAccount(
        arrived=len(expected) - len(open_ids),
        duplicates=sum(taken.values()) - len(taken),
        waiting=waiting,
        dead=len(open_ids) - len(missing) - waiting,
        gaps=gaps,
        lost=len(missing),
        missing=missing,
    )
