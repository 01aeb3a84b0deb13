"""Connections to the queue file, and what an error of SQLite means for it.

None of apsw's exceptions leaves this folder.
"""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from bridge.errors import QueueCorruptError, QueueError
from bridge.files.private import make_database
from bridge.queue.sqlite import schema

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


CHECKED_BYTES = 64 * 1024 * 1024
"""Files up to this size are read through at open (0.1 s). A larger one is not: its
pages carry checksums only in the log, and a fault met later ends the process anyway."""

BUSY_MILLISECONDS = 5000
"""How long a connection waits for another one that holds a lock."""

_CACHE_KIB = 8192
_CHECKPOINT_PAGES = 1024


def open_writer(
    path: Path, *, reserve_bytes: int, release: Callable[[], bool]
) -> apsw.Connection:
    """Open, make or migrate the file; on a full volume once more after `release`.

    Raises:
        QueueCorruptError: The file is damaged, or no queue.
        QueueNewerError: A later version wrote it.
    """
    with suppress(OSError):  # SQLite says what is wrong
        make_database(path)
    connection = apsw.Connection(str(path))
    try:
        _prepare(connection, path, reserve_bytes)
    except apsw.Error as error:
        full = is_full(error, connection)
        connection.close()
        if full and release():
            return open_writer(path, reserve_bytes=reserve_bytes, release=release)
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> apsw.Connection:
    """Open the file to look at it, beside the writer."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    return connection


def _prepare(connection: apsw.Connection, path: Path, reserve_bytes: int) -> None:
    connection.set_busy_timeout(BUSY_MILLISECONDS)
    schema.migrate(connection, path=str(path))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 2)  # full: grouped commits make it free
    connection.pragma("cache_size", -_CACHE_KIB)
    connection.pragma("temp_store", 2)  # memory: the root file system may be read-only
    limit_log(connection, reserve_bytes=reserve_bytes)
    _check(connection, path)


def limit_log(connection: apsw.Connection, *, reserve_bytes: int) -> None:
    """Bound the log by the reserve, so that its room takes a checkpoint."""
    pages = _checkpoint_pages(reserve_bytes)
    connection.wal_autocheckpoint(pages)
    connection.pragma("journal_size_limit", 2 * pages * schema.PAGE_BYTES)


def _checkpoint_pages(reserve_bytes: int) -> int:
    """Keep the log below half of the reserve, so that its room takes a checkpoint."""
    if not reserve_bytes:
        return _CHECKPOINT_PAGES
    return max(1, min(_CHECKPOINT_PAGES, reserve_bytes // (2 * schema.PAGE_BYTES)))


def _check(connection: apsw.Connection, path: Path) -> None:
    if path.stat().st_size > CHECKED_BYTES:
        return
    fault = connection.pragma("quick_check", 1)
    if fault != "ok":
        raise QueueCorruptError(
            f"queue {path}: {fault}; it was left as it is,"
            " `kubebridge queue recover` can salvage its rows"
        )
