"""Finds deliveries: a page of them, in one state or in all.

What can be asked of the row itself is asked first, for a bounded number of rows; what
has to be looked up elsewhere is looked up for those that are left. No whole event is
held beyond the question whether it is wanted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bridge.api.context import ApiContext
from bridge.api.found import Found, with_attempts, with_events
from bridge.api.rows import Stored, Walked, walk
from bridge.api.selection import Chooser
from bridge.api.streams import Look, Merged, Place, stream
from bridge.events import EncodedEvent
from bridge.events.encode import without_data
from bridge.queue import Extent

_EXTENTS: tuple[Extent, ...] = ("handle", "head", "whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRows:
    """What is wanted of one page.

    Attributes:
        place: Where to look; ``all``: at deliveries in every state.
        chooser: What is meant.
        after: The place to go on from; None: the beginning.
        limit: Most deliveries to find.
        newest: Newest first, else oldest first.
        is_shown: Whether attributes and last attempts are wanted too.
        takes: Asked of each whole event that is meant; None: nothing is.
    """

    place: Place | Literal["all"]
    chooser: Chooser
    after: str | None
    limit: int
    newest: bool = False
    is_shown: bool = False
    takes: Callable[[EncodedEvent], bool] | None = None

    @property
    def extent(self) -> Extent:
        """What of an event is read."""
        if self.takes is not None:
            return "whole"
        least: Extent = "head" if self.is_shown else "handle"
        return max(least, self.chooser.extent, key=_EXTENTS.index)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRows:
    """What came of a page.

    Attributes:
        found: The deliveries.
        next: The place to read on from; None: there are no more. Fewer than wanted may
            be found although there are.
        follow: The place to read on from, oldest first, for what comes later; None:
            there is nothing yet, or it is not known.
    """

    found: list[Found]
    next: str | None
    follow: str | None


async def find_page(parts: ApiContext, wanted: WantedRows) -> ListedRows:
    """Return the deliveries of one page."""
    async with parts.reading:
        walked, follow = await _walk(parts, wanted)
        found = await _look_up(parts, wanted, walked.found)
    return ListedRows(
        found=[one for one in found if _has_reason(one, wanted.chooser)],
        next=None if walked.is_over else walked.last,
        follow=follow,
    )


async def _walk(
    parts: ApiContext, wanted: WantedRows
) -> tuple[Walked[Found], str | None]:
    look = Look(chooser=wanted.chooser, extent=wanted.extent, newest=wanted.newest)
    merged = None
    if wanted.place == "all":
        merged = Merged(parts, look, wanted.after)
        rows = merged.rows()
    else:
        rows = stream(parts, wanted.place, look, wanted.after)
    walked = await walk(rows, lambda one: _taken(one, wanted), limit=wanted.limit)
    if wanted.newest and merged is not None:
        return walked, merged.follow
    return walked, follow_of(walked, wanted.after, newest=wanted.newest)


def follow_of(walked: Walked[Stored], after: str | None, *, newest: bool) -> str | None:
    """Return the place after all that is there; None: nothing is, or it is unknown."""
    if not newest:
        return walked.last or after
    return walked.first if after is None else None


def _taken(one: Found, wanted: WantedRows) -> Found | None:
    """Return a row without its data if it is meant, so far as it can tell by itself."""
    chooser = wanted.chooser
    if chooser.sink not in {None, one.sink} and wanted.place != "kept":
        return None
    if one.state is None and wanted.place != "kept":  # an attempt that was no end
        return None
    if one.state == "delivered":  # its event is looked up later
        return one
    is_meant = _is_meant(one, chooser) and _is_taken(one, wanted)
    return _cut(one) if is_meant else None


def _cut(one: Found) -> Found:
    """Return a delivery of whose event no data is held."""
    if one.encoded is None or not one.encoded.data_offset:
        return one
    return replace(one, encoded=without_data(one.encoded))


def _is_meant(one: Found, chooser: Chooser) -> bool:
    stored = one.stored or one.entered
    return chooser.takes(one.encoded, stored=stored, routes=one.routes)


def _is_taken(one: Found, wanted: WantedRows) -> bool:
    takes = wanted.takes
    return takes is None or (one.encoded is not None and takes(one.encoded))


def _has_reason(one: Found, chooser: Chooser) -> bool:
    words = (one.reason, one.text)
    return chooser.takes_reason(status_code=one.status, words=words)


async def _look_up(
    parts: ApiContext, wanted: WantedRows, found: Sequence[Found]
) -> list[Found]:
    """Return what is meant of those found, with what was asked for beside the row."""
    delivered = [one for one in found if one.state == "delivered"]
    step = 1 if wanted.extent == "whole" else max(len(delivered), 1)
    events: dict[str, Found] = {}
    for start in range(0, len(delivered), step):
        some = delivered[start : start + step]
        for one in await with_events(parts, some, extent=wanted.extent):
            if _is_meant(one, wanted.chooser):
                events[one.handle] = _cut(one)
    known = [
        one if one.state != "delivered" else events.get(one.handle) for one in found
    ]
    meant = [one for one in known if one is not None]
    if wanted.place == "kept" or not (wanted.is_shown or wanted.chooser.reason):
        return meant
    return await with_attempts(parts, meant)
