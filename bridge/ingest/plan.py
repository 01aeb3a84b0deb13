"""What to put for what was read: decided here, without waiting."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

from bridge.cluster import Bookmark, Change, Gap, Item, Observed, ProgressMark, Synced
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
from bridge.ingest.conversion import Conversion, WaitFor
from bridge.ingest.pending import PendingChange, PendingChanges, SnapshotEnd
from bridge.ingest.resync import ResyncItem
from bridge.queue import Entry

ANSWER_SECONDS = 5.0
"""How long a Kubernetes Event waits for what is to be known of its object."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """One put, and what to count once it is done.

    Attributes:
        entries: What to store; what has to be in one commit with the cursor is last.
        closing: The last of these, while the plan is made.
        since: The cursor before it; None: none yet.
        to: The cursor after it; None: still none.
        synced: Whether the snapshot is complete with it.
        received: Changes it stands for.
        filtered: Of these, wanted by no route.
        unconverted: Of these, kept as dead letters.
        gaps: Gaps that it announces.
    """

    entries: list[Entry] = field(default_factory=list)
    closing: list[Entry] = field(default_factory=list)
    since: str | None = None
    to: str | None = None
    synced: bool = False
    received: int = 0
    filtered: int = 0
    unconverted: int = 0
    gaps: list[Gap] = field(default_factory=list)

    @property
    def is_needed(self) -> bool:
        """Whether anything comes of it."""
        return bool(self.entries or self.received or self.synced) or (
            self.to != self.since
        )


class Planner:
    """Turns what one reader read into puts; remembers only where it stands."""

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
        self._now = now
        self._clock = clock
        self._time = 0.0
        conversion.enter_epoch(epoch)

    @property
    def most_entries_per_item(self) -> int:
        """How many entries one item can become."""
        return self._conversion.most_entries_per_item

    @property
    def held(self) -> int:
        """How many changes wait for an answer, so that `plan` is worth another try."""
        return len(self._held)

    @property
    def is_full(self) -> bool:
        """Whether so many wait that no more should be read."""
        return self._held.is_full

    def held_keys(self) -> Iterator[str]:
        """Iterate the keys of the objects whose changes wait."""
        return self._held.keys()

    def plan(self, items: Sequence[Item | ResyncItem]) -> Plan:
        """Return the one put for `items`, in their order, and for what waited."""
        plan = Plan(since=self._cursor)
        self._time = self._clock()  # for all items: nothing here waits
        recorded = self._now().isoformat().replace("+00:00", "Z")
        if self._held:
            self._held.release(partial(self._goes, plan))
        for item in items:
            self._take(plan, item, recorded)
        plan.entries += plan.closing
        plan.to = self._cursor = self._held.cursor(self._reached)
        if plan.to != plan.since:
            self._moved = self._now()
        return plan

    def _take(self, plan: Plan, item: Item | ResyncItem, recorded: str) -> None:
        match item:
            case Change(listed=False, resource_version=version):
                self._offer(plan, item, recorded, reached=version)
            case Change() | ProgressMark():
                self._offer(plan, item, recorded, reached=self._reached)
            case Synced(resource_version=version):
                jump, self._gaps = SnapshotEnd(gaps=self._gaps), []
                self._offer(plan, jump, recorded, reached=version)
            case Observed():
                plan.entries.extend(self._conversion.learned(item))
            case Bookmark(resource_version=version):
                self._reached = version
            case Gap():
                self._open_gap(plan, item)
            case ResyncItem():
                self._repeat(plan, item, recorded)
            case _:
                assert_never(item)

    def _offer(
        self,
        plan: Plan,
        item: Change | ProgressMark | SnapshotEnd,
        recorded: str,
        *,
        reached: str | None,
    ) -> None:
        """Plan it, or hold it; in any case everything up to `reached` was read."""
        waiting = PendingChange(
            item=item, before=self._reached, since=self._time, recorded=recorded
        )
        self._reached = reached
        if not self._goes(plan, waiting):
            self._held.add(waiting)

    def _goes(
        self, plan: Plan, waiting: PendingChange, *, insists: bool = False
    ) -> bool:
        """Plan what can be planned now; the rest has to wait."""
        match waiting.item:
            case Change() as change:
                return self._converts(plan, change, waiting, insists=insists)
            case ProgressMark() | SnapshotEnd() if self._held:
                return False  # they say that everything before them is stored
            case ProgressMark() as note:
                plan.entries.append(memo(NOTE, write_note(note)))
            case SnapshotEnd() as jump:
                self._jump(plan, jump, waiting.recorded)
            case _:
                assert_never(waiting.item)
        return True

    def _converts(
        self, plan: Plan, change: Change, waiting: PendingChange, *, insists: bool
    ) -> bool:
        """Plan a change unless something that is asked for it is not known yet."""
        if self._held.has_earlier(change):
            return False
        converted = self._conversion.entries_of(
            change,
            recorded=waiting.recorded,
            is_first=change.listed and waiting.before is None,
            patience="none" if insists else self._patience(waiting),
        )
        if converted is None:
            return False
        plan.entries.extend(converted.entries)
        plan.received += 1
        plan.filtered += converted.is_filtered
        plan.unconverted += converted.is_rejected
        return True

    def _patience(self, waiting: PendingChange) -> WaitFor:
        is_late = self._time - waiting.since > ANSWER_SECONDS
        return "namespaces" if is_late else "all"

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
            self._held.release(partial(self._goes, plan, insists=True))
            self._epoch += 1
            self._conversion.enter_epoch(self._epoch)

    def _jump(self, plan: Plan, jump: SnapshotEnd, recorded: str) -> None:
        """Plan what has to be in the same commit as the cursor's jump."""
        plan.synced = True
        plan.closing.extend(self._conversion.gap(gap, recorded) for gap in jump.gaps)
        plan.gaps.extend(jump.gaps)
        if self._epoch != self._stored_epoch:
            self._stored_epoch = self._epoch
            plan.closing.append(memo(EPOCH, write_epoch(self._epoch)))
        if self._has_store:
            word = write_complete(objects=self._conversion.keeps_objects)
            plan.closing.append(memo(STORE, word))
