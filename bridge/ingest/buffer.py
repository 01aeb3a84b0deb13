"""Hold what was read until it is stored; bounded in number and in bytes."""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec

from bridge.cluster import BATCH_LIMIT, Change, Item, ObjectMeta, Observed

_SIZED = (Change, Observed)  # twice as fast to ask for as a union of them

MOST_ITEMS = 2_000
MOST_BYTES = 16 * 1024 * 1024
"""Bounds of a buffer; the batch that passes one is still taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResyncItem:
    """An object that becomes an event again, as it is known when this is planned.

    Nothing is listed for a resync: it replays what is stored (as client-go's does).

    Attributes:
        source: Name of the source that asks for it.
        number: Number of the resync of that source, from 1; part of ids.
        key: Key of the object; None: the resync is complete.
    """

    source: str
    number: int
    key: str | None


class DigestTick(msgspec.Struct, frozen=True):
    """The question which digests of noise control are due; planned in order."""


BufferedItem = Item | ResyncItem | DigestTick
"""Anything that waits to be planned."""


class Buffer:
    """A queue between the task that reads and the task that plans.

    When it is full the reading task waits, so the connection is not read, and TCP
    tells the API server to wait too.
    """

    def __init__(self) -> None:
        """Start empty, with room."""
        self._items: deque[BufferedItem] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, batch: Sequence[BufferedItem]) -> None:
        """Take a batch; return once there is room for the next one."""
        self._items.extend(batch)
        self._bytes += sum(map(_size, batch))
        if not self._has_room():
            self._room.clear()
        if self._items:
            self._filled.set()
        await self._room.wait()

    async def take(self, limit: int) -> list[BufferedItem]:
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


def _size(item: BufferedItem) -> int:
    return len(item.object) if isinstance(item, _SIZED) else 0


def resync_items(
    source: str, number: int, store: Iterable[ObjectMeta]
) -> Iterator[list[ResyncItem]]:
    """Yield batches of all objects that are known now; the last item ends it."""
    keys = iter([known.key for known in store])
    while batch := list(islice(keys, BATCH_LIMIT)):
        yield [ResyncItem(source=source, number=number, key=key) for key in batch]
    yield [ResyncItem(source=source, number=number, key=None)]
