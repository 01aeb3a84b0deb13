"""Read with a reflector batch by batch, as a test asks for them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bridge.cluster import Item, Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.reflector import Reflector
from bridge.cluster.reflector.retry import Observer
from bridge.errors import ClusterError

_SCOPE = ("namespace", "field_selector", "label_selector", "metadata_only")
_OBSERVER = ("report", "count")


def build_reflector(
    client: ClusterClient, resource: Resource, *, into: Any, **how: Any
) -> Reflector:
    """Return a reflector, its scope and its observer given flat."""
    scope = {key: how.pop(key) for key in _SCOPE if key in how}
    observer = Observer(**{key: how.pop(key) for key in _OBSERVER if key in how})
    list_watch = ListWatch(client=client, resource=resource, **scope)
    return Reflector(list_watch, into=into, observer=observer, **how)


class Batches:
    """A consumer with room for one batch: the next is read when it is asked for."""

    def __init__(self) -> None:
        self._read: asyncio.Queue[Sequence[Item] | ClusterError] = asyncio.Queue()
        self._asked: asyncio.Queue[None] = asyncio.Queue()

    async def put(self, batch: Sequence[Item]) -> None:
        """Wait until the batch after this one is asked for."""
        self._read.put_nowait(batch)
        await self._asked.get()

    async def run(self, reflector: Reflector) -> None:
        """Read; what ends the reflector is raised where a batch is asked for."""
        try:
            await reflector.run()
        except ClusterError as error:
            self._read.put_nowait(error)

    async def iterate(self) -> AsyncIterator[Sequence[Item]]:
        """Yield what is read."""
        while True:
            batch = await self._read.get()
            if isinstance(batch, ClusterError):
                raise batch
            yield batch
            self._asked.put_nowait(None)


@asynccontextmanager
async def reading_batches(
    client: ClusterClient, resource: Resource, **how: Any
) -> AsyncIterator[AsyncIterator[Sequence[Item]]]:
    """Read while the block runs; give the batches."""
    batches = Batches()
    reflector = build_reflector(client, resource, into=batches, **how)
    ended: ClusterError | None = None
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(batches.run(reflector), name="reflector")
        try:
            yield batches.iterate()
        except ClusterError as error:  # else it would come out in a group
            ended = error
        task.cancel()
    if ended is not None:
        raise ended
