"""Timers of the event loop, by name."""

import asyncio
from collections.abc import Callable


class Timers:
    """Callbacks of the loop by name, each pending at most once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have none."""
        self._loop = loop
        self._handles: dict[str, asyncio.Handle] = {}

    def set(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call back once after `seconds`, unless one of this name is pending."""
        if name not in self._handles:
            self._handles[name] = self._loop.call_later(
                seconds, self._fire, name, callback
            )

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
