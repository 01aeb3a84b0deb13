"""The readers of one cluster, which outlive the configurations that they serve."""

import asyncio
from contextlib import AsyncExitStack
from typing import Self

from bridge.cluster.client import ClusterClient
from bridge.cluster.settings import ClusterConfig
from bridge.health import Health
from bridge.ingest.build import IngestSettings
from bridge.ingest.supervisor import ReaderSupervisor
from bridge.metrics import Metrics
from bridge.queue import Queue


class ClusterReaders:
    """A client of a cluster, and the supervisor of the readers that share it.

    ::

        open ──▶ stop_changed ──▶ apply ──▶ start ──▶ stop
                      ▲             │
                      └── reload ───┘

    Attributes:
        config: Settings of the cluster, which stay.
        users: Configurations that use the readers.
        is_stopped: Whether they read no more.
    """

    def __init__(
        self,
        config: ClusterConfig,
        *,
        queue: Queue,
        health: Health,
        metrics: Metrics,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Bind the parts; nothing is opened or read yet.

        Args:
            config: Settings of the cluster.
            queue: Where events and cursors are stored.
            health: Is given the statuses of all readers.
            metrics: What is counted.
            tasks: Runs the readers; one that fails ends all.
        """
        self.config = config
        self.users = 0
        self.is_stopped = False
        self._queue = queue
        self._health = health
        self._metrics = metrics
        self._tasks = tasks
        self._client: ClusterClient | None = None
        self._closing = AsyncExitStack()
        self._supervisor: ReaderSupervisor | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> ClusterClient:
        """Return the client, opened by the first call; nothing is sent yet.

        Raises:
            CredentialsError: The credentials cannot be read or used.
        """
        if self._client is None:
            opening = ClusterClient.open(
                kubeconfig=self.config.kubeconfig, context=self.config.context
            )
            self._client = await self._closing.enter_async_context(opening)
        return self._client

    async def take_over(self, other: Self) -> bool:
        """Use the credentials of `other`, if it is open.

        Returns:
            Whether these readers can serve those who asked for the others: not if the
            settings of the cluster differ, or anything of the connection but the token.
        """
        if self.is_stopped or self.config != other.config:
            return False
        if self._client is None or other._client is None:
            return True
        return await self._client.take_over(other._client)

    async def stop_changed(self, settings: IngestSettings) -> None:
        """See `ReaderSupervisor.stop_changed`."""
        if self._supervisor is not None:
            await self._supervisor.stop_changed(settings)

    def apply(self, settings: IngestSettings) -> ReaderSupervisor:
        """Read by these settings from now on, or from `start` on."""
        if self._supervisor is None:
            self._supervisor = ReaderSupervisor(
                settings,
                queue=self._queue,
                health=self._health,
                metrics=self._metrics,
            )
        else:
            self._supervisor.apply(settings)
        return self._supervisor

    async def start(self) -> None:
        """Read, unless that is done already; `open` and `apply` come first."""
        if self._task is None and self._supervisor is not None:
            reading = self._supervisor.run(await self.open())
            self._task = self._tasks.create_task(reading, name="ingest")

    async def stop(self) -> None:
        """Read no more, and close the client."""
        self.is_stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._closing.aclose()
