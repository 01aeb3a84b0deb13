"""Timers of the event loop, by name."""

import asyncio
from collections.abc import Callable


class Timers:
    """Callbacks of the loop by name, each pending at most once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have none."""
        self._loop = loop
        self._handles: dict[str, tuple[float, asyncio.Handle]] = {}

    def set(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back once after `seconds`; of two of one name the earlier one counts."""
        when = self._loop.time() + seconds
        pending = self._handles.get(name)
        if pending is not None:
            if pending[0] <= when:
                return
            pending[1].cancel()
        handle = self._loop.call_later(seconds, self._fire, name, callback)
        self._handles[name] = when, handle  # uvloop's handles do not say when

    def cancel(self, name: str) -> None:
        """Do not call back."""
        pending = self._handles.pop(name, None)
        if pending is not None:
            pending[1].cancel()

    def cancel_all(self) -> None:
        """Call nobody back any more."""
        for name in list(self._handles):
            self.cancel(name)

    def _fire(self, name: str, callback: Callable[[], None]) -> None:
        del self._handles[name]
        callback()
