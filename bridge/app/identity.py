"""Which cluster is read: nothing is, before that is known."""

import asyncio

from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError, ConfigError, NotServedError
from bridge.health import Health
from bridge.ingest import check_identity
from bridge.logs import RepeatedFailure, get_logger
from bridge.queue import Queue
from bridge.retry import Backoff

ABSENT_SECONDS = 15.0
"""How long namespace kube-system may be absent before that is believed: a new API
server makes it within seconds of its start."""

_REASONS = {
    "": "",
    "refused": "get on namespace kube-system is refused",
    "absent": "there is no namespace kube-system",
}


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
    patient_until = asyncio.get_running_loop().time() + ABSENT_SECONDS
    while True:
        try:
            cluster = await client.cluster_uid()
            if cluster.reason == "absent":
                _be_patient(until=patient_until)
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
                    "Cluster identified by CA and URL, so a new CA will look like a "
                    "new cluster.",
                    reason=_REASONS[cluster.reason],
                )
            return cluster.uid


def _be_patient(*, until: float) -> None:
    if asyncio.get_running_loop().time() < until:
        raise NotServedError(
            "get namespace kube-system: expected it to be there soon, got 404",
            status=404,
        )
