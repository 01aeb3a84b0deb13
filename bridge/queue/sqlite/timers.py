"""Timers of the event loop, by name."""

import asyncio
from collections.abc import Callable


class Timers:
    """Callbacks of the loop by name, each pending at most once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have none."""
        self._loop = loop
        self._handles: dict[str, asyncio.TimerHandle] = {}

    def set(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back once after `seconds`; of two of one name the earlier one counts."""
        when = self._loop.time() + seconds
        pending = self._handles.get(name)
        if pending is not None:
            if pending.when() <= when:
                return
            pending.cancel()
        self._handles[name] = self._loop.call_at(when, self._fire, name, callback)

    def cancel(self, name: str) -> None:
        """Do not call back."""
        handle = self._handles.pop(name, None)
        if handle is not None:
            handle.cancel()

    def cancel_all(self) -> None:
        """Call nobody back any more."""
        for name in list(self._handles):
            self.cancel(name)

    def _fire(self, name: str, callback: Callable[[], None]) -> None:
        del self._handles[name]
        callback()
