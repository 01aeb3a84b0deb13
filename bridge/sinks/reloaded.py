"""Load values from files, and again when a file changes."""

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from bridge.errors import OUR_FAULT
from bridge.sinks.transports.errors import is_ours

LOOK_SECONDS = 1.0
"""Shortest time between two looks at a file."""

_MOST_SECONDS = 5.0
"""How long a look is waited for: a file may be on a machine that is away."""

Value = TypeVar("Value")


class SecretError(Exception):
    """A secret or a TLS file cannot be used; `reason` is the label in metrics."""

    def __init__(self, message: str, *, reason: str) -> None:
        """`message` names the thing and never shows what is in it."""
        super().__init__(message)
        self.reason = reason


class ReloadedFile(Generic[Value]):
    """Loads a value from files, again when one of them changes.

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
            load: Reads them; when it raises `SecretError` it is called again at the
                next look.
            now: A clock in seconds that never goes back.
        """
        self._paths = tuple(paths)
        self._load = load
        self._now = now
        self._seen = ""
        self._loaded: tuple[str, Value] | None = None
        self._failure: SecretError | None = None
        self._look_at = float("-inf")
        self._is_looking = False
        self.first_look = asyncio.Event()
        """Set once the files were looked at by `refresh`."""

    @property
    def is_due(self) -> bool:
        """Whether the files are due for a look, and none is under way."""
        return self._is_due(self._now())

    @property
    def is_first_look(self) -> bool:
        """Whether the first look at the files is under way."""
        return self._is_looking and self._loaded is None and self._failure is None

    def get(self) -> Value:
        """Return the value; files are looked at once a second at most.

        Raises:
            SecretError: They cannot be used, or the first look is still under way.
        """
        self._look_if_due()
        failure = self._failure
        if failure is not None:
            raise SecretError(str(failure), reason=failure.reason)
        if self._loaded is None:
            names = ", ".join(map(str, self._paths))
            raise SecretError(f"{names}: not read in time", reason="secret")
        return self._loaded[1]

    def signature(self) -> str:
        """Return a text that changes when one of the files does."""
        self._look_if_due()
        return self._seen

    def look(self) -> None:
        """Look at the files now, and load them if they changed.

        This may take time: `refresh` does it elsewhere.
        """
        self._look(self._now())

    def _is_due(self, now: float) -> bool:
        return not self._is_looking and now >= self._look_at

    def _look_if_due(self) -> None:
        now = self._now()
        if self._is_due(now):
            self._look(now)

    def _look(self, now: float) -> None:
        self._is_looking = True
        try:
            self._seen = " ".join(_signature(path) for path in self._paths)
            if self._loaded is None or self._failure or self._loaded[0] != self._seen:
                self._loaded = (self._seen, self._load())
            self._failure = None
            self._look_at = now + LOOK_SECONDS
        except SecretError as error:
            self._note_failure(error)
            self._look_at = now + LOOK_SECONDS
        finally:
            self._is_looking = False

    def _note_failure(self, error: SecretError) -> None:
        """Keep the failure; a loaded value stays while no file can be opened."""
        if not is_ours(error):
            self._failure = SecretError(str(error), reason=error.reason)
        elif self._loaded is None:
            self._failure = SecretError(str(error), reason=OUR_FAULT)


async def refresh(files: Sequence[ReloadedFile[Any]]) -> None:
    """Look at the files that it is time for, in a thread; go on without, if need be.

    Of many senders that begin at once, one looks; the others wait for the first look.
    """
    due = [one for one in files if one.is_due]
    others = [one for one in files if one.is_first_look]
    if not due and not others:
        return
    try:
        async with asyncio.timeout(_MOST_SECONDS):
            if due:
                await asyncio.to_thread(_look_at, due)
            for one in due:
                one.first_look.set()
            for one in others:
                await one.first_look.wait()
    except TimeoutError:
        return


def _look_at(files: Sequence[ReloadedFile[Any]]) -> None:
    for one in files:
        one.look()


def _signature(path: Path) -> str:
    try:
        found = path.stat()
    except OSError as error:
        return f"errno {error.errno}"
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
