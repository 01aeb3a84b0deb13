"""Runs a program of others: in a group of its own, bounded, and over when we say so."""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Self

MOST_OUTPUT_BYTES = 1024 * 1024
"""An ExecCredential with a chain of certificates has 10 kB."""

MOST_TROUBLE_BYTES = 16 * 1024
"""So much of standard error is kept; the rest is read and dropped."""

_CHUNK_BYTES = 64 * 1024

_PIPE_BYTES = 1024 * 1024
"""Most that a pipe of Linux holds (fs.pipe-max-size), though 64 kB are usual."""

_REAP_SECONDS = 1.0
"""A process that was killed ends at once, unless the kernel itself hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a program.

    Attributes:
        code: Its exit code; negative: the signal that ended it.
        output: The beginning of its standard output.
        trouble: The beginning of its standard error.
        is_output_cut: Whether there was more output.
        is_trouble_cut: Whether there was more on standard error.
    """

    code: int
    output: bytes
    trouble: bytes
    is_output_cut: bool
    is_trouble_cut: bool


async def run_program(
    command: str, arguments: Sequence[str], *, environ: Mapping[str, str]
) -> Ended:
    """Run a program to its end, without standard input.

    Its end is the end of the process that was started: children that it leaves behind
    are not waited for, though they hold its output open, but ended with its process
    group, as is everything when this is cancelled.

    Raises:
        OSError: It cannot be started.
    """
    with ExitStack() as stack:
        output = stack.enter_context(_Pipe(MOST_OUTPUT_BYTES))
        trouble = stack.enter_context(_Pipe(MOST_TROUBLE_BYTES))
        process = await asyncio.create_subprocess_exec(
            command,
            *arguments,
            env=environ,
            stdin=DEVNULL,
            stdout=output.write_end,
            stderr=trouble.write_end,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        finally:
            await _end(process)
        output.drain()
        trouble.drain()
        return Ended(
            code=code,
            output=bytes(output.kept),
            trouble=bytes(trouble.kept),
            is_output_cut=output.is_cut,
            is_trouble_cut=trouble.is_cut,
        )


async def _end(process: Process) -> None:
    """End the process and everything that is left in its group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(TimeoutError):
        async with asyncio.timeout(_REAP_SECONDS):
            await process.wait()


class _Pipe:
    """Reads what is written, so that no writer waits, and keeps the beginning."""

    def __init__(self, limit: int) -> None:
        self.kept = bytearray()
        self.is_cut = False
        self._limit = limit
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._read_end, self._read)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._read_end)
        os.close(self._read_end)
        os.close(self.write_end)

    def drain(self) -> None:
        """Read what the pipe still holds; not more, for a child may write on."""
        for _ in range(1 + _PIPE_BYTES // _CHUNK_BYTES):
            if not self._read():
                break

    def _read(self) -> bool:
        """Read once; return whether there was anything.

        There is no end of file, for this process holds the other end open too.
        """
        try:
            chunk = os.read(self._read_end, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        room = self._limit - len(self.kept)
        self.kept += chunk[:room]
        self.is_cut = self.is_cut or len(chunk) > room
        return True
