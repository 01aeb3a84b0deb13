"""Room kept beside the queue, so that a full volume does not stop the outcomes."""

import os
from pathlib import Path
from time import monotonic

from bridge.files.private import FILE_MODE, restrict

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
