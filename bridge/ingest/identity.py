"""Which cluster is read: its uid is part of each scope, so nothing is read before."""

import asyncio
from collections.abc import Callable
from typing import Final

from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError, ConfigError, NotServedError
from bridge.logs import RepeatedFailure, get_logger
from bridge.queue import Queue, Scope
from bridge.retry import Backoff

IDENTITY: Final = "@cluster"
"""Resource of the scopes whose cursor is the uid of a cluster."""

ABSENT_SECONDS: Final = 15.0
"""How long namespace kube-system may be absent before that is believed: a new API
server makes it within seconds of its start."""

_REASONS = {
    "": "",
    "refused": "get on namespace kube-system is refused",
    "absent": "there is no namespace kube-system",
}


def identity_scope(name: str) -> Scope:
    """Return the scope that keeps the uid of the cluster with a configured name."""
    return Scope(cluster=name, resource=IDENTITY)


async def check_identity(queue: Queue, *, name: str, uid: str) -> None:
    """Check that a configured cluster name still means the same cluster.

    Raises:
        ConfigError: Another cluster stands behind the name; nothing of it is read
            until an operator resets the cursor of the name.
    """
    scope = identity_scope(name)
    known = await queue.cursor(scope)
    if known is None:
        await queue.put([], scope=scope, since=None, to=uid)
    elif known != uid:
        problem = (
            f"cluster.name: expected {name} to be the cluster with uid {known}, got "
            f"{uid}; if that is intended: kubebridge cursors list, then reset"
        )
        raise ConfigError([problem])


async def identify(
    client: ClusterClient,
    *,
    queue: Queue,
    name: str | None,
    report: Callable[[str], None],
) -> str:
    """Return the cluster's uid, however long it takes until one is acceptable.

    Args:
        client: The cluster.
        queue: Keeps the uid of each configured name.
        name: The configured name; None: there is none.
        report: Called with the reason of each try that failed.
    """
    backoff = Backoff()
    failures = RepeatedFailure(get_logger(server=client.server), "No cluster yet.")
    deadline = asyncio.get_running_loop().time() + ABSENT_SECONDS
    while True:
        try:
            cluster = await client.cluster_uid()
            if cluster.reason == "absent":
                _wait_until(deadline)
            if name is not None:
                await check_identity(queue, name=name, uid=cluster.uid)
        except (ClusterError, ConfigError) as error:
            failures.failed(str(error))
            report(str(error))
            await asyncio.sleep(backoff.next_delay())
        else:
            if cluster.derived:
                get_logger().warning(
                    "Cluster identified by CA and URL, so a new CA will look like a "
                    "new cluster.",
                    reason=_REASONS[cluster.reason],
                )
            return cluster.uid


def _wait_until(deadline: float) -> None:
    if asyncio.get_running_loop().time() < deadline:
        raise NotServedError(
            "get namespace kube-system: expected it to be there soon, got 404",
            status=404,
        )
