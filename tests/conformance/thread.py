"""A Broker in a thread of its own, beside a bridge that is a process of its own."""

import asyncio
import threading
from collections import Counter
from typing import Any, Self

from tests.conformance.broker import Broker


class BrokerThread:
    """Runs a Broker; `with` starts and stops it.

    Attributes:
        broker: To look at; its lists only grow.
    """

    def __init__(self, **settings: Any) -> None:
        """Take what `Broker` takes."""
        self._settings = settings
        self._started = threading.Event()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(),))
        self.broker: Broker

    @property
    def url(self) -> str:
        """Where to POST."""
        return self.broker.url

    def ids(self) -> Counter[str]:
        """How often each event reached the channel."""
        return Counter(self.broker.ids())

    def cut(self) -> None:
        """Cut what is under way."""
        self._loop.call_soon_threadsafe(self.broker.server.cut)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with Broker(**self._settings) as self.broker:
            self._started.set()
            await self._stop.wait()
