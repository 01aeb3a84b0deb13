"""Finds what the sources name, and follows it for as long as the process runs.

::

    target ──discovery──▶ resource ──▶ Following: a reader for each scope
       ▲                                  │
       └──────── not served any more ─────┘
"""

import asyncio
from collections.abc import Sequence

from bridge.app.backfill import Backfill
from bridge.app.following import Following, Scopes, may_read_everywhere
from bridge.app.forgetting import forget_gone
from bridge.app.identity import identify
from bridge.app.pulse import Pulse
from bridge.app.readers import Readers
from bridge.app.sources import WantedSource, by_target, wanted_sources
from bridge.app.unread import state_of, unread_status
from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import Target, find_resource
from bridge.config import Config
from bridge.errors import ClusterError, NotServedError, first_cause
from bridge.filters.routes import Router
from bridge.health import Health, ReaderStatus
from bridge.ingest import Namespaces
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue
from bridge.retry import Backoff

SEARCH_SECONDS = 10.0
"""How often, at least, it is looked for what the API server did not serve."""

MISSED_SECONDS = 1.0
"""How soon, at most, it is looked for what is not served any more: discovery may go on
to name what cannot be listed."""


async def read_cluster(
    client: ClusterClient,
    *,
    config: Config,
    queue: Queue,
    router: Router,
    health: Health,
    metrics: Metrics,
    backfill: Backfill | None = None,
) -> None:
    """Read everything that the sources name until cancelled.

    Args:
        client: The cluster.
        config: The configuration.
        queue: Where to.
        router: Chooses the sinks.
        health: Told of every reader.
        metrics: What is counted.
        backfill: Told how to read things again; None: nobody asks.
    """
    name = config.cluster.name
    cluster = await identify(client, queue=queue, name=name, health=health)
    wanted = wanted_sources(config, router)
    async with asyncio.TaskGroup() as tasks:
        readers = Readers(
            client,
            config=config,
            cluster=cluster,
            wanted=wanted,
            router=router,
            queue=queue,
            metrics=metrics,
            tasks=tasks,
        )
        reading = Reading(
            client,
            cluster=cluster,
            wanted=wanted,
            readers=readers,
            queue=queue,
            health=health,
        )
        if backfill is not None:
            backfill.connect(client, readers=readers, followed=reading.followed)
        tasks.create_task(Pulse(client, health).run(), name="pulse")
        await reading.run()


class Reading:
    """Reads everything that the sources name, as soon as the API server serves it."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        cluster: str,
        wanted: Sequence[WantedSource],
        readers: Readers,
        queue: Queue,
        health: Health,
    ) -> None:
        """Bind the parts; nothing is read before `run`.

        Args:
            client: The cluster.
            cluster: Its uid.
            wanted: The sources.
            readers: Makes readers.
            queue: Where cursors are kept.
            health: Told of every reader, and of what is not served.
        """
        self._client = client
        self._cluster = cluster
        self._readers = readers
        self._queue = queue
        self._health = health
        self._absent = dict(by_target(wanted))
        self._unread = {
            target: unread_status(target, sources)
            for target, sources in self._absent.items()
        }
        self._followed: dict[
            str, tuple[Sequence[WantedSource], asyncio.Task[None]]
        ] = {}
        self._read: dict[str, Sequence[ReaderStatus]] = {}
        self._scopes_of: dict[str, Scopes] = {}
        self._is_missed = asyncio.Event()
        self._log = get_logger()

    def followed(self) -> list[Scopes]:
        """Return what is read now, resource by resource."""
        return list(self._scopes_of.values())

    async def run(self) -> None:
        """Read until cancelled."""
        backoff = Backoff(maximum_seconds=SEARCH_SECONDS / 2)
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._is_missed.clear()
                for resource, wanted in (await self._search()).items():
                    await self._start(resource, wanted, tasks)
                self._publish()
                try:
                    delay = backoff.next_delay() if self._absent else None
                    async with asyncio.timeout(delay):
                        await self._is_missed.wait()
                except TimeoutError:
                    continue
                await asyncio.sleep(MISSED_SECONDS)
                backoff = Backoff(maximum_seconds=SEARCH_SECONDS / 2)

    async def _start(
        self,
        resource: Resource,
        wanted: Sequence[WantedSource],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Follow a resource for these sources, and for those it was followed for."""
        if resource.name in self._followed:
            # Two readers of one scope would take changes from each other.
            others, task = self._followed[resource.name]
            task.cancel()
            await asyncio.wait([task])
            wanted = [*others, *wanted] if task.cancelled() else wanted
        task = tasks.create_task(
            self._follow(resource, wanted), name=f"follow {resource.name}"
        )
        self._followed[resource.name] = (wanted, task)

    async def _search(self) -> dict[Resource, list[WantedSource]]:
        """Return what is found of what was absent; say of the rest why it is not."""
        found: dict[str, tuple[Resource, list[WantedSource]]] = {}
        for target, wanted in list(self._absent.items()):
            resource = await self._find(target)
            if resource is not None and self._fits(resource, target, wanted):
                del self._absent[target], self._unread[target]
                # Two spellings, or two versions, of one resource are one reader's.
                _, sources = found.setdefault(resource.name, (resource, []))
                sources.extend(wanted)
        return dict(found.values())

    def _fits(
        self, resource: Resource, target: Target, wanted: Sequence[WantedSource]
    ) -> bool:
        """Return whether sources name namespaces only where there are some."""
        if resource.namespaced or not any(one.is_namespaced for one in wanted):
            return True
        status = self._unread[target]
        status.state = "failed"
        status.is_optional = False  # the configuration is wrong, not the cluster
        status.error = f"expected no namespaces, for {resource.name} live in none"
        return False

    async def _find(self, target: Target) -> Resource | None:
        status = self._unread[target]
        try:
            resource = await find_resource(self._client, target)
        except ClusterError as error:
            status.state, status.error = state_of(error), str(error)
            self._readers.failed(str(target), error)
            return None
        if target.api_version not in {"", resource.api_version}:
            self._log.warning(
                "Served in another version.",
                wanted=str(target),
                served=resource.api_version,
            )
        return resource

    async def _follow(self, resource: Resource, wanted: Sequence[WantedSource]) -> None:
        """Read a resource until the API server does not serve it any more."""
        try:
            scopes = await self._scopes(resource, wanted)
            self._scopes_of[resource.name] = scopes
            await self._read_scopes(scopes)
        except* NotServedError as errors:
            self._log.warning(
                "Not served any more.",
                resource=resource.name,
                error=str(first_cause(errors)),
            )
        del self._followed[resource.name]
        self._scopes_of.pop(resource.name, None)
        self._read.pop(resource.name, None)
        for target, sources in by_target(wanted).items():
            self._absent[target] = sources
            self._unread[target] = unread_status(target, sources)
            self._unread[target].state = "absent"
        self._publish()
        self._is_missed.set()

    async def _read_scopes(self, scopes: Scopes) -> None:
        async with asyncio.TaskGroup() as tasks:
            name = f"forget namespaces of {scopes.resource.name}"
            forgetting = tasks.create_task(forget_gone(scopes, self._queue), name=name)
            await self._following(scopes).run()
            forgetting.cancel()

    def _following(self, scopes: Scopes) -> Following:
        def publish(statuses: Sequence[ReaderStatus]) -> None:
            self._read[scopes.resource.name] = statuses
            self._publish()

        return Following(
            scopes, queue=self._queue, build=self._readers.build, publish=publish
        )

    async def _scopes(
        self, resource: Resource, wanted: Sequence[WantedSource]
    ) -> Scopes:
        """Return how to read a resource, once it is known what is permitted."""
        status = unread_status(wanted[0].target, wanted)
        status.resource, status.state = resource.name, "waiting"
        self._read[resource.name] = [status]
        self._publish()
        namespaces = None
        if any(one.namespace_selector is not None for one in wanted):
            namespaces = await self._namespaces(status)
        return Scopes(
            cluster=self._cluster,
            resource=resource,
            wanted=wanted,
            is_everywhere=await self._is_everywhere(resource, wanted, status),
            namespaces=namespaces,
        )

    async def _namespaces(self, status: ReaderStatus) -> Namespaces:
        namespaces = self._readers.namespaces()
        while not namespaces.is_synced:
            status.error = namespaces.error or "namespaces are being listed"
            status.state = "failed" if namespaces.is_refused else "waiting"
            await namespaces.wait_for_change()
        return namespaces

    async def _is_everywhere(
        self, resource: Resource, wanted: Sequence[WantedSource], status: ReaderStatus
    ) -> bool:
        backoff = Backoff()
        while any(one.chooses for one in wanted):
            try:
                return await may_read_everywhere(self._client, resource)
            except NotServedError:
                raise
            except ClusterError as error:
                status.error = str(error)
                await asyncio.sleep(backoff.next_delay())
        return False

    def _publish(self) -> None:
        read = [status for statuses in self._read.values() for status in statuses]
        self._health.readers = [*read, *self._unread.values()]
