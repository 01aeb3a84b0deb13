"""An event loop beside a test that is not async."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

T = TypeVar("T")

_SECONDS = 10.0


class LoopThread:
    """An event loop in a thread of its own; `with` starts it and ends all its tasks."""

    def __init__(self, name: str) -> None:
        """Name the thread; nothing runs yet."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=name, daemon=True
        )

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns in that loop; at most 10 s."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.run(_end_all_others())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_SECONDS)
        self._loop.close()


async def _end_all_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_SECONDS / 2)
    await asyncio.sleep(0.01)  # aborted transports, those of TLS too, say goodbye
