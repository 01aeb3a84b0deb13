"""What to put for what was read: decided here, without waiting."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

from bridge.cluster import Bookmark, Change, Gap, Item, Learned, Note, Synced
from bridge.ingest.conversion import Conversion, Patience
from bridge.ingest.held import Held, Waiting
from bridge.ingest.memory import (
    EPOCH,
    NOTE,
    RESYNC,
    STORE,
    memory,
    write_complete,
    write_epoch,
    write_note,
)
from bridge.ingest.resync import Again
from bridge.queue import Entry

ANSWER_SECONDS = 5.0
"""How long a Kubernetes Event waits for what is to be known of its object."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """One put, and what to count once it is done.

    Attributes:
        entries: What to store.
        since: The cursor before it; None: none yet.
        to: The cursor after it; None: still none.
        synced: Whether the snapshot is complete with it.
        received: Changes it stands for.
        filtered: Of these, wanted by no route.
        unconverted: Of these, kept as dead letters.
        gaps: Gaps that it announces.
    """

    entries: list[Entry] = field(default_factory=list)
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
        return bool(self.entries) or self.to != self.since or self.synced


class Planner:
    """Turns what one reader read into puts; remembers only where it stands."""

    def __init__(
        self,
        conversion: Conversion,
        *,
        cursor: str | None,
        epoch: int = 1,
        has_store: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start at a stored cursor.

        Args:
            conversion: Turns changes into entries.
            cursor: The stored cursor; None: this is the very first snapshot.
            epoch: The stored one.
            has_store: Whether what is known of objects is remembered.
            now: The time.
            clock: Seconds, for how long a change waits.
        """
        self._conversion = conversion
        self._cursor = self._reached = cursor
        self._epoch = self._stored_epoch = epoch
        self._has_store = has_store
        self._is_synced = False
        self._held = Held()
        self._gaps: list[Gap] = []
        self._now = now
        self._clock = clock
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

    def plan(self, items: Sequence[Item | Again]) -> Plan:
        """Return the one put for `items`, in their order, and for what waited."""
        plan = Plan(since=self._cursor)
        recorded = self._now().isoformat().replace("+00:00", "Z")
        if self._held:
            self._held.release(partial(self._goes, plan, recorded=recorded))
        for item in items:
            if isinstance(item, Change):
                self._take(plan, item, recorded)
            else:
                self._note(plan, item, recorded)
        plan.to = self._cursor = self._held.cursor(self._reached)
        plan.synced = self._is_synced and not self._held
        self._is_synced = self._is_synced and not plan.synced
        return plan

    def _note(
        self,
        plan: Plan,
        item: Learned | Bookmark | Note | Gap | Synced | Again,
        recorded: str,
    ) -> None:
        match item:
            case Learned():
                plan.entries.extend(self._conversion.learned(item))
            case Bookmark(resource_version=version):
                self._reached = version
            case Note():
                plan.entries.append(memory(NOTE, write_note(item)))
            case Gap():
                self._open_gap(plan, item, recorded)
            case Synced(resource_version=version):
                self._sync(plan, version, recorded)
            case Again():
                self._repeat(plan, item, recorded)
            case _:
                assert_never(item)

    def _take(self, plan: Plan, change: Change, recorded: str) -> None:
        plan.received += 1
        before = self._reached
        if not change.listed:
            self._reached = change.resource_version
        waiting = Waiting(
            change=change,
            before=before,
            is_first=change.listed and self._cursor is None,
            since=self._clock(),
        )
        if not self._goes(plan, waiting, recorded=recorded):
            self._held.add(waiting)

    def _goes(
        self, plan: Plan, waiting: Waiting, *, recorded: str, insists: bool = False
    ) -> bool:
        """Plan a change unless something that is asked for it is not known yet."""
        converted = self._conversion.entries_of(
            waiting.change,
            recorded=recorded,
            is_first=waiting.is_first,
            patience="none" if insists else self._patience(waiting),
        )
        if converted is None:
            return False
        plan.entries.extend(converted.entries)
        plan.filtered += converted.is_filtered
        plan.unconverted += converted.is_rejected
        return True

    def _patience(self, waiting: Waiting) -> Patience:
        is_late = self._clock() - waiting.since > ANSWER_SECONDS
        return "namespaces" if is_late else "all"

    def _repeat(self, plan: Plan, again: Again, recorded: str) -> None:
        if again.key is None:
            plan.entries.append(memory(RESYNC + again.source, b"%d" % again.number))
        else:
            converted = self._conversion.repeated(again, recorded=recorded)
            plan.entries.extend(converted)

    def _open_gap(self, plan: Plan, gap: Gap, recorded: str) -> None:
        """From here on versions may be used again, so ids need another epoch."""
        self._gaps.append(gap)
        if gap.cause == "rolled-back":
            # What waits belongs to the epoch that ends here.
            self._held.release(
                partial(self._goes, plan, recorded=recorded, insists=True)
            )
            self._epoch += 1
            self._conversion.enter_epoch(self._epoch)

    def _sync(self, plan: Plan, version: str, recorded: str) -> None:
        self._reached = version
        self._is_synced = True
        plan.entries.extend(self._conversion.gap(gap, recorded) for gap in self._gaps)
        plan.gaps.extend(self._gaps)
        self._gaps = []
        if self._epoch != self._stored_epoch:
            self._stored_epoch = self._epoch
            plan.entries.append(memory(EPOCH, write_epoch(self._epoch)))
        if self._has_store:
            word = write_complete(objects=self._conversion.keeps_objects)
            plan.entries.append(memory(STORE, word))
