"""Plans the puts of a reader; decides without waiting.

A change that waits for an answer is held, while later changes may go first. The cursor
moves over the contiguous prefix only: it stays before the first that waits. Changes of
one object keep their order.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import assert_never

import msgspec

from bridge.cluster import Bookmark, Change, Gap, Observed, ProgressMark, Synced
from bridge.ingest.buffer import BufferedItem, DigestTick, ResyncItem
from bridge.ingest.checkpoint import (
    EPOCH,
    NOTE,
    RESYNC,
    STORE,
    memo,
    write_complete,
    write_epoch,
    write_note,
)
from bridge.ingest.entries import Conversion, WaitFor
from bridge.queue import Entry

WithoutObject = Observed | Bookmark | Gap | ProgressMark | Synced
"""Any item but a change."""

ANSWER_SECONDS = 5.0
"""How long a Kubernetes Event waits for facts of its object."""

HELD_LIMIT = 2_000
"""Most changes that are held; then no more is read."""

_sinks_of = attrgetter("sinks")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotEnd:
    """The end of a snapshot: the cursor jumps once nothing before it waits.

    Attributes:
        gaps: What is announced in the same commit.
    """

    gaps: Sequence[Gap]


class PendingChange(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A change that waits for a lookup, or a mark that has to come after such a change.

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
    """Changes and marks that wait, oldest first."""

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


@dataclass(slots=True, kw_only=True)
class Plan:
    """A put, and the counts to report once it is stored.

    Attributes:
        entries: Entries to store; those that go with the cursor are last.
        closing: The last of these, while the plan is made.
        since: The cursor before it; None: none yet.
        to: The cursor after it; None: still none.
        synced: Whether the snapshot is complete with it.
        received: Number of changes.
        filtered: Of these, the number that no route wanted.
        unconverted: Of these, the number kept as dead letters.
        held_back: Number of events that noise control held back, by route and stage.
        gaps: Gaps that the put announces.
    """

    entries: list[Entry] = field(default_factory=list)
    closing: list[Entry] = field(default_factory=list)
    since: str | None = None
    to: str | None = None
    synced: bool = False
    received: int = 0
    filtered: int = 0
    unconverted: int = 0
    held_back: Mapping[tuple[str, str], int] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to store or to count."""
        return bool(self.entries or self.received or self.synced) or (
            self.to != self.since
        )


class Planner:
    """Turns the items of one reader into puts."""

    def __init__(
        self,
        conversion: Conversion,
        *,
        cursor: str | None,
        moved: datetime | None = None,
        epoch: int = 1,
        has_store: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at a stored cursor.

        Args:
            conversion: Turns changes into entries.
            cursor: The stored cursor; None: this is the very first snapshot.
            moved: When it last moved; None: not known.
            epoch: The stored one.
            has_store: Whether what is known of objects is remembered.
            now: The time.
            clock: Seconds, for how long a change waits.
        """
        self._conversion = conversion
        self._cursor = self._reached = cursor
        self._moved = moved
        self._epoch = self._stored_epoch = epoch
        self._has_store = has_store
        self._held = PendingChanges()
        self._gaps: list[Gap] = []
        self._is_listing = self._is_tick = False
        self._now = now
        self._clock = clock
        self._time = 0.0
        conversion.enter_epoch(epoch)

    @property
    def most_entries_per_item(self) -> int:
        """How many entries one item can become."""
        return self._conversion.most_entries_per_item

    @property
    def has_digests(self) -> bool:
        """Whether a `DigestTick` may lead to an entry."""
        return self._conversion.noise.has_digests

    @property
    def held(self) -> int:
        """How many changes wait for a lookup, so that `plan` is worth another try."""
        return len(self._held)

    @property
    def is_full(self) -> bool:
        """Whether so many wait that no more should be read."""
        return self._held.is_full

    def held_keys(self) -> Iterator[str]:
        """Iterate the keys of the objects whose changes wait."""
        return self._held.keys()

    def plan(self, items: Sequence[BufferedItem]) -> Plan:
        """Return the put for `items`, in their order, and for changes that waited."""
        plan = Plan(since=self._cursor)
        self._time = self._clock()  # for all items: nothing here waits
        recorded = self._now().isoformat().replace("+00:00", "Z")
        if self._held:
            self._retry(plan)
        for item in items:
            if isinstance(item, Change):
                self._take_change(plan, item, recorded)
            else:
                self._take(plan, item, recorded)
        self._remember_noise(plan)
        plan.entries += plan.closing
        plan.to = self._cursor = self._held.cursor(self._reached)
        if plan.to != plan.since:
            self._moved = self._now()
        return plan

    def _take_change(self, plan: Plan, change: Change, recorded: str) -> None:
        before = self._reached
        if change.listed:
            self._is_listing = True
        else:
            self._reached = change.resource_version
        is_first = change.listed and before is None
        if not self._plan_change(plan, change, recorded, is_first=is_first):
            self._hold(change, before, recorded)

    def _take(
        self, plan: Plan, item: WithoutObject | ResyncItem | DigestTick, recorded: str
    ) -> None:
        match item:
            case ProgressMark():
                self._take_mark(plan, item, recorded)
            case Synced(resource_version=version):
                end, self._gaps = SnapshotEnd(gaps=self._gaps), []
                self._take_mark(plan, end, recorded, reached=version)
            case Observed():
                plan.entries.extend(self._conversion.learned(item))
            case Bookmark(resource_version=version):
                self._reached = version
            case Gap():
                self._open_gap(plan, item)
            case ResyncItem():
                self._repeat(plan, item, recorded)
            case DigestTick():
                self._is_tick = True
            case _:
                assert_never(item)

    def _take_mark(
        self,
        plan: Plan,
        mark: ProgressMark | SnapshotEnd,
        recorded: str,
        *,
        reached: str | None = None,
    ) -> None:
        """Plan a mark once all changes before it are planned."""
        before = self._reached
        self._reached = reached or before
        if self._held:
            self._hold(mark, before, recorded)
        else:
            self._plan_mark(plan, mark, recorded)

    def _hold(
        self,
        item: Change | ProgressMark | SnapshotEnd,
        before: str | None,
        recorded: str,
    ) -> None:
        self._held.add(
            PendingChange(item=item, before=before, since=self._time, recorded=recorded)
        )

    def _retry(self, plan: Plan, *, insists: bool = False) -> None:
        """Plan the changes that waited, oldest first, as far as lookups allow."""
        for waiting in self._held.take_all():
            if not self._goes(plan, waiting, insists=insists):
                self._held.add(waiting)

    def _goes(self, plan: Plan, waiting: PendingChange, *, insists: bool) -> bool:
        item = waiting.item
        if isinstance(item, Change):
            is_late = self._time - waiting.since > ANSWER_SECONDS
            return self._plan_change(
                plan,
                item,
                waiting.recorded,
                is_first=item.listed and waiting.before is None,
                wait_for="none" if insists else "namespaces" if is_late else "all",
            )
        if self._held:
            return False
        self._plan_mark(plan, item, waiting.recorded)
        return True

    def _plan_change(
        self,
        plan: Plan,
        change: Change,
        recorded: str,
        *,
        is_first: bool,
        wait_for: WaitFor = "all",
    ) -> bool:
        """Plan a change; return False if it has to wait for a lookup."""
        if self._held and self._held.has_earlier(change):
            return False
        if change.change == "deleted" and change.resource.is_events:
            # Its time to live is over: nothing happened [informer D1].
            plan.received += 1
            return True
        held_back = self._conversion.noise.held_back
        entries = self._conversion.entries_of(
            change, recorded=recorded, is_first=is_first, wait_for=wait_for
        )
        if entries is None:
            return False
        plan.entries += entries
        plan.received += 1
        if not any(map(_sinks_of, entries)):
            is_rejected = any(entry.error is not None for entry in entries)
            plan.unconverted += is_rejected
            is_wanted = is_rejected or self._conversion.noise.held_back > held_back
            plan.filtered += not is_wanted
        return True

    def _remember_noise(self, plan: Plan) -> None:
        """Plan the memos of noise control, with the cursor behind what it decided.

        A snapshot that is cut off is read once more as a whole, and has to be decided
        by the state before it.
        """
        plan.held_back = self._conversion.noise.take_held_back()
        if not self._is_listing:
            # While changes wait, the cursor is behind what was counted.
            is_due = self._is_tick and not self._held
            now = self._now().timestamp()
            digests = self._conversion.digests(now) if is_due else []
            # The last of its memos forgets the digest: both in one commit.
            plan.closing[:0] = [*self._conversion.noise_memos(), *digests]
        self._is_tick = False

    def _plan_mark(
        self, plan: Plan, mark: ProgressMark | SnapshotEnd, recorded: str
    ) -> None:
        if isinstance(mark, ProgressMark):
            plan.entries.append(memo(NOTE, write_note(mark)))
        else:
            self._jump(plan, mark, recorded)

    def _repeat(self, plan: Plan, again: ResyncItem, recorded: str) -> None:
        if again.key is None:
            plan.entries.append(memo(RESYNC + again.source, b"%d" % again.number))
        else:
            converted = self._conversion.repeated(again, recorded=recorded)
            plan.entries.extend(converted)

    def _open_gap(self, plan: Plan, gap: Gap) -> None:
        """From here on versions may be used again, so ids need another epoch."""
        # Nothing was missed before the cursor last moved.
        self._gaps.append(replace(gap, since=gap.since or self._moved))
        if gap.cause == "rolled-back":
            # What waits belongs to the epoch that ends here.
            self._retry(plan, insists=True)
            self._epoch += 1
            self._conversion.enter_epoch(self._epoch)

    def _jump(self, plan: Plan, jump: SnapshotEnd, recorded: str) -> None:
        """Plan the entries that go with the cursor at the end of a snapshot."""
        plan.synced = True
        self._is_listing = False
        plan.closing.extend(self._conversion.gap(gap, recorded) for gap in jump.gaps)
        plan.gaps.extend(jump.gaps)
        if self._epoch != self._stored_epoch:
            self._stored_epoch = self._epoch
            plan.closing.append(memo(EPOCH, write_epoch(self._epoch)))
        if self._has_store:
            word = write_complete(objects=self._conversion.keeps_objects)
            plan.closing.append(memo(STORE, word))
