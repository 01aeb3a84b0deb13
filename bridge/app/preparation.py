"""Builds what a configuration needs, before anything that runs is touched.

Whatever can fail fails here: at start the process ends for it, at a reload the old
configuration goes on as if nothing had been asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.api.server import Endpoint
from bridge.app.build import open_journal, open_queue
from bridge.app.file_limit import raise_limit, share_files, within
from bridge.cluster.client import ClusterClient
from bridge.cluster.settings import ClusterConfig
from bridge.config import Config, find_cautions
from bridge.deliver.supervisor import SenderSupervisor
from bridge.health import Health
from bridge.journal.journal import Journal
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.sinks.transports.egress import Egress


@dataclass(slots=True, kw_only=True)
class PreparedParts:
    """What one configuration runs on.

    Attributes:
        config: The configuration.
        closing: Closes the parts, the queue last; whoever runs them leaves it.
        endpoint: Where the API is served; None: the configuration before this one
            holds the port, on another host, and has to leave it first.
        store: Where events wait, and the senders that deliver them.
        journal: What became of attempts.
        egress: Where connections of sinks may lead.
        client: The cluster; None: it is opened when the parts begin to run.
        health: What the parts say of themselves.
        metrics: What is counted, over all configurations of the process.
    """

    config: Config
    closing: AsyncExitStack
    endpoint: Endpoint | None
    store: "OpenStore"
    journal: Journal
    egress: Egress
    client: ClusterClient | None
    health: Health
    metrics: Metrics


@dataclass(slots=True)
class OpenStore:
    """A queue file that is open, and the senders that deliver from it.

    Attributes:
        queue: The queue.
        senders: Their supervisor.
        closing: Closes the queue.
        users: Lives that use both.
    """

    queue: SqliteQueue
    senders: SenderSupervisor
    closing: AsyncExitStack
    users: int = 0


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
        """Yield a queue, opened by its first user; the last one cuts the senders.

        Args:
            config: Settings of the queue.
            metrics: Counters of the process.
            tasks: Runs the senders.

        Raises:
            QueueError: See `SqliteQueue.open`.
            ConfigError: The file is the default one, and of another configuration.
        """
        path = config.path.resolve()
        store = self._open.get(path)
        if store is None:
            async with AsyncExitStack() as stack:
                opening = open_queue(config, owner=self._owner)
                queue = await stack.enter_async_context(opening)
                senders = SenderSupervisor(queue=queue, metrics=metrics, tasks=tasks)
                store = self._open[path] = OpenStore(queue, senders, stack.pop_all())
        store.users += 1
        try:
            yield store
        finally:
            store.users -= 1
            if not store.users:
                del self._open[path]
                try:
                    await store.senders.cut()
                finally:
                    await store.closing.aclose()


async def prepare(
    config: Config,
    *,
    stores: OpenStores,
    egress: Egress,
    endpoint: Endpoint | None,
    metrics: Metrics,
    tasks: asyncio.TaskGroup,
    has_time: bool,
) -> PreparedParts:
    """Return the parts of a configuration, ready to run.

    Args:
        config: The configuration.
        stores: The queues that are open.
        egress: Where connections of sinks may lead; of `config.egress`.
        endpoint: See `PreparedParts`.
        metrics: What is counted.
        tasks: Runs the senders.
        has_time: Whether something else runs meanwhile; if not, the cluster is opened
            later, so that probes are answered while a plugin takes its time.

    Raises:
        KubebridgeError: They cannot be built.
    """
    config = within(config, share_files(config, raise_limit()))
    async with AsyncExitStack() as stack:
        using = stores.use(config.queue, metrics=metrics, tasks=tasks)
        store = await stack.enter_async_context(using)
        journal = await stack.enter_async_context(open_journal(config, metrics))
        client = None
        if has_time:
            client = await stack.enter_async_context(open_cluster(config.cluster))
        for caution in find_cautions(config):
            get_logger().warning("The configuration is not safe.", caution=caution)
        return PreparedParts(
            config=config,
            closing=stack.pop_all(),
            endpoint=endpoint,
            store=store,
            journal=journal,
            egress=egress,
            client=client,
            health=Health(),
            metrics=metrics,
        )


@asynccontextmanager
async def open_cluster(config: ClusterConfig) -> AsyncIterator[ClusterClient]:
    """Yield the cluster; nothing is sent yet."""
    opening = ClusterClient.open(kubeconfig=config.kubeconfig, context=config.context)
    async with opening as client:
        yield client
