"""Measure the file and its volume, and refuse a put that has no room."""

import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import apsw

from bridge.errors import EntryTooLargeError, QueueFullError
from bridge.files.private import FILE_MODE, restrict
from bridge.queue import Entry
from bridge.queue.sqlite.connection import BUSY_MILLISECONDS, is_full

_SHARE_OF_VOLUME = 8
_AMPLE_BYTES = 1024 * 1024 * 1024
_AMPLE_SECONDS = 1.0


class Reserve:
    """A file of a fixed size that is given up when the volume is full.

    While it is gone nothing new is taken in. It is made again only when twice its size
    is free: otherwise giving it up would make the room to make it. On a small volume
    that must stay possible, so the file is an eighth of the volume at most.
    """

    def __init__(self, *, path: Path, size_bytes: int) -> None:
        """Name it.

        Args:
            path: Where it is kept; the folder exists.
            size_bytes: Its size on a large volume; 0: there is none, and it never is
                missing.
        """
        self._path = path
        self.size_bytes = self._fitting(size_bytes)
        self._ample_until = 0.0

    @property
    def is_held(self) -> bool:
        """Whether it is there in full."""
        try:
            return self._path.stat().st_size >= self.size_bytes
        except FileNotFoundError:
            return self.size_bytes == 0

    def make(self) -> None:
        """Take the room if there is enough of it; give back what is too much of it."""
        restrict(self._path)
        if self.is_held:
            self._shrink()
            return
        if self.free_bytes() < 2 * self.size_bytes:
            return
        try:
            self._allocate()
        except OSError:
            self.release()

    def resize(self, size_bytes: int) -> None:
        """Have another size from now on."""
        self.release()
        self.size_bytes = self._fitting(size_bytes)
        self.make()

    def release(self) -> bool:
        """Give the room back to the volume; return whether there was any."""
        self._ample_until = 0.0
        was_there = self._path.exists()
        self._path.unlink(missing_ok=True)
        return was_there

    def has_ample_volume(self) -> bool:
        """Return whether a GiB was free, and the file was there, a second ago or later.

        Less than that is written in a second. If the volume fills up all the same,
        SQLite reports it, and the reserve makes room (see `commit`).
        """
        now = monotonic()
        if now >= self._ample_until:
            if not self.is_held or self.free_bytes() < _AMPLE_BYTES:
                return False
            self._ample_until = now + _AMPLE_SECONDS
        return True

    def _allocate(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, FILE_MODE)
        try:
            os.posix_fallocate(descriptor, 0, self.size_bytes)
        finally:
            os.close(descriptor)

    def _shrink(self) -> None:
        """Cut a file that an earlier version made for a larger volume."""
        if self.size_bytes and self._path.stat().st_size > self.size_bytes:
            os.truncate(self._path, self.size_bytes)

    def free_bytes(self) -> int:
        """Return what is free on the volume."""
        volume = os.statvfs(self._path.parent)
        return volume.f_bavail * volume.f_frsize

    def _fitting(self, size_bytes: int) -> int:
        return min(size_bytes, self._volume_bytes() // _SHARE_OF_VOLUME)

    def _volume_bytes(self) -> int:
        volume = os.statvfs(self._path.parent)
        return volume.f_blocks * volume.f_frsize


ROW_BYTES = 150
"""What a row costs beside its body, with its delivery, about; also one of memory."""

OWN = "@"
"""Begins each key that is the reader's own."""

_VACUUM_PAGES = 512
_SLACK_PAGES = 1024
_LEAST_PAGES = 8
_LOW_BYTES = 8 * 1024 * 1024
_CUT_MILLISECONDS = 100


class Capacity:
    """Knows the bytes in use, exactly when it was asked and about in between."""

    def __init__(
        self,
        *,
        connection: apsw.Connection,
        path: Path,
        max_bytes: int,
        reserve: Reserve,
    ) -> None:
        """Measure the file; `max_bytes` is what its pages in use may take."""
        self._connection = connection
        self._path = path
        self._page_bytes: int = connection.pragma("page_size")
        self.max_bytes = max_bytes
        self.reserve = reserve
        self.volume_is_full = False
        self.refusal: str | None = None
        self._about_bytes = self.used_bytes()

    def used_bytes(self) -> int:
        """Return the bytes of the pages in use."""
        used: int = self._pages() - self.free_pages()
        return used * self._page_bytes

    def free_pages(self) -> int:
        """Return how many pages of the file hold nothing."""
        free: int = self._connection.pragma("freelist_count")
        return free

    def size_of(self, entries: Sequence[Entry]) -> int:
        """Return the bytes that the entries will take, about.

        A key that is forgotten takes none, and one of the reader's own (``@``) neither:
        they are few, and replaced again and again.

        Raises:
            EntryTooLargeError: One event is larger than the queue.
        """
        size = 0
        for index, entry in enumerate(entries):
            if entry.encoded is not None:
                own = len(entry.encoded.body) + ROW_BYTES
                size += own
                if own > self.max_bytes:
                    raise EntryTooLargeError(
                        f"event {entry.encoded.id}: expected at most {self.max_bytes}"
                        f" bytes, the size of the queue, got {own}",
                        index=index,
                    )
            if entry.remember is not None:
                size += _size(*entry.remember)
        return size

    def has(self, size_bytes: int) -> bool:
        """Return whether so much more may be stored.

        A put as large as the queue is content with half of it, lest it never fits.
        """
        needed = min(size_bytes, self.max_bytes // 2)
        if self._about_bytes + needed > self.max_bytes:
            self._about_bytes = self.used_bytes()
        return self._about_bytes + needed <= self.max_bytes

    def has_ample_volume(self) -> bool:
        """Return whether the volume needs no look before each transaction."""
        return not self.volume_is_full and self.reserve.has_ample_volume()

    def fits_volume(self, size_bytes: int) -> bool:
        """Return whether the volume takes so much more: in the log, then in the file.

        A put that fits into the log alone would leave none for the checkpoint that
        empties it, and the volume would stay full for ever.
        """
        pages = 3 * size_bytes // 2 + _LEAST_PAGES * self._page_bytes
        grown = max(0, pages - self.free_pages() * self._page_bytes)
        return self.reserve.free_bytes() >= pages + grown + self._owed_bytes()

    def wants(self, size_bytes: int) -> bool:
        """Return whether kept events must go so that so much more can be stored."""
        if not self.has(size_bytes):
            return True
        free = self.free_pages() * self._page_bytes if self.volume_is_full else 0
        return self.volume_is_full and free < 2 * size_bytes

    def take(self, size_bytes: int) -> None:
        """Note that so much was stored, and that nothing is refused any more."""
        self._about_bytes += size_bytes
        self.volume_is_full = False
        self.refusal = None

    def refuse(self) -> QueueFullError:
        """Return the error for a put that finds no room, and remember its text."""
        if self.volume_is_full or not self.reserve.is_held:
            return self.refuse_by_volume()
        self.refusal = (
            f"queue {self._path} is full: {self.used_bytes()} of {self.max_bytes} bytes"
            " are used by what waits and by dead letters"
        )
        return QueueFullError(self.refusal)

    def refuse_by_volume(self) -> QueueFullError:
        """Return the error for a put that the volume has no room for."""
        self.volume_is_full = True
        self.refusal = f"queue {self._path}: its volume is full"
        return QueueFullError(self.refusal)

    def budget_bytes(self) -> int:
        """Return how much may be written to make room on a volume that has little."""
        return max(_LEAST_PAGES * self._page_bytes, self.reserve.free_bytes() // 4)

    def tidy(self) -> None:
        """Give pages back to the volume, a few at a time, and take the reserve again.

        Free pages are used by the next puts, so a quarter of the file may be free; but
        on a full volume the log needs their room.
        """
        most = _VACUUM_PAGES
        if self._is_full():
            most = self.budget_bytes() // self._page_bytes
        if self._has_slack():
            self._connection.pragma("incremental_vacuum", most)
        self.reserve.make()
        self._about_bytes = self.used_bytes()
        if self.reserve.is_held and self._about_bytes < self.max_bytes:
            self.refusal = None

    @property
    def has_shortage(self) -> bool:
        """Whether `tidy` has more to do, or waits for room."""
        return self.refusal is not None or self._is_full() or self._has_slack()

    def cut_files(self) -> None:
        """Write the log into the file and cut both to what they hold.

        Only while the volume has little room, and outside of a transaction: pages that
        were given back leave the file, and so come free on the volume, with the next
        checkpoint, and a log that nothing is added to never reaches one by itself. If
        the file cannot grow by what is in the log, the reserve makes the room.
        """
        if self.has_ample_volume() or not self._is_low():
            return
        if not self._cut() and self.reserve.release():
            self._cut()

    def _has_slack(self) -> bool:
        most = 0 if self._is_full() else max(_SLACK_PAGES, self._pages() // 4)
        return self.free_pages() > most

    def _is_full(self) -> bool:
        return self.volume_is_full or not self.reserve.is_held

    def _is_low(self) -> bool:
        return self._is_full() or self.reserve.free_bytes() < _LOW_BYTES

    def _cut(self) -> bool:
        """Return False if the file cannot grow by what is in the log."""
        self._connection.set_busy_timeout(_CUT_MILLISECONDS)
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.BusyError:
            return True  # somebody reads: the next pass tries again
        except apsw.Error as error:
            if not is_full(error, self._connection):
                raise
            return False
        finally:
            self._connection.set_busy_timeout(BUSY_MILLISECONDS)
        return True

    def _owed_bytes(self) -> int:
        """Return by how much the next checkpoint makes the file grow."""
        return max(0, self._pages() * self._page_bytes - self._path.stat().st_size)

    def _pages(self) -> int:
        pages: int = self._connection.pragma("page_count")
        return pages


def _size(key: str, value: bytes | None) -> int:
    if value is None or key.startswith(OWN):
        return 0
    return len(key) + len(value) + ROW_BYTES
