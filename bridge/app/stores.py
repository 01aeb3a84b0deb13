"""The queue files that are open, and the parts that outlive a reload with each of them.

::

    OpenStore ─┬─ SqliteQueue
               ├─ ClusterReaders ──put──▶ queue
               └─ SenderSupervisor ◀─lease── queue

A life uses a store, and applies its settings to the readers and senders that it finds
there. The last life that uses readers or a store ends them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bridge.cluster.settings import ClusterConfig
from bridge.deliver.supervisor import SenderSupervisor
from bridge.health import Health
from bridge.ingest.cluster_readers import ClusterReaders
from bridge.metrics import Metrics
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.queue import SqliteQueue


@dataclass(slots=True, kw_only=True)
class OpenStore:
    """A queue file that is open, its readers and its senders.

    Attributes:
        queue: The queue.
        senders: The supervisor of its senders.
        health: State of the readers and of the sinks.
        metrics: Counters of the process.
        tasks: Runs readers and senders.
        closing: Cuts the senders, and closes the queue.
        readers: Readers of each cluster that is open; more than one during a reload
            that changes the cluster.
        users: Lives that use the store.
    """

    queue: SqliteQueue
    senders: SenderSupervisor
    health: Health
    metrics: Metrics
    tasks: asyncio.TaskGroup
    closing: AsyncExitStack
    readers: list[ClusterReaders] = field(default_factory=list)
    users: int = 0

    @asynccontextmanager
    async def use_readers(
        self, config: ClusterConfig, *, has_time: bool
    ) -> AsyncIterator[ClusterReaders]:
        """Yield the readers of a cluster; the last user stops them.

        Args:
            config: Settings of the cluster.
            has_time: Whether to load the credentials now. Readers that run go on if
                nothing but the token has changed.

        Raises:
            CredentialsError: They cannot be read or used.
        """
        used = await self._find_readers(config, has_time=has_time)
        used.users += 1
        try:
            yield used
        finally:
            used.users -= 1
            if not used.users:
                self.readers.remove(used)
                await used.stop()

    async def _find_readers(
        self, config: ClusterConfig, *, has_time: bool
    ) -> ClusterReaders:
        new = ClusterReaders(
            config,
            queue=self.queue,
            health=self.health,
            metrics=self.metrics,
            tasks=self.tasks,
        )
        async with AsyncExitStack() as closing:
            closing.push_async_callback(new.stop)
            if has_time:
                await new.open()
            for one in self.readers:
                if await one.take_over(new):
                    return one
            closing.pop_all()
        self.readers.append(new)
        return new


class OpenStores:
    """The queue files that are open: each once, however many lives use it."""

    def __init__(self, *, owner: str) -> None:
        """Open none yet; `owner` is the configuration that default files belong to."""
        self._owner = owner
        self._open: dict[Path, OpenStore] = {}

    @asynccontextmanager
    async def use(
        self, config: QueueConfig, *, metrics: Metrics, tasks: asyncio.TaskGroup
    ) -> AsyncIterator[OpenStore]:
        """Yield a store, opened by its first user; the last one cuts the senders.

        Args:
            config: Settings of the queue.
            metrics: Counters of the process.
            tasks: Runs readers and senders.

        Raises:
            QueueError: See `SqliteQueue.open`.
            ConfigError: The file is the default one, and of another configuration.
        """
        path = config.path.resolve()
        store = self._open.get(path)
        if store is None:
            async with AsyncExitStack() as stack:
                opening = SqliteQueue.open_owned(config, owner=self._owner)
                queue = await stack.enter_async_context(opening)
                senders = SenderSupervisor(queue=queue, metrics=metrics, tasks=tasks)
                stack.push_async_callback(senders.cut)
                store = self._open[path] = OpenStore(
                    queue=queue,
                    senders=senders,
                    health=Health(),
                    metrics=metrics,
                    tasks=tasks,
                    closing=stack.pop_all(),
                )
        store.users += 1
        try:
            yield store
        finally:
            store.users -= 1
            if not store.users:
                del self._open[path]
                await store.closing.aclose()
