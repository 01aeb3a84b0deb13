"""Delivers again, and ends, what an operator selects; a request takes a bounded time.

::

    stored rows ──end──▶ lists of the API server, only for a backfill ──end──▶ done
        │                           │
        └── time over ──▶ next ◀────┘

Only rows that existed when the first request came are selected, also by the requests
that go on: a delivery that is replayed and given up again is not selected twice.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bridge.errors import RequestError
from bridge.events import CloudEvent, EncodedEvent
from bridge.operate import Delivery, DeliveryStore, Place
from bridge.operate.backfill import Backfill, BackfillPage
from bridge.operate.find import DeliveryQuery, find_letters, find_page
from bridge.operate.selection import EVER, Selection
from bridge.operate.streams import closing
from bridge.queue import Entry

STEP = 500
"""Deliveries of one transaction."""

MOST_SECONDS = 10.0
"""After this time a request makes no further step."""

_LATEST = 10**12
_LISTING = "@"
"""Begins a place in a list of the API server."""


class Steps:
    """The steps of one request, and where the next request goes on.

    Attributes:
        began: When the first request came.
        next: The place to go on with; None: nothing is left.
    """

    def __init__(
        self,
        store: DeliveryStore,
        place: Place,
        selection: Selection,
        *,
        after: str | None,
        takes: Callable[[EncodedEvent], bool] | None = None,
    ) -> None:
        """Begin, or go on at `after`, the `next` of the request before.

        Args:
            store: Where to look.
            place: Which rows.
            selection: Conditions on them.
            after: `next` of the request before; None: this is the first.
            takes: Checks each whole event; None: events are not read.

        Raises:
            RequestError: `after` was not `next`.
        """
        self._store = store
        self._place: Place = place
        self._selection = selection
        self._takes = takes
        self._end = store.monotonic() + MOST_SECONDS
        self.began, self.after = read_place(after, store.now())
        self.next: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the time of this request is used up."""
        return self._store.monotonic() >= self._end

    async def run(self) -> AsyncIterator[list[Delivery]]:
        """Yield the selected rows in steps, until the end or the time limit."""
        while True:
            query = DeliveryQuery(
                place=self._place,
                selection=self._selection,
                after=self.after,
                limit=STEP,
                takes=self._takes,
            )
            page = await find_page(self._store, query)
            self.after = page.next
            self.next = page.next and write_place(self.began, page.next)
            yield [one for one in page.found if one.entered <= self.began]
            if page.next is None or self.is_over:
                return


def write_place(began: datetime, after: str) -> str:
    """Return the text that `read_place` reads."""
    return f"{began.timestamp():.6f}:{after}"


def read_place(text: str | None, now: datetime) -> tuple[datetime, str | None]:
    """Return when the first request came, and the place to go on after.

    Raises:
        RequestError: `write_place` did not write it.
    """
    if text is None:
        return now, None
    time, colon, after = text.partition(":")
    try:
        seconds = float(time)
    except ValueError:
        seconds = -1.0
    if not (colon and after and 0 <= seconds < _LATEST):
        raise RequestError("after: expected `next` of the answer before")
    return datetime.fromtimestamp(min(seconds, now.timestamp()), UTC), after


@dataclass(slots=True, kw_only=True)
class ListedScope:
    """The result of listing one resource of the API server in one place.

    Attributes:
        resource: Name of the resource.
        namespace: Namespace; ``*``: all.
        listed: Objects on its pages.
        replayed: Deliveries that wait now.
        oldest: Time of the oldest event of these; None: there is none.
    """

    resource: str
    namespace: str
    listed: int
    replayed: int
    oldest: datetime | None

    def add(self, other: "ListedScope") -> bool:
        """Add a page of the same list; return whether it is one."""
        if (self.resource, self.namespace) != (other.resource, other.namespace):
            return False
        self.listed += other.listed
        self.replayed += other.replayed
        self.oldest = _oldest([self.oldest, other.oldest])
        return True


@dataclass(slots=True, kw_only=True)
class ReplayResult:
    """The result of one request to replay.

    Attributes:
        replayed: Deliveries that wait now.
        skipped: Events that wait already, have no configured sink, or are gone.
        unconverted: Dead letters that are no events.
        kept: Of `replayed`, deliveries of events that were still stored.
        oldest: When the oldest of these events was stored; None: there is none.
        listed: Results of lists of the API server.
        next: The place to go on with; None: nothing is left.
    """

    replayed: int = 0
    skipped: int = 0
    unconverted: int = 0
    kept: int = 0
    oldest: datetime | None = None
    listed: list[ListedScope] = field(default_factory=list)
    next: str | None = None


async def replay_handles(
    store: DeliveryStore, handles: Sequence[str], *, to_sink: str
) -> ReplayResult:
    """Deliver events and dead letters again, by handle, to one sink.

    Raises:
        QueueError: A handle has not the form of one.
    """
    wanted = list(dict.fromkeys(handles))
    count = await store.queue.enqueue(to_sink, wanted)
    return ReplayResult(replayed=count, kept=count, skipped=len(wanted) - count)


async def replay_letters(
    store: DeliveryStore, handles: Sequence[str], *, to_sink: str | None
) -> ReplayResult:
    """Deliver dead letters again, by handle; `to_sink` None: each to its own sink."""
    letters = await find_letters(store, handles)
    count = await _enqueue(store, letters, to_sink)
    return ReplayResult(replayed=count, skipped=len(set(handles)) - count)


async def replay(
    store: DeliveryStore,
    place: Place,
    selection: Selection,
    *,
    to_sink: str | None,
    after: str | None,
    backfill: Backfill | None = None,
) -> ReplayResult:
    """Deliver what is selected again, for as long as one request may take.

    Args:
        store: Where deliveries are found.
        place: Which rows.
        selection: Conditions on them.
        to_sink: Name of the sink; None: each dead letter to its own.
        after: `ReplayResult.next` of the request before; None: this is the first.
        backfill: Only events that a route leads to the sink, and afterwards those that
            the API server still holds; None: every stored event.

    Raises:
        RequestError: `after` was not `next`.
        QueueError: There is no room.
        ClusterError: The API server cannot be asked now.
    """
    if backfill is None or to_sink is None:
        steps = Steps(store, place, selection, after=after)
        result = ReplayResult()
        await _replay_stored(store, steps, result, to_sink)
        return result
    running = _BackfillRequest(store, selection, to_sink, after=after, source=backfill)
    await running.run()
    return running.result


async def _replay_stored(
    store: DeliveryStore, steps: Steps, result: ReplayResult, to_sink: str | None
) -> None:
    async for found in steps.run():
        events = [one for one in found if one.is_event]
        count = await _enqueue(store, events, to_sink)
        result.replayed += count
        result.kept += count
        result.skipped += len(events) - count
        result.unconverted += len(found) - len(events)
        result.oldest = _oldest([result.oldest, *(one.stored for one in events)])
        result.next = steps.next


async def _enqueue(
    store: DeliveryStore, found: Iterable[Delivery], to_sink: str | None
) -> int:
    """Enqueue for configured sinks only: nobody would lease from another."""
    count = 0
    for sink, handles in _by_sink(found, to_sink).items():
        if sink is not None and sink in store.health.sinks:
            count += await store.queue.enqueue(sink, handles)
    return count


def _by_sink(
    found: Iterable[Delivery], to_sink: str | None = None
) -> Mapping[str | None, list[str]]:
    """Return the handles for each sink; of objects that were not converted for None."""
    handles: dict[str | None, dict[str, None]] = defaultdict(dict)
    for one in found:
        if one.handle:  # else its event is forgotten
            handles[(to_sink if one.is_event else None) or one.sink][one.handle] = None
    return {sink: list(some) for sink, some in handles.items()}


class _BackfillRequest:
    """A request to deliver what a sink has missed."""

    def __init__(
        self,
        store: DeliveryStore,
        selection: Selection,
        to_sink: str,
        *,
        after: str | None,
        source: Backfill,
    ) -> None:
        self._store = store
        self._selection = selection
        self._to_sink = to_sink
        self._source = source
        self._is_wanted = source.wanted(to_sink)
        self._steps = Steps(
            store, "kept", selection, after=after, takes=self._is_wanted
        )
        self.result = ReplayResult()

    async def run(self) -> None:
        """Replay until the end, or until the time is over."""
        place = self._steps.after or ""
        if place.startswith(_LISTING):
            await self._replay_listed(place.removeprefix(_LISTING) or None)
            return
        await _replay_stored(self._store, self._steps, self.result, self._to_sink)
        if self.result.next is None:
            self._go_on("")
            if not self._steps.is_over:
                await self._replay_listed(None)

    async def _replay_listed(self, place: str | None) -> None:
        seen = await self._kept_ids()
        while True:
            page = await self._source.list_page(
                self._to_sink, place=place, takes=lambda entry: self._takes(entry, seen)
            )
            if page is not None:
                self._add(page)
            place = None if page is None else page.place
            if place is None:
                self.result.next = None
                return
            self._go_on(place)
            if self._steps.is_over:
                return

    def _go_on(self, place: str) -> None:
        self.result.next = write_place(self._steps.began, _LISTING + place)

    def _takes(self, entry: Entry, seen: set[str]) -> bool:
        if entry.event is None or entry.event.id in seen:
            return False
        seen.add(entry.event.id)
        return self._selection.takes(
            entry.encoded, stored=_time_of(entry.event), routes=entry.routes
        )

    async def _kept_ids(self) -> set[str]:
        """Return the ids of stored events, which need no list to be delivered."""
        rows = self._store.queue.kept(self._selection.since, None, extent="whole")
        async with self._store.reading, closing(rows):
            return {
                kept.event.id
                async for kept in rows
                if self._is_wanted(kept.event)
                and self._selection.takes(
                    kept.event, stored=kept.stored, routes=kept.routes
                )
            }

    def _add(self, page: BackfillPage) -> None:
        """Add a page to the results, resource by resource."""
        scope = ListedScope(
            resource=page.resource,
            namespace=page.namespace,
            listed=page.listed,
            replayed=page.queued,
            oldest=datetime.fromisoformat(page.oldest) if page.oldest else None,
        )
        self.result.replayed += page.queued
        if not (self.result.listed and self.result.listed[-1].add(scope)):
            self.result.listed.append(scope)


async def purge(
    store: DeliveryStore, place: Place, selection: Selection, *, after: str | None
) -> tuple[int, str | None]:
    """End the selected deliveries or dead letters for good.

    Returns:
        How many ended, and the place to go on with; None: nothing is left.

    Raises:
        RequestError: `after` was not `next`.
    """
    steps = Steps(store, place, selection, after=after)
    purged = 0
    async for found in steps.run():
        purged += await _purge(store, found)
    return purged, steps.next


async def purge_letters(store: DeliveryStore, handles: Sequence[str]) -> int:
    """End dead letters by handle for good; return how many there were."""
    return await _purge(store, await find_letters(store, handles))


async def _purge(store: DeliveryStore, found: Iterable[Delivery]) -> int:
    count = 0
    for sink, handles in _by_sink(found).items():
        count += await store.queue.purge(sink, handles)
    return count


def _time_of(event: CloudEvent) -> datetime:
    """Return the time of an event; an unreadable one (a leap second) is very old."""
    try:
        return datetime.fromisoformat(event.time or "")
    except ValueError:
        return EVER


def _oldest(times: Iterable[datetime | None]) -> datetime | None:
    return min((time for time in times if time is not None), default=None)
