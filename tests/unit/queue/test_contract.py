"""The embedded store keeps the contract of every queue, the fake what it has of it."""

from functools import partial
from pathlib import Path

import pytest

from tests.unit.memory_queue import MemoryQueue
from tests.unit.queue.contract import Opener, Ordered, QueueContract, Remembering
from tests.unit.queue.samples import QueueFile


class TestSqliteQueue(QueueContract):
    """Run on one file."""

    @pytest.fixture
    def open_queue(self, tmp_path: Path) -> Opener:
        """Return what opens the same file again and again."""
        return partial(QueueFile(path=tmp_path / "queue.db").open)


class TestMemoryQueue(Remembering, Ordered):
    """Run on a dictionary."""

    @pytest.fixture
    def queue(self) -> MemoryQueue:
        """Return an empty one."""
        return MemoryQueue()
