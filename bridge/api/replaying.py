"""Delivers anew all that is meant: first what is stored, then what can be listed.

::

    kept events ──end──▶ lists of the API server, only if asked for ──end──▶ done
        │                           │
        └── time over ──▶ next ◀────┘
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from bridge.api.context import ApiContext, BackfillPage
from bridge.api.found import Found
from bridge.api.rows import closing
from bridge.api.schemas import DeliveriesReplayed, DeliveryReplay, Reached
from bridge.api.selection import EVER, Chooser
from bridge.api.steps import Steps, replay_to, write_place
from bridge.events import CloudEvent, EncodedEvent
from bridge.queue import Entry

_LISTING = "@"
"""Begins a place in a list."""


async def replay_all(parts: ApiContext, replay: DeliveryReplay) -> DeliveriesReplayed:
    """Replay for as long as one request may take, and say how far it came.

    Raises:
        HTTPException: 422, `next` is none of ours.
        QueueError: There is no room.
        ClusterError: The API server cannot be asked now.
    """
    replaying = Replaying(parts, replay)
    await replaying.run()
    return replaying.answer


class Replaying:
    """One request to replay."""

    def __init__(self, parts: ApiContext, replay: DeliveryReplay) -> None:
        """Begin, or go on where the request before ended."""
        self._parts = parts
        self._to = replay.to
        self._is_backfill = replay.backfill
        self._chooser = Chooser(replay)
        self._wanted: Callable[[EncodedEvent], bool] | None = None
        if replay.backfill:
            self._wanted = parts.backfill.wanted(replay.to)
        self._steps = Steps(
            parts,
            replay.state,
            self._chooser,
            begin=replay.after,
            takes=self._wanted,
        )
        place = (replay.after or "").partition(":")[2]
        self._listing = place if place.startswith(_LISTING) else None
        self.answer = DeliveriesReplayed(replayed=0, kept=0, oldest=None, listed=[])

    async def run(self) -> None:
        """Replay until the end, or until the time is over."""
        if self._listing is None:
            await self._replay_kept()
            if self.answer.next is not None or not self._is_backfill:
                return
            self._go_on(_LISTING)
            if self._steps.is_over:
                return
        await self._replay_listed(self._listing or _LISTING)

    async def _replay_kept(self) -> None:
        async for found in self._steps.run():
            wanted = [one for one in found if _is_event(one)]
            targets = list(dict.fromkeys(one.target for one in wanted if one.target))
            count = await replay_to(self._parts, self._to, targets)
            self.answer.replayed += count
            self.answer.kept += count
            self.answer.skipped += len(wanted) - count
            self.answer.oldest = _oldest(
                [self.answer.oldest, *(one.stored for one in wanted)]
            )
            self.answer.next = self._steps.next

    async def _replay_listed(self, listing: str) -> None:
        seen = await self._kept_ids()
        place: str | None = listing.removeprefix(_LISTING) or None
        while True:
            listed = await self._parts.backfill.list_page(
                self._to, place=place, takes=lambda entry: self._takes(entry, seen)
            )
            if listed is not None:
                self._note(listed)
            place = None if listed is None else listed.place
            if place is None:
                self.answer.next = None
                return
            self._go_on(_LISTING + place)
            if self._steps.is_over:
                return

    def _takes(self, entry: Entry, seen: set[str]) -> bool:
        if entry.event is None or entry.event.id in seen:
            return False
        seen.add(entry.event.id)
        return self._chooser.takes(
            entry.encoded, stored=_happened(entry.event), routes=entry.routes
        )

    async def _kept_ids(self) -> set[str]:
        """Return the ids of what was replayed without a list: these need none."""
        rows = self._parts.queue.kept(self._chooser.since, None, extent="whole")
        async with self._parts.reading, closing(rows):
            return {
                kept.event.id
                async for kept in rows
                if (self._wanted is None or self._wanted(kept.event))
                and self._chooser.takes(
                    kept.event, stored=kept.stored, routes=kept.routes
                )
            }

    def _note(self, listed: BackfillPage) -> None:
        """Add a page to what was reached, resource by resource."""
        oldest = (
            None if listed.oldest is None else datetime.fromisoformat(listed.oldest)
        )
        reached = Reached(
            resource=listed.resource,
            namespace=listed.namespace,
            listed=listed.listed,
            replayed=listed.queued,
            oldest=oldest,
        )
        answer = self.answer
        answer.replayed += listed.queued
        last = answer.listed[-1] if answer.listed else None
        if last is None or _place_of(last) != _place_of(reached):
            answer.listed.append(reached)
            return
        last.listed += reached.listed
        last.replayed += reached.replayed
        last.oldest = _oldest([last.oldest, reached.oldest])

    def _go_on(self, place: str) -> None:
        self.answer.next = write_place(self._steps.began, place)


def _is_event(one: Found) -> bool:
    return one.state != "dead" or one.sink is not None


def _happened(event: CloudEvent) -> datetime:
    """Return when it happened; what cannot be read (a leap second) is very old."""
    try:
        return datetime.fromisoformat(event.time or "")
    except ValueError:
        return EVER


def _place_of(reached: Reached) -> tuple[str, str]:
    return reached.resource, reached.namespace


def _oldest(times: Iterable[datetime | None]) -> datetime | None:
    return min((time for time in times if time is not None), default=None)
