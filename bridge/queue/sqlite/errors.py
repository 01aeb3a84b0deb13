"""What an error of SQLite means; none of apsw's exceptions leaves this folder."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import apsw

from bridge.errors import QueueCorruptError, QueueError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

BAD_ROW = (
    QueueError,
    apsw.ConstraintError,
    apsw.TooBigError,
    TypeError,
    ValueError,
    OverflowError,
)
"""Faults in what was asked for, not in the file: they fail one job, not the queue."""


def is_full(error: BaseException, connection: apsw.Connection) -> bool:
    """Return whether the volume, or the user's share of it, is used up.

    SQLite says SQLITE_FULL only for ENOSPC while writing; a used up quota, and no room
    for the shared memory of the write-ahead log, are input/output errors to it.
    """
    if isinstance(error, apsw.FullError):
        return True
    return isinstance(error, apsw.IOError) and connection.system_errno in _NO_ROOM


def as_ours(error: Exception) -> Exception:
    """Return what a job answers for a bad row."""
    if isinstance(error, apsw.Error):
        return QueueError(f"row refused: {error}")
    return error


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Raise apsw's exceptions as ours.

    Raises:
        QueueCorruptError: The file is damaged, or no database.
        QueueError: Anything else that SQLite says.
    """
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise QueueCorruptError(
            f"queue {path}: {error}; it was left as it is,"
            " `kubebridge queue recover` can salvage its rows"
        ) from error
    except apsw.Error as error:
        raise QueueError(f"queue {path}: {error}") from error
