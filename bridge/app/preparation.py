"""Builds what a configuration needs, before anything that runs is touched.

Whatever can fail fails here: at start the process ends for it, at a reload the old
configuration goes on as if nothing had been asked.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.api.server import Endpoint
from bridge.app.build import build_egress, build_sinks, open_journal, open_queue
from bridge.app.file_limit import raise_limit, share_files, within
from bridge.cluster.client import ClusterClient
from bridge.cluster.settings import ClusterConfig
from bridge.config import Config, QueueConfig
from bridge.health import Health, SinkStatus
from bridge.journal.journal import Journal
from bridge.metrics import Metrics
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.sinks import Sink
from bridge.sinks.transports.egress import Egress


@dataclass(slots=True, kw_only=True)
class PreparedParts:
    """What one configuration runs on.

    Attributes:
        config: The configuration.
        closing: Closes the parts, the queue last; whoever runs them leaves it.
        endpoint: Where the API is served; None: the configuration before this one
            holds the port, on another host, and has to leave it first.
        queue: Where events wait.
        journal: What became of attempts.
        sinks: Those of the configuration, in its order.
        egress: Where connections of sinks may lead.
        client: The cluster; None: it is opened when the parts begin to run.
        health: What the parts say of themselves.
        metrics: What is counted, over all configurations of the process.
    """

    config: Config
    closing: AsyncExitStack
    endpoint: Endpoint | None
    queue: SqliteQueue
    journal: Journal
    sinks: Sequence[Sink]
    egress: Egress
    client: ClusterClient | None
    health: Health
    metrics: Metrics


class OpenQueues:
    """The queue files that are open: each once, however many lives use it."""

    def __init__(self, *, owner: str) -> None:
        """Open none yet; `owner` is the configuration that default files belong to."""
        self._owner = owner
        self._shared: dict[Path, _Shared] = {}

    @asynccontextmanager
    async def use(self, config: QueueConfig) -> AsyncIterator[SqliteQueue]:
        """Yield the queue, opened by its first user and closed by the last.

        Raises:
            QueueError: See `SqliteQueue.open`.
            ConfigError: The file is the default one, and of another configuration.
        """
        path = config.path.resolve()
        shared = self._shared.get(path)
        if shared is None:
            async with AsyncExitStack() as stack:
                opening = open_queue(config, owner=self._owner)
                queue = await stack.enter_async_context(opening)
                shared = self._shared[path] = _Shared(queue, stack.pop_all())
        shared.users += 1
        try:
            yield shared.queue
        finally:
            shared.users -= 1
            if not shared.users:
                del self._shared[path]
                await shared.closing.aclose()


@dataclass(slots=True)
class _Shared:
    queue: SqliteQueue
    closing: AsyncExitStack
    users: int = 0


async def prepare(
    config: Config,
    *,
    queues: OpenQueues,
    endpoint: Endpoint | None,
    metrics: Metrics,
    has_time: bool,
) -> PreparedParts:
    """Return the parts of a configuration, ready to run.

    Args:
        config: The configuration.
        queues: Those that are open.
        endpoint: See `PreparedParts`.
        metrics: What is counted.
        has_time: Whether something else runs meanwhile; if not, the cluster is opened
            later, so that probes are answered while a plugin takes its time.

    Raises:
        KubebridgeError: They cannot be built.
    """
    config = within(config, share_files(config, raise_limit()))
    async with AsyncExitStack() as stack:
        egress = build_egress(config.egress)
        queue = await stack.enter_async_context(queues.use(config.queue))
        journal = await stack.enter_async_context(open_journal(config, metrics))
        building = build_sinks(config, egress=egress, metrics=metrics)
        sinks = await stack.enter_async_context(building)
        client = None
        if has_time:
            client = await stack.enter_async_context(open_cluster(config.cluster))
        health = Health(sinks={one.name: SinkStatus(name=one.name) for one in sinks})
        return PreparedParts(
            config=config,
            closing=stack.pop_all(),
            endpoint=endpoint,
            queue=queue,
            journal=journal,
            sinks=sinks,
            egress=egress,
            client=client,
            health=health,
            metrics=metrics,
        )


@asynccontextmanager
async def open_cluster(config: ClusterConfig) -> AsyncIterator[ClusterClient]:
    """Yield the cluster; nothing is sent yet."""
    opening = ClusterClient.open(kubeconfig=config.kubeconfig, context=config.context)
    async with opening as client:
        yield client
