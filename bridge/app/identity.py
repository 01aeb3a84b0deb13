"""Which cluster is read: nothing is, before that is known."""

import asyncio

from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError, ConfigError
from bridge.health import Health
from bridge.ingest import check_identity
from bridge.logs import RepeatedFailure, get_logger
from bridge.queue import Queue
from bridge.retry import Backoff


async def identify(
    client: ClusterClient, *, queue: Queue, name: str | None, health: Health
) -> str:
    """Return the cluster's uid, however long it takes until one is acceptable.

    Args:
        client: The cluster.
        queue: Where it is kept which cluster stands behind a name.
        name: The configured name; None: there is none.
        health: Told what is waited for.
    """
    backoff = Backoff()
    failures = RepeatedFailure(get_logger(server=client.server), "No cluster yet.")
    while True:
        try:
            cluster = await client.cluster_uid()
            if name is not None:
                await check_identity(queue, name=name, uid=cluster.uid)
        except (ClusterError, ConfigError) as error:
            failures.failed(str(error))
            for reader in health.readers:
                reader.state, reader.error = "waiting", str(error)
            await asyncio.sleep(backoff.next_delay())
        else:
            if cluster.derived:
                get_logger().warning(
                    "Cluster identified by CA and URL: get on namespace kube-system "
                    "is refused, so a new CA will look like a new cluster."
                )
            return cluster.uid
