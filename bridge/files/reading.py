"""Small files that somebody names: read whole, in bounded time and memory.

A name may lead to a pipe that nobody writes to, to a device without an end, or to
something larger than it should be. None of them is read.
"""

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 1 << 20
"""More than any secret, certificate or configuration has."""


class NoFileError(OSError):
    """The name leads to something that is no ordinary file, or to one too large."""

    def __init__(self, why: str) -> None:
        """Say why, as other errors of the system do."""
        super().__init__(why)
        self.strerror = why


def read_file(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Return what is in a file.

    Args:
        path: Its name; links are followed.
        most_bytes: Most that it may hold.

    Raises:
        OSError: It cannot be read; `NoFileError`: it is no ordinary file, or too large.
    """
    # Without waiting for somebody who writes, and without becoming its terminal.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise NoFileError(_said(mode))
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise NoFileError(f"expected at most {most_bytes} bytes, got more")
    return content


def _said(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return os.strerror(errno.EISDIR)
    kind = "a pipe" if stat.S_ISFIFO(mode) else "a device"
    return f"expected a file, got {kind}"
