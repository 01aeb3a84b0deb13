"""Whose the default queue file is, so that two configurations never share it unasked.

They would share cursors, and a sink of one would get what waits for a sink of the same
name of the other. A file `queue.db.owner` beside it says which configuration it
belongs to; a file from before there were owners is for the first that opens it.
"""

from pathlib import Path

from bridge.errors import ConfigError, QueueError
from bridge.files.private import FOLDER_MODE, make_file, restrict


def check_owner(queue: Path, owner: str) -> None:
    """Pass if the file is nobody's, or this owner's.

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
