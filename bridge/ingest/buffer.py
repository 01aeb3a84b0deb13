"""Hold what was read until it is stored; bounded in number and in bytes."""

import asyncio
from collections import deque
from collections.abc import Sequence

from bridge.cluster import Change, Item, Observed
from bridge.ingest.resync import ResyncItem

_SIZED = (Change, Observed)  # twice as fast to ask for as a union of them

MOST_ITEMS = 2_000
MOST_BYTES = 16 * 1024 * 1024
"""Bounds of a buffer; the batch that passes one is still taken."""


class Buffer:
    """A queue between the task that reads and the task that plans.

    When it is full the reading task waits, so the connection is not read, and TCP
    tells the API server to wait too.
    """

    def __init__(self) -> None:
        """Start empty, with room."""
        self._items: deque[Item | ResyncItem] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, batch: Sequence[Item | ResyncItem]) -> None:
        """Take a batch; return once there is room for the next one."""
        self._items.extend(batch)
        self._bytes += sum(map(_size, batch))
        if not self._has_room():
            self._room.clear()
        if self._items:
            self._filled.set()
        await self._room.wait()

    async def take(self, limit: int) -> list[Item | ResyncItem]:
        """Wait for the first item; return up to `limit`, oldest first."""
        await self._filled.wait()
        items = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
        self._bytes -= sum(map(_size, items))
        if not self._items:
            self._filled.clear()
        if self._has_room():
            self._room.set()
        return items

    def _has_room(self) -> bool:
        return len(self._items) < MOST_ITEMS and self._bytes < MOST_BYTES


def _size(item: Item | ResyncItem) -> int:
    return len(item.object) if isinstance(item, _SIZED) else 0
