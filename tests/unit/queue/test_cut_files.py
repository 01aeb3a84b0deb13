"""What cutting the files does with a checkpoint that fails."""

import errno
from pathlib import Path
from typing import Any

import apsw
import pytest

from bridge.queue.sqlite.capacity import Capacity, Reserve


class FailingConnection:
    """Its checkpoints fail as a test says."""

    def __init__(self, error: apsw.Error, system_errno: int) -> None:
        self.system_errno = system_errno
        self.checkpoints = 0
        self._error = error

    def pragma(self, _name: str, *_values: Any) -> int:
        """Answer any question with a number."""
        return 1

    def set_busy_timeout(self, _milliseconds: int) -> None:
        """Wait as long as you like."""

    def wal_checkpoint(self, **_arguments: Any) -> None:
        """Fail."""
        self.checkpoints += 1
        raise self._error


def cut(folder: Path, error: apsw.Error, system_errno: int = 0) -> int:
    """Cut the files while the reserve is gone; return how often it was tried."""
    connection = FailingConnection(error, system_errno)
    capacity = Capacity(
        connection=connection,
        path=folder / "queue.db",
        max_bytes=1,
        reserve=Reserve(path=folder / "queue.db.reserve", size_bytes=1),
    )
    capacity.cut_files()
    return connection.checkpoints


@pytest.mark.parametrize(
    ("error", "system_errno"),
    [
        (apsw.BusyError(), 0),
        (apsw.FullError(), 0),
        (apsw.IOError(), errno.ENOSPC),
    ],
)
def test_busy_or_full_checkpoint_waits_for_the_next_pass(
    tmp_path: Path, error: apsw.Error, system_errno: int
) -> None:
    """Nothing is lost by waiting."""
    assert cut(tmp_path, error, system_errno) == 1


def test_other_fault_of_a_checkpoint_surfaces(tmp_path: Path) -> None:
    """A disk that breaks is not a disk that is full."""
    with pytest.raises(apsw.IOError):
        cut(tmp_path, apsw.IOError(), errno.EIO)
