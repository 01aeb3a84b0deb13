"""The one thread that writes: takes calls in order, wakes the loop once for each."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any

Done = Callable[[Any, BaseException | None], None]
"""Takes what a call returned, or why it failed."""


class WriteThread:
    """Runs calls one after another; lighter than an executor, whose futures lock."""

    def __init__(self) -> None:
        """Start; each call is answered on the loop that runs now."""
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[tuple[Callable[[], Any], Done] | None] = SimpleQueue()
        Thread(target=self._work, name="queue-writer", daemon=True).start()

    def submit(self, call: Callable[[], Any], done: Done) -> None:
        """Have `call` run on the thread, then `done` on the loop."""
        self._calls.put((call, done))

    async def run(self, call: Callable[[], Any]) -> Any:
        """Return what `call` does, or raise why it failed."""
        future = self._loop.create_future()

        def done(result: Any, fault: BaseException | None) -> None:
            if future.cancelled():
                return
            if fault is None:
                future.set_result(result)
            else:
                future.set_exception(fault)

        self.submit(call, done)
        return await future

    def stop(self) -> None:
        """End the thread once it has done all that was submitted."""
        self._calls.put(None)

    def _work(self) -> None:
        while (order := self._calls.get()) is not None:
            call, done = order
            result, fault = None, None
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001  # the loop raises it
                fault = error
            with suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(done, result, fault)
            del order, call, done, result, fault  # hold nothing while waiting
