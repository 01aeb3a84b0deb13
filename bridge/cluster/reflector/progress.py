"""Prove that a quiet watch has missed nothing.

A watch of Events brings nothing while nothing happens, so its cursor ages until the
history has left it behind; then the cursor alone cannot prove that nothing was lost. So
the cluster's version is listed once a minute, and counts as passed once

- the watch brought something at least as new, or
- the watch was still connected 90 s later: keepalive would have ended a dead one
  after 60 s, and what the server had sent before came in order, or
- the server ended the watch in good order, 5 s later or more.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from bridge.cluster import ProgressMark
from bridge.cluster.versions import is_newer
from bridge.errors import ClusterError

LIST_SECONDS = 60.0
"""How often the version is listed."""

ALIVE_SECONDS = 90.0
"""How long a watch must live on to prove a listed version."""

ENDED_SECONDS = 5.0
"""The same, when it ends in good order."""

_ANSWER_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    mark: ProgressMark
    at: float


class ProgressMarks:
    """Holds listed versions until they are proven; for one watch at a time.

    Times are those of the loop's clock, except `ProgressMark.time`.
    """

    def __init__(
        self,
        *,
        newest_version: Callable[[], Awaitable[str]],
        now: Callable[[], datetime],
    ) -> None:
        """List for the first time after a minute.

        Args:
            newest_version: Asks the cluster for its version.
            now: Wall clock.
        """
        self._newest_version = newest_version
        self._now = now
        self._marks: deque[_Mark] = deque()
        self._list_at = _time() + LIST_SECONDS

    @property
    def due_at(self) -> float:
        """Return when to list, or when a mark is proven if the watch lives."""
        proven_at = self._marks[0].at + ALIVE_SECONDS if self._marks else self._list_at
        return min(self._list_at, proven_at)

    async def list_if_due(self) -> None:
        """List the version if a minute is over; the watch is not read meanwhile."""
        if not _is_over(self._list_at):
            return
        self._list_at = _time() + LIST_SECONDS
        time = self._now()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                version = await self._newest_version()
        except (ClusterError, TimeoutError):
            return  # the watch itself is what counts; the next minute will do
        mark = ProgressMark(resource_version=version, time=time)
        self._marks.append(_Mark(mark=mark, at=_time()))

    def proven(self, *, position: str) -> ProgressMark | None:
        """Return the newest mark that is proven now; each is returned once.

        Args:
            position: The newest version that the watch brought.
        """
        return self._take(position, seconds=ALIVE_SECONDS)

    def ended(self, *, position: str) -> ProgressMark | None:
        """Return the newest mark that the good end of a watch proves."""
        return self._take(position, seconds=ENDED_SECONDS)

    def cut(self) -> None:
        """Drop marks that are not proven: the next watch cannot prove them."""
        self._marks.clear()

    def _take(self, position: str, *, seconds: float) -> ProgressMark | None:
        mark = None
        while self._marks and (
            _is_over(self._marks[0].at + seconds)
            or not is_newer(self._marks[0].mark.resource_version, than=position)
        ):
            mark = self._marks.popleft().mark
        return mark


def _is_over(moment: float) -> bool:
    # asyncio wakes a clock tick early; without this it would be woken again and again.
    return moment <= _time() + 0.001


def _time() -> float:
    return asyncio.get_running_loop().time()
