"""When the next request may go: the sink's rate, and the slots of the process."""

import asyncio
from collections.abc import Callable
from typing import Final

from bridge.deliver.pace import Pace
from bridge.deliver.slots import Slots

LOOK_SECONDS: Final = 0.01
"""Between two looks at what was leased and not sent yet."""

SHORTEST_SECONDS: Final = 0.001
"""Of a wait; less is what floating point numbers leave of one."""


class Turns:
    """Lets requests of one sink go, one by one, until the process stops."""

    def __init__(
        self, *, sink: str, pace: Pace, slots: Slots | None, stop: asyncio.Event
    ) -> None:
        """Bind the parts; slots None: as many at once as there are workers."""
        self._sink = sink
        self._pace = pace
        self._slots = slots
        self._stop = stop

    @property
    def are_free(self) -> bool:
        """Whether nothing limits anything: `take` need not be asked."""
        return self._slots is None and not self._pace.is_limited

    async def wait_for_room(self, waiting: Callable[[], int]) -> int | None:
        """Wait until a request may go beyond those that are leased already.

        Args:
            waiting: Gives how many are leased and not sent yet.

        Returns:
            How many; None: any number.
        """
        while self._pace.is_limited:
            room = self._pace.allowed() - waiting()
            if room > 0:
                return room
            await asyncio.sleep(max(LOOK_SECONDS, self._pace.wait()))
        return None

    async def take(self) -> bool:
        """Wait for the turn of a request that goes at once then.

        Returns:
            False: the process was told to stop, and it may not go.
        """
        while not self._stop.is_set():
            if self._slots is not None:
                await self._slots.take(self._sink)
            seconds = self._pace.wait()
            if seconds <= 0:
                self._pace.take()
                return True
            self.give_back()
            await self._sleep(seconds)
        return False

    def give_back(self) -> None:
        """Note the end of a request."""
        if self._slots is not None:
            self._slots.give_back(self._sink)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(SHORTEST_SECONDS, seconds)):
                await self._stop.wait()
        except TimeoutError:
            return
