"""Writes each event as one line of JSON to standard output."""

import asyncio
import os
import select
import time
from collections.abc import Sequence

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.events import EncodedEvent
from bridge.sinks import Accepted

MOST_LINES = 100
"""Events written in one attempt: a thread is asked once for all of them."""

_STDOUT = 1
_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")


class StdoutSink:
    """Standard output, or another file descriptor.

    The writing is done in a thread, for a reader that is slow must not hold up the
    rest of the process; and in pieces that a pipe takes at once, so that the thread
    itself comes back when the time is over.
    """

    def __init__(
        self, *, name: str, timeout_seconds: float = 15.0, descriptor: int = _STDOUT
    ) -> None:
        """Write nothing yet.

        Args:
            name: As in the configuration.
            timeout_seconds: Longest that one attempt may take.
            descriptor: Where to write; it is never closed.
        """
        self._name = name
        self._timeout_seconds = timeout_seconds
        self._descriptor = descriptor
        self._is_within_line = False
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        """See `Sink`."""
        return self._name

    @property
    def max_batch(self) -> int:
        """See `Sink`."""
        return MOST_LINES

    @property
    def requests_per_minute(self) -> float | None:
        """See `Sink`."""
        return None

    async def send(self, events: Sequence[EncodedEvent]) -> Sequence[Accepted]:
        """See `Sink`; temporary if output is not read, paused if its reader is gone."""
        # A line break in JSON is white space between tokens: a blank says the same.
        lines = b"".join(event.body.translate(_LINE_BREAKS) + b"\n" for event in events)
        async with self._turn:
            began = time.monotonic()
            try:
                await asyncio.to_thread(self._write, lines)
            except TimeoutError as error:
                message = f"sink {self._name}: {error}"
                raise TemporarySinkError(message, reason="timeout-answer") from error
            except OSError as error:
                # The reader is gone, and this process gets no other.
                message = f"sink {self._name}: standard output: {error.strerror}"
                raise SinkPausedError(message, reason="stdout") from error
            seconds = time.monotonic() - began
        return [Accepted(status=None, duration_seconds=seconds)] * len(events)

    async def refresh(self) -> None:
        """See `Sink`; there is nothing to look at."""

    def fingerprint(self) -> str:
        """See `Sink`; nothing about it changes."""
        return f"descriptor {self._descriptor}"

    async def aclose(self) -> None:
        """See `Sink`; standard output stays open."""

    def _write(self, lines: bytes) -> None:
        """Write all of it, or raise TimeoutError."""
        deadline = time.monotonic() + self._timeout_seconds
        ready = select.poll()
        ready.register(self._descriptor, select.POLLOUT)
        rest = memoryview(b"\n" + lines if self._is_within_line else lines)
        while rest:
            left = deadline - time.monotonic()
            if left <= 0 or not ready.poll(left * 1000):
                raise TimeoutError("standard output is not read")
            # A pipe that is ready takes at least this much without waiting
            # (pipe(7), PIPE_BUF).
            written = os.write(self._descriptor, rest[: select.PIPE_BUF])
            self._is_within_line = rest[written - 1] != ord("\n")
            rest = rest[written:]
