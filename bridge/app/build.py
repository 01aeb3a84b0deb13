"""Config → parts: the one place that knows both.

Whatever can fail fails in `prepare`, before anything that runs is touched: at start the
process ends for it, at a reload the old configuration goes on.
"""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass

from bridge.api.server import Endpoint
from bridge.app.stores import OpenStore, OpenStores
from bridge.config import (
    Config,
    find_cautions,
)
from bridge.config.file_limit import raise_limit, share_files, within
from bridge.ingest.cluster_readers import ClusterReaders
from bridge.journal.journal import Journal
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.sinks.transports.egress import Egress


@dataclass(slots=True, kw_only=True)
class PreparedParts:
    """The parts that one configuration runs on.

    Attributes:
        config: The configuration.
        closing: Closes the parts, the queue last; whoever runs them leaves it.
        endpoint: Where the API is served; None: the configuration before this one
            holds the port, on another host, and has to leave it first.
        store: Where events wait, and the senders that deliver them.
        readers: The readers of the cluster; their client may not be open yet.
        journal: What became of attempts.
        egress: Where connections of sinks may lead.
        metrics: What is counted, over all configurations of the process.
    """

    config: Config
    closing: AsyncExitStack
    endpoint: Endpoint | None
    store: OpenStore
    readers: ClusterReaders
    journal: Journal
    egress: Egress
    metrics: Metrics


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
        tasks: Runs readers and senders.
        has_time: Whether something else runs meanwhile; if not, credentials are loaded
            later, so that probes are answered while a plugin takes its time.

    Raises:
        KubebridgeError: They cannot be built.
    """
    config = within(config, share_files(config, raise_limit()))
    async with AsyncExitStack() as stack:
        using = stores.use(config.queue, metrics=metrics, tasks=tasks)
        store = await stack.enter_async_context(using)
        journal = await stack.enter_async_context(open_journal(config, metrics))
        reading = store.use_readers(config.cluster, has_time=has_time)
        readers = await stack.enter_async_context(reading)
        for caution in find_cautions(config):
            get_logger().warning("The configuration is not safe.", caution=caution)
        return PreparedParts(
            config=config,
            closing=stack.pop_all(),
            endpoint=endpoint,
            store=store,
            readers=readers,
            journal=journal,
            egress=egress,
            metrics=metrics,
        )


def open_journal(
    config: Config, metrics: Metrics
) -> AbstractAsyncContextManager[Journal]:
    """Return the journal beside the queue, to be opened."""
    path = config.queue.path
    return Journal.open(
        path.with_name(f"{path.name}.journal"),
        settings=config.journal,
        metrics=metrics,
    )
