"""The informers that answer questions about other objects; started when first asked."""

import asyncio

from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.informer import Informer
from bridge.cluster.store import Store
from bridge.logs import RepeatedFailure, get_logger


class Informers:
    """Starts one informer for each resource, and keeps it running."""

    def __init__(self, client: ClusterClient, tasks: asyncio.TaskGroup) -> None:
        """Start nothing yet.

        Args:
            client: The cluster.
            tasks: Where informers run, until it is cancelled.
        """
        self._client = client
        self._tasks = tasks

    def start(self, resource: Resource, store: Store) -> Informer:
        """Return an informer that runs from now on.

        Args:
            resource: What to read.
            store: Keeps what is asked for later.
        """
        informer = Informer(self._client, resource, store=store)
        name = f"informer {resource.name}"
        self._tasks.create_task(_run(informer), name=name)
        return informer


async def _run(informer: Informer) -> None:
    failures = RepeatedFailure(
        get_logger(resource=informer.resource.name), "Looking up failed."
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_log(informer, failures), name="log")
        await informer.run()


async def _log(informer: Informer, failures: RepeatedFailure) -> None:
    while True:
        if informer.error:
            failures.failed(informer.error)
        elif informer.synced.is_set():
            failures.recovered("Looking up works again.")
        await informer.wait_for_change()
