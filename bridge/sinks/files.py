"""Values that come from files and are read again when a file changes."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

LOOK_SECONDS = 1.0
"""Shortest time between two looks at a file."""

Value = TypeVar("Value")


class UnusableError(Exception):
    """A secret or a TLS file cannot be used; `reason` is the word for metrics."""

    def __init__(self, message: str, *, reason: str) -> None:
        """`message` names the thing and never shows what is in it."""
        super().__init__(message)
        self.reason = reason


class Reloaded(Generic[Value]):
    """What `load` makes of some files, made anew when one of them changes.

    A Kubernetes Secret volume swaps a symbolic link: the files behind it are others
    then, with other inodes.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        load: Callable[[], Value],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read nothing yet.

        Args:
            paths: The files to look at.
            load: Reads them; what it raises is not kept, it is called again.
            now: A clock in seconds that never goes back.
        """
        self._paths = tuple(paths)
        self._load = load
        self._now = now
        self._loaded: tuple[str, Value] | None = None
        self._look_at = 0.0

    def get(self) -> Value:
        """Return the value; files are looked at once a second at most."""
        now = self._now()
        if self._loaded is not None and now < self._look_at:
            return self._loaded[1]
        signature = self.signature()
        if self._loaded is None or self._loaded[0] != signature:
            self._loaded = (signature, self._load())
        self._look_at = now + LOOK_SECONDS
        return self._loaded[1]

    def signature(self) -> str:
        """Look at the files now; return what changes when one of them does."""
        return " ".join(_signature(path) for path in self._paths)


def _signature(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return f"errno {error.errno}"
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
