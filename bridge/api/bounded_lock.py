"""A lock that only so many may wait for."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import HTTPException, status


class BoundedLock:
    """Lets one at a time do something costly, and turns away those past a bound.

    Attributes:
        turn: Held by the one whose turn it is.
    """

    def __init__(self, *, most: int) -> None:
        """Let at most `most` in, of whom one has its turn."""
        self._left = most
        self.turn = asyncio.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place in the line until the block is left.

        Raises:
            HTTPException: There is none.
        """
        if not self._left:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                "others are being answered, expected another try in a second",
                headers={"Retry-After": "1"},
            )
        self._left -= 1
        try:
            yield
        finally:
            self._left += 1
