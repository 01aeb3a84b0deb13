"""How many attempts may be under way in the whole process, and whose turn it is."""

import asyncio
from collections import deque
from collections.abc import Sequence


class Slots:
    """So many attempts at once, of which one is always reserved for each sink.

    A sink's first attempt takes its own slot, any further ones share the rest: however
    slow a sink is, it never takes the last slot of another. Whoever waits for a shared
    one gets it in turn, sink by sink.
    """

    def __init__(self, total: int, *, sinks: Sequence[str]) -> None:
        """Share out `total` slots, at least one for each of `sinks`."""
        self._left = total - len(sinks)
        self._taken = dict.fromkeys(sinks, 0)
        self._waiting = {sink: deque[asyncio.Future[None]]() for sink in sinks}
        self._turns = deque(sinks)

    async def take(self, sink: str) -> None:
        """Wait until this sink may begin one more attempt; it then counts."""
        if self._is_free(sink):
            self._grant(sink)
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting[sink].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was granted in the same moment
                self.give_back(sink)
            raise

    def give_back(self, sink: str) -> None:
        """End one attempt of this sink; whoever waits may go on."""
        self._taken[sink] -= 1
        if self._taken[sink]:
            self._left += 1
        self._wake(sink)
        for _ in range(len(self._turns)):
            if not self._left:
                return
            self._turns.rotate(-1)
            self._wake(self._turns[0])

    def _wake(self, sink: str) -> None:
        waiting = self._waiting[sink]
        while waiting and self._is_free(sink):
            turn = waiting.popleft()
            if not turn.cancelled():
                self._grant(sink)
                turn.set_result(None)
                return

    def _is_free(self, sink: str) -> bool:
        return not self._taken[sink] or self._left > 0

    def _grant(self, sink: str) -> None:
        if self._taken[sink]:
            self._left -= 1
        self._taken[sink] += 1
