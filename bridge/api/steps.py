"""Goes through many deliveries in steps: one request takes a bounded time.

What was there when the first request came is what is meant, also by those that go on:
a delivery that is replayed and given up again is not met twice, for it died later.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

from fastapi import HTTPException, status

from bridge.api.context import ApiContext
from bridge.api.found import Found
from bridge.api.pages import WantedRows, find_page
from bridge.api.selection import Chooser
from bridge.api.streams import Place
from bridge.events import EncodedEvent

STEP = 500
"""Deliveries of one transaction."""

MOST_SECONDS = 10.0
"""After this time a request makes no further step."""

_LATEST = 10**12


class Steps:
    """The steps of one request, and where the next one goes on.

    Attributes:
        began: When the first request came.
        next: What to go on with; None: all was seen to.
    """

    def __init__(
        self,
        parts: ApiContext,
        place: Place,
        chooser: Chooser,
        *,
        begin: str | None,
        takes: Callable[[EncodedEvent], bool] | None = None,
    ) -> None:
        """Begin, or go on at `begin`, which was `next` once.

        Args:
            parts: The process.
            place: Where to look.
            chooser: What is meant.
            begin: `next` of the request before; None: there was none.
            takes: Asked of each whole event; None: events are not read.

        Raises:
            HTTPException: 422, `begin` was not `next`.
        """
        self._parts = parts
        self._place: Place = place
        self._chooser = chooser
        self._takes = takes
        self._end = parts.monotonic() + MOST_SECONDS
        self.began, self._after = read_place(begin, parts.now())
        self.next: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether the time of this request is used up."""
        return self._parts.monotonic() >= self._end

    async def run(self) -> AsyncIterator[list[Found]]:
        """Yield what is meant, a step at a time, until the end or the time is over."""
        while True:
            wanted = WantedRows(
                place=self._place,
                chooser=self._chooser,
                after=self._after,
                limit=STEP,
                takes=self._takes,
            )
            listed = await find_page(self._parts, wanted)
            self._after = last = listed.next
            self.next = None if last is None else write_place(self.began, last)
            yield [one for one in listed.found if one.entered <= self.began]
            if last is None or self.is_over:
                return


def write_place(began: datetime, after: str) -> str:
    """Return what `read_place` reads."""
    return f"{began.timestamp():.6f}:{after}"


def read_place(begin: str | None, now: datetime) -> tuple[datetime, str | None]:
    """Return when the first request came, and the handle to go on after.

    Raises:
        HTTPException: 422, it was not written by `write_place`.
    """
    if begin is None:
        return now, None
    time, colon, after = begin.partition(":")
    try:
        seconds = float(time)
    except ValueError:
        seconds = -1.0
    if not (colon and after and 0 <= seconds < _LATEST):
        message = "next: expected that of the answer before"
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT, message)
    return datetime.fromtimestamp(min(seconds, now.timestamp()), UTC), after


async def replay_to(parts: ApiContext, sink: str, targets: list[str]) -> int:
    """Enqueue for a sink that is configured; for another nothing would lease them."""
    if sink not in parts.health.sinks or not targets:
        return 0
    return await parts.queue.enqueue(sink, targets)
