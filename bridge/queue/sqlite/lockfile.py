"""One process owns a queue file at a time, and one configuration the default file."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bridge.errors import ConfigError, QueueError, QueueLockedError
from bridge.files.private import (
    FILE_MODE,
    FOLDER_MODE,
    make_file,
    make_folder,
    restrict,
)
from bridge.logs import get_logger

_POLL_SECONDS = 0.1


@asynccontextmanager
async def locked(path: Path, *, timeout_seconds: float) -> AsyncIterator[None]:
    """Own `path` for a while, by an flock on a file beside it.

    The system drops the lock with the process, however that ends. The file stays:
    removing it would let two processes lock two files of one name.

    Raises:
        QueueLockedError: Another owner did not leave within `timeout_seconds`.
        QueueError: The folder cannot be made or written.
    """
    lock = path.with_name(path.name + ".lock")
    descriptor = _open(lock)
    try:
        await _take(descriptor, lock, timeout_seconds)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_now(path: Path) -> Iterator[None]:
    """Own `path` for a while, if nobody else does.

    Raises:
        QueueLockedError: Somebody does.
        QueueError: The folder cannot be made or written.
    """
    lock = path.with_name(path.name + ".lock")
    descriptor = _open(lock)
    try:
        if not _try(descriptor):
            raise QueueLockedError(f"queue {path}: {_owner(descriptor)} owns it")
        yield
    finally:
        os.close(descriptor)


def _open(lock: Path) -> int:
    try:
        make_folder(lock.parent)
        restrict(lock)
        return os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    except OSError as error:
        raise QueueError(
            f"queue folder {lock.parent}: expected one that can be written,"
            f" got '{error.strerror}'"
        ) from error


async def _take(descriptor: int, lock: Path, timeout_seconds: float) -> None:
    if not _try(descriptor):
        get_logger().warning(
            "Waiting for the queue.",
            queue=_file_of(lock),
            owner=_owner(descriptor),
            seconds=timeout_seconds,
        )
    try:
        async with asyncio.timeout(timeout_seconds):
            while not _try(descriptor):  # noqa: ASYNC110  # no event comes from flock
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise QueueLockedError(
            f"queue {_file_of(lock)}: {_owner(descriptor)} owns it and did not"
            f" leave within {timeout_seconds:g} s"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def _file_of(lock: Path) -> str:
    return str(lock.with_suffix(""))


def _owner(descriptor: int) -> str:
    return f"process {os.pread(descriptor, 20, 0).decode() or 'unknown'}"


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def check_owner(queue: Path, owner: str) -> None:
    """Pass if the file has no owner, or this one.

    Raises:
        ConfigError: It is another's.
    """
    known = _read(_mark(queue))
    if known and known != owner:
        problem = (
            f"queue.path: expected one for {owner}, for the default file {queue} "
            f"belongs to {known}; name another file, or this one to share it"
        )
        raise ConfigError([problem])


def claim(queue: Path, owner: str) -> None:
    """Note that the file, whose lock is held, belongs to this owner.

    Raises:
        ConfigError: Another was faster.
        QueueError: It cannot be noted.
    """
    check_owner(queue, owner)
    mark = _mark(queue)
    try:
        restrict(queue.parent, FOLDER_MODE)
        if _read(mark) != owner:
            make_file(mark)
            mark.write_text(owner, encoding="utf-8")
    except OSError as error:
        raise QueueError(
            f"{mark}: expected a file that can be written, got '{error.strerror}'"
        ) from error


def _mark(queue: Path) -> Path:
    return queue.with_name(f"{queue.name}.owner")


def _read(mark: Path) -> str:
    try:
        return mark.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
