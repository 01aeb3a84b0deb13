"""Who may use a connection next: a semaphore that is cheap as long as nobody waits."""

import asyncio
from collections import deque


class ConnectionSlots:
    """So many may go on at a time; the others wait in order.

    `asyncio.Semaphore` does the same for 2 us more, of some 10 that a POST costs.
    """

    def __init__(self, limit: int) -> None:
        """Let `limit` go on at a time."""
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    def try_begin(self) -> bool:
        """Begin and return True, if there is no need to wait."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def wait_begin(self) -> None:
        """Return once it is the caller's turn."""
        if self.try_begin():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.end()  # it had come, and nobody takes it
            raise

    def end(self) -> None:
        """Let the next one begin."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
