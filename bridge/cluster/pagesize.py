"""How many objects are asked for at once, so that a page has a bearable size."""

from collections.abc import Awaitable, Callable

from bridge.cluster import BATCH_LIMIT
from bridge.cluster.requests import ANSWER_BYTES, AnswerTooLargeError

PAGE_BYTES = 8 * 1024 * 1024
"""Most bytes of a page with more than one object: 500 Pods have about so many, 500
objects of 1.5 MB would have a hundred times as many."""

_SHRINKS_BY = 8
_GROWS_BY = 2

Ask = Callable[[int, int], Awaitable[bytes]]
"""Asks for so many objects in at most so many bytes; raises `AnswerTooLargeError`."""


class PageSize:
    """Learns how many objects of one resource fit into a page."""

    def __init__(self) -> None:
        """Expect small ones."""
        self._most = BATCH_LIMIT

    async def fit(self, ask: Ask, limit: int) -> bytes:
        """Return the answer with as many objects as fit, `limit` at most.

        Args:
            ask: Is called with fewer and fewer objects, until they fit.
            limit: Most objects that are wanted.

        Raises:
            AnswerTooLargeError: Even one is too large, or the API server sends more
                than it is asked for.
        """
        while True:
            count = min(limit, self._most)
            most_bytes = PAGE_BYTES if count > 1 else ANSWER_BYTES
            try:
                body = await ask(count, most_bytes)
            except AnswerTooLargeError:
                if count == 1:
                    raise
                self._most = max(1, count // _SHRINKS_BY)
            else:
                self._learn(count, len(body))
                return body

    def _learn(self, count: int, size: int) -> None:
        """Ask for more next time where this was the most, and there was room."""
        if count == self._most and size * _GROWS_BY * 2 < PAGE_BYTES:
            self._most = min(BATCH_LIMIT, self._most * _GROWS_BY)
