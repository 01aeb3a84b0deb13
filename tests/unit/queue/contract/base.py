"""What the parts of the contract share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import pytest

from bridge.queue import (
    Queue,
)

Opener = Callable[[], AbstractAsyncContextManager[Queue]]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def has_nothing(queue: Queue, sink: str = "hook") -> bool:
    """Return whether nothing can be leased for a while."""
    try:
        async with asyncio.timeout(0.1):
            await queue.lease(sink, 1)
    except TimeoutError:
        return True
    return False


async def dead_letters(queue: Queue, sink: str | None = None) -> list[str]:
    """Return the ids of all dead letters."""
    return [letter.event.id async for letter in queue.dead(sink, None)]


class OpenQueue:
    """Gives the tests a queue; `open_queue` opens the same store anew each time."""

    @pytest.fixture
    async def queue(self, open_queue: Opener) -> AsyncIterator[Queue]:
        """Return an open queue with one sink."""
        async with open_queue() as opened:
            await opened.open_sink("hook")
            yield opened
