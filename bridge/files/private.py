"""Files and folders that only their owner may read: events may hold anything."""

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700

_OTHERS = 0o077


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it that are missing, for its owner alone.

    One that exists stays as it is: it may be a volume, or shared on purpose.

    Raises:
        OSError: It cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(20, "not a directory", str(folder))


def make_file(path: Path) -> None:
    """Make an empty file for its owner alone, or take the others' rights to it away.

    Not by a descriptor of the file that exists: to close one would drop the locks that
    SQLite holds on it in this process (POSIX advisory locks, fcntl(2)).

    Raises:
        OSError: It cannot be made.
    """
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(path, flags, FILE_MODE))
    except FileExistsError:
        restrict(path)


def make_database(path: Path) -> None:
    """Do the same for an SQLite file, whose log and index take its rights when made.

    Raises:
        OSError: It cannot be made.
    """
    make_file(path)
    for suffix in ("-wal", "-shm"):
        restrict(path.with_name(path.name + suffix))


def restrict(path: Path, mode: int = FILE_MODE) -> None:
    """Take others' rights away, if it is there and ours to say."""
    with suppress(OSError):
        if path.stat().st_mode & _OTHERS:
            path.chmod(mode)
