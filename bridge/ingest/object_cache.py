"""Caches the last state of objects, compressed; the queue has all of them."""

import zlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from bridge.ingest.checkpoint import OBJECT

AT_HAND = 8_192
"""Most objects that are kept in memory."""

BYTES_AT_HAND = 32 * 1024 * 1024
"""Most bytes of them, but for those that may not be stored yet."""

NOT_STORED = 3_000
"""Most objects that can be planned and not yet stored at any time."""

KEYS_AT_ONCE = 500
"""Most keys that `Queue.recall` takes."""

Recall = Callable[[Sequence[str]], Awaitable[Mapping[str, bytes]]]
"""`Queue.recall`, bound to a scope."""


class ObjectCache:
    """Remembers the last object of each key; `load` before `get`."""

    def __init__(self, recall: Recall) -> None:
        """Start empty.

        Args:
            recall: Reads stored states from the queue.
        """
        self._recall = recall
        self._at_hand: OrderedDict[str, bytes | None] = OrderedDict()
        self._bytes = 0

    async def load(self, keys: Iterable[str]) -> None:
        """Load the last states of these keys."""
        wanted = set(keys)
        # These first: else what is recalled may push out what is asked for with it.
        for key in wanted & self._at_hand.keys():
            self._at_hand.move_to_end(key)
        absent = sorted(wanted - self._at_hand.keys())
        for start in range(0, len(absent), KEYS_AT_ONCE):
            part = absent[start : start + KEYS_AT_ONCE]
            found = await self._recall([OBJECT + key for key in part])
            for key in part:
                self._keep(key, found.get(OBJECT + key))

    def get(self, key: str) -> bytes | None:
        """Return the object as it was last seen; None: it was not."""
        packed = self._at_hand.get(key)
        return None if packed is None else zlib.decompress(packed)

    def put(self, key: str, object_: bytes) -> bytes:
        """Set the last state of an object; return its bytes for the queue."""
        packed = zlib.compress(object_, 1)
        self._keep(key, packed)
        return packed

    def drop(self, key: str) -> None:
        """Forget an object that was deleted."""
        self._keep(key, None)

    def _keep(self, key: str, packed: bytes | None) -> None:
        self._bytes += len(packed or b"") - len(self._at_hand.get(key) or b"")
        self._at_hand[key] = packed
        self._at_hand.move_to_end(key)
        while self._is_too_much():
            _, dropped = self._at_hand.popitem(last=False)
            self._bytes -= len(dropped or b"")

    def _is_too_much(self) -> bool:
        count = len(self._at_hand)
        return count > AT_HAND or (self._bytes > BYTES_AT_HAND and count > NOT_STORED)
