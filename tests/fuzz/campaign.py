"""Throws made-up inputs at a part for a while, and keeps the ones that it fails on."""

import asyncio
import hashlib
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random
from typing import Protocol

from tests.fuzz.mutation import Mutator

FOUND = Path(__file__).parent / "found"
"""Inputs that once failed, by target; they are replayed by `make test`."""

MOST_FOUND = 10


class Finding(AssertionError):  # noqa: N818  # it is no error of ours
    """The part did what it must never do."""


class Run(Protocol):
    """A part that is set up."""

    async def try_one(self, data: bytes) -> None:
        """Give the part an input.

        Raises:
            Exception: Whatever it may never raise, or `Finding`.
        """
        ...


class Target(Protocol):
    """A part that takes input from strangers.

    Attributes:
        name: Of its folder.
        words: What its inputs are made of.
        at_once: How many inputs may be tried at the same time.
    """

    name: str
    words: Sequence[bytes]
    at_once: int

    def seeds(self) -> Mapping[str, bytes]:
        """Return inputs to begin with, by name."""
        ...

    def open(self, folder: Path) -> AbstractAsyncContextManager[Run]:
        """Set the part up; `folder` is empty."""
        ...


def found(target: Target) -> dict[str, bytes]:
    """Return the inputs that once failed, by the name of their file."""
    files = sorted((FOUND / target.name).glob("*.bin"))
    return {file.name: file.read_bytes() for file in files}


class Campaign:
    """One target for some time.

    Attributes:
        tried: How many inputs were tried.
        findings: What went wrong, by the name of the file that has the input.
    """

    def __init__(self, target: Target, *, seed: int) -> None:
        """Make the inputs that belong to `seed`."""
        self._target = target
        self._pool = [*target.seeds().values(), *found(target).values()]
        self._mutator = Mutator(Random(seed), words=target.words)
        self.tried = 0
        self.findings: dict[str, str] = {}

    async def run(self, run: Run, *, seconds: float) -> None:
        """Try inputs until the time is over, or enough was found."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._target.at_once):
                tasks.create_task(self._work(run, end), name=f"work {number}")

    async def _work(self, run: Run, end: float) -> None:
        while time.monotonic() < end and len(self.findings) < MOST_FOUND:
            data = self._mutator.mutate(self._pool)
            self.tried += 1
            try:
                await run.try_one(data)
            except Exception as error:  # noqa: BLE001  # any is a finding
                self._keep(data, error)

    def _keep(self, data: bytes, error: Exception) -> None:
        """Write the input down, once for each place in the code that fails."""
        text = f"{_place(error)}: {type(error).__name__}: {error}"[:500]
        place = text.partition(": ")[0]
        if any(known.startswith(f"{place}: ") for known in self.findings.values()):
            return
        folder = FOUND / self._target.name
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{hashlib.sha256(data).hexdigest()[:12]}.bin"
        (folder / name).write_bytes(data)
        self.findings[name] = text


def _place(error: Exception) -> str:
    """Return what tells one fault from another: its text, or the line that raised."""
    if isinstance(error, Finding):
        return str(error).partition(":")[0]
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/bridge/" in frame.filename] or frames
    return f"{Path(ours[-1].filename).name} line {ours[-1].lineno}"
