"""Holds what was read until it is stored; bounded in number and in bytes."""

import asyncio
from collections import deque
from collections.abc import Sequence

from bridge.cluster import Change, Item, Observed
from bridge.ingest.resync import ResyncItem

_SIZED = (Change, Observed)  # twice as fast to ask for as a union of them

MOST_ITEMS = 2_000
MOST_BYTES = 16 * 1024 * 1024


class Buffer:
    """A queue between one reading and one storing task.

    When it is full the reading task waits, so the connection is not read, and TCP
    tells the API server to wait too.
    """

    def __init__(
        self, *, most_items: int = MOST_ITEMS, most_bytes: int = MOST_BYTES
    ) -> None:
        """Bound it; the batch that passes a bound is still taken."""
        self._items: deque[Item | ResyncItem] = deque()
        self._bytes = 0
        self._most_items = most_items
        self._most_bytes = most_bytes
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def wait_for_room(self) -> None:
        """Return once another batch may be added."""
        await self._room.wait()

    def add(self, batch: Sequence[Item | ResyncItem]) -> None:
        """Take what was read at once."""
        self._items.extend(batch)
        self._bytes += sum(map(_size, batch))
        if len(self._items) >= self._most_items or self._bytes >= self._most_bytes:
            self._room.clear()
        if self._items:
            self._filled.set()

    async def take(self, limit: int) -> list[Item | ResyncItem]:
        """Wait for the first item; return up to `limit`, oldest first."""
        await self._filled.wait()
        items = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
        self._bytes -= sum(map(_size, items))
        if not self._items:
            self._filled.clear()
        if len(self._items) < self._most_items and self._bytes < self._most_bytes:
            self._room.set()
        return items


def _size(item: Item | ResyncItem) -> int:
    return len(item.object) if isinstance(item, _SIZED) else 0
