"""Rows of the queue, of its dead letters and of the journal, as one list in time.

::

    waiting ───┐
    delivered ─┼─▶ merged by when each came to its state ─▶ a place in all three
    dead ──────┘

A list of one state has the handles of its rows for places. One of all states, newest
first, also has the time of its first page: what comes later is not met half-way.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

from fastapi import HTTPException, status

from bridge.api.context import ApiContext
from bridge.api.found import Found, of_attempt, of_kept, of_letter, of_pending
from bridge.api.rows import closing
from bridge.api.selection import Chooser, State
from bridge.journal import Attempt
from bridge.queue import Extent

Place = Literal["kept", "waiting", "delivered", "dead"]
"""Where to look; ``kept``: at every stored event, whatever became of it."""

STATES: tuple[State, ...] = get_args(State)

_ATTEMPT = re.compile(r"j[0-9]{1,18}\.[0-9]{1,9}")
_TIME = re.compile(r"[0-9]{1,11}\.[0-9]{6}")
_BEGAN = "began"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to look at rows.

    Attributes:
        chooser: What is meant; rows of other sinks are left out, the rest is not asked.
        extent: What of each event is read.
        newest: Newest first, else oldest first.
    """

    chooser: Chooser
    extent: Extent
    newest: bool = False


def stream(
    parts: ApiContext, place: Place, look: Look, after: str | None
) -> AsyncIterator[Found]:
    """Return the rows of one kind after a handle; None: from the beginning.

    Raises:
        HTTPException: 422, it is no handle of an attempt.
    """
    match place:
        case "kept":
            return _kept(parts, look, after)
        case "waiting":
            return _waiting(parts, look, after)
        case "delivered":
            if after is not None and not _ATTEMPT.fullmatch(after):
                raise _no_place()
            return _delivered(parts, look, after)
        case "dead":
            return _dead(parts, look, after)


class Merged:
    """The rows of all states in the order of their times.

    Attributes:
        follow: The place after all that is there, to go on from oldest first; None:
            there is nothing yet, or it is not the beginning.
    """

    def __init__(self, parts: ApiContext, look: Look, after: str | None) -> None:
        """Begin, or go on after a place.

        Raises:
            HTTPException: 422, it is none.
        """
        self._began, self._places = read_places(after)
        self._is_first = after is None
        self._newest = look.newest
        self._now = parts.now()
        self._streams = {
            state: stream(parts, state, look, self._places.get(state))
            for state in STATES
        }
        self.follow: str | None = None

    async def rows(self) -> AsyncIterator[Found]:
        """Iterate them; the handle of each is a place among all."""
        try:
            heads = {state: await self._head(state) for state in STATES}
            self._begin([one for one in heads.values() if one is not None])
            while (state := self._next(heads)) is not None:
                one = heads[state]
                assert one is not None  # noqa: S101  # `_next` has looked
                self._places[state] = one.handle
                place = write_places(self._began, self._places)
                heads[state] = await self._head(state)
                yield replace(one, handle=place)
        finally:
            for rows in self._streams.values():
                async with closing(rows):
                    pass

    def _begin(self, heads: list[Found]) -> None:
        if self._newest and self._is_first and heads:
            self._began = max(self._now, *(one.entered for one in heads))
            ends = {one.state or "delivered": one for one in heads}
            places = {state: one.handle for state, one in ends.items()}
            self.follow = write_places(None, places)

    async def _head(self, state: State) -> Found | None:
        async for one in self._streams[state]:
            if not self._newest or self._is_known(one):
                return one
        return None

    def _is_known(self, one: Found) -> bool:
        return self._is_first or self._began is None or one.entered <= self._began

    def _next(self, heads: Mapping[State, Found | None]) -> State | None:
        there = {state: one.entered for state, one in heads.items() if one is not None}
        choose = max if self._newest else min
        return choose(there, key=lambda state: there[state], default=None)


def write_places(began: datetime | None, places: Mapping[State, str]) -> str:
    """Return what `read_places` reads."""
    head = [] if began is None else [f"{_BEGAN}={began.timestamp():.6f}"]
    return "|".join([*head, *(f"{state}={one}" for state, one in places.items())])


def read_places(after: str | None) -> tuple[datetime | None, dict[State, str]]:
    """Return when the first page was asked for, and a place for each state.

    Raises:
        HTTPException: 422, it was not written by `write_places`.
    """
    if after is None:
        return None, {}
    places = dict(_pair(part) for part in after.split("|"))
    time = places.pop(_BEGAN, None)
    if not set(places) <= set(STATES) or not (time is None or _TIME.fullmatch(time)):
        raise _no_place()
    began = None if time is None else datetime.fromtimestamp(float(time), UTC)
    return began, {state: places[state] for state in STATES if state in places}


def _pair(part: str) -> tuple[str, str]:
    name, _, place = part.partition("=")
    return name, place


def _no_place() -> HTTPException:
    message = "after: expected `next` or `follow` of the answer before, to this state"
    return HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, message)


async def _kept(
    parts: ApiContext, look: Look, after: str | None
) -> AsyncIterator[Found]:
    kept = parts.queue.kept(
        look.chooser.since, after, extent=look.extent, newest=look.newest
    )
    async with closing(kept) as rows:
        async for row in rows:
            yield of_kept(row)


async def _waiting(
    parts: ApiContext, look: Look, after: str | None
) -> AsyncIterator[Found]:
    waiting = parts.queue.waiting(
        look.chooser.sink, after, extent=look.extent, newest=look.newest
    )
    async with closing(waiting) as rows:
        async for row in rows:
            yield of_pending(row)


async def _dead(
    parts: ApiContext, look: Look, after: str | None
) -> AsyncIterator[Found]:
    dead = parts.queue.dead(
        look.chooser.sink, after, extent=look.extent, newest=look.newest
    )
    async with closing(dead) as rows:
        async for letter in rows:
            yield of_letter(letter)


async def _delivered(
    parts: ApiContext, look: Look, after: str | None
) -> AsyncIterator[Found]:
    """Iterate attempts that ended a delivery, and a few others to say how far it is."""
    sink = look.chooser.sink

    def ended(attempt: Attempt) -> bool:
        return attempt.ending == "delivered" and sink in {None, attempt.sink}

    since = look.chooser.since.timestamp()
    recorded = parts.journal.recorded(
        after, since=since, newest=look.newest, keep=ended
    )
    async with closing(recorded) as rows:
        async for row in rows:
            yield of_attempt(row)
