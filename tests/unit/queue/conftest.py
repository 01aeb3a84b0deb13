"""A queue on a real clock and one on a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import FakeClock, QueueFile

pytest.register_assert_rewrite("tests.unit.queue.contract")


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that only the test moves."""
    return FakeClock()


@pytest.fixture
def file(tmp_path: Path, clock: FakeClock) -> QueueFile:
    """Return a place for a queue that lives by that clock."""
    return QueueFile(path=tmp_path / "state" / "queue.db", clock=clock)


@pytest.fixture
async def queue(file: QueueFile) -> AsyncIterator[SqliteQueue]:
    """Return an open queue with one sink."""
    async with file.open() as opened:
        await opened.open_sink("hook")
        yield opened
