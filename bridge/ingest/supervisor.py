"""Finds what the sources name, and reads it for as long as the process runs.

::

    target ──discovery──▶ resource ──▶ ResourceSupervisor: a reader for each scope
       ▲                                  │
       └──────── not served any more ─────┘

New settings are applied to what runs: a reader, and its watch, goes on unless settings
that it depends on have changed.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import find_resource
from bridge.cluster.liveness import LivenessCheck
from bridge.cluster.settings import Target
from bridge.errors import ClusterError, ForbiddenError, NotServedError, first_cause
from bridge.health import Health, ReaderState, ReaderStatus
from bridge.ingest.build import ClusterParts, IngestSettings
from bridge.ingest.resource_supervisor import ResourceSupervisor
from bridge.ingest.scoping import EVERYWHERE, Scopes, identify
from bridge.ingest.source import Source
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue
from bridge.retry import Backoff

SEARCH_SECONDS: Final = 10.0
"""How often, at least, kinds are looked for that the API server did not serve."""

MISSED_SECONDS: Final = 1.0
"""How soon, at most, a kind is looked for that is not served any more: discovery may
go on to name what cannot be listed."""


class ReaderSupervisor:
    """Reads everything that the sources name, as soon as the API server serves it."""

    def __init__(
        self,
        settings: IngestSettings,
        *,
        queue: Queue,
        health: Health,
        metrics: Metrics,
    ) -> None:
        """Bind the parts; nothing is read before `run`.

        Args:
            settings: What is read, and what becomes of it.
            queue: Where events and cursors are stored.
            health: Is given the statuses of all readers.
            metrics: What is counted.
        """
        self._settings = settings
        self._queue = queue
        self._health = health
        self._metrics = metrics
        self._reached: ClusterParts | None = None
        self._absent: dict[Target, list[Source]] = {}
        self._unread: dict[Target, ReaderStatus] = {}
        self._resources: dict[str, tuple[ResourceSupervisor, asyncio.Task[None]]] = {}
        self._failures: dict[Target, RepeatedFailure] = {}
        self._silence = RepeatedFailure(get_logger(), "The API server is silent.")
        self._is_changed = False
        self._wake = asyncio.Event()
        self._expect(settings)

    @property
    def parts(self) -> ClusterParts:
        """The cluster, and what builds its readers.

        Raises:
            ClusterError: It was not reached yet.
        """
        if self._reached is None:
            raise ClusterError("the API server was not reached yet")
        return self._reached

    def scopes(self) -> list[Scopes]:
        """Return what is read now, resource by resource."""
        found = (resource.scopes for resource, _ in self._resources.values())
        return [scopes for scopes in found if scopes is not None]

    async def stop_changed(self, settings: IngestSettings) -> None:
        """Stop each reader whose own settings are others in `settings`.

        No reader starts from now on until `apply`.
        """
        if self._reached is None:
            return
        self._reached.is_held = True
        builder = self._reached.builder_of(settings)
        resources = [resource for resource, _ in self._resources.values()]
        ending = [task for one in resources for task in one.stop_changed(builder)]
        if ending:
            await asyncio.wait(ending)

    def apply(self, settings: IngestSettings) -> None:
        """Read by these settings from now on; the name of the cluster stays.

        Readers whose own settings are the same go on; a reader that is replaced
        continues from its cursor.
        """
        self._settings = settings
        self._is_changed = True
        if self._reached is None:
            self._expect(settings)
        self._wake.set()

    async def run(self, client: ClusterClient) -> None:
        """Read until cancelled."""
        uid = await identify(
            client,
            queue=self._queue,
            name=self._settings.cluster_name,
            report=self._wait_for_cluster,
        )
        async with asyncio.TaskGroup() as tasks:
            self._is_changed = False
            self._reached = ClusterParts(
                self._settings,
                client,
                uid=uid,
                queue=self._queue,
                metrics=self._metrics,
                tasks=tasks,
            )
            self._absent = _by_target(self._reached.builder.sources)
            liveness = LivenessCheck(client, self._note_silence)
            tasks.create_task(liveness.run(), name="liveness")
            await self._read(self._reached, tasks)

    async def _read(self, parts: ClusterParts, tasks: asyncio.TaskGroup) -> None:
        backoff = Backoff(maximum_seconds=SEARCH_SECONDS / 2)
        while True:
            self._wake.clear()
            if self._is_changed:
                self._is_changed = False
                await self._apply(parts, self._settings)
            found = await self._search(parts.client)
            if self._is_changed:  # what was found is looked for again
                continue
            for resource, sources in found.items():
                self._follow(resource, sources, parts, tasks)
            self._publish()
            try:
                async with asyncio.timeout(
                    backoff.next_delay() if self._absent else None
                ):
                    await self._wake.wait()
            except TimeoutError:
                continue
            if not self._is_changed:  # a resource is not served any more
                await asyncio.sleep(MISSED_SECONDS)
            backoff = Backoff(maximum_seconds=SEARCH_SECONDS / 2)

    async def _apply(self, parts: ClusterParts, settings: IngestSettings) -> None:
        """Give new sources to what is read; look for all that is not."""
        parts.apply(settings)
        self._absent = _by_target(parts.builder.sources)
        for resource, _ in self._resources.values():
            sources: list[Source] = []
            for target in _by_target(resource.sources):
                if _fits(resource.resource, self._absent.get(target, ())):
                    sources += self._absent.pop(target, ())
            resource.apply(sources)
        self._unread = {
            target: _unread(target, some) for target, some in self._absent.items()
        }
        for name, (resource, task) in list(self._resources.items()):
            if not resource.sources:
                task.cancel()
                await asyncio.wait([task])
                self._resources.pop(name, None)

    async def _search(self, client: ClusterClient) -> dict[Resource, list[Source]]:
        """Return the resources that were absent and are served now."""
        found: dict[str, tuple[Resource, list[Source]]] = {}
        for target, sources in list(self._absent.items()):
            resource = await self._find(client, target)
            if resource is None:
                continue
            if not _fits(resource, sources):
                _refuse_namespaces(self._unread[target], resource)
                continue
            del self._absent[target], self._unread[target]
            # Two spellings, or two versions, of one resource are one reader's.
            _, some = found.setdefault(resource.name, (resource, []))
            some.extend(sources)
        return dict(found.values())

    async def _find(self, client: ClusterClient, target: Target) -> Resource | None:
        """Return the resource of a target; None: its status says why there is none."""
        try:
            resource = await find_resource(client, target)
        except ClusterError as error:
            status = self._unread[target]
            status.state, status.error = _state_of(error), str(error)
            self._log_failure(target, error)
            return None
        if target.api_version not in {"", resource.api_version}:
            get_logger().warning(
                "Served in another version.",
                wanted=str(target),
                served=resource.api_version,
            )
        return resource

    def _log_failure(self, target: Target, error: ClusterError) -> None:
        """Log why a target is not read, once for each reason."""
        if target not in self._failures:
            log = get_logger(source=str(target))
            self._failures[target] = RepeatedFailure(log, "Not watched.")
        self._failures[target].failed(str(error))

    def _follow(
        self,
        resource: Resource,
        sources: list[Source],
        parts: ClusterParts,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Read a resource for these sources, and for those it is read for."""
        if resource.name in self._resources:
            # Two readers of one scope would take changes from each other.
            followed, _ = self._resources[resource.name]
            followed.apply([*followed.sources, *sources])
            return
        followed = ResourceSupervisor(
            resource, sources, parts=parts, publish=self._publish
        )
        task = tasks.create_task(
            self._run_resource(followed), name=f"follow {resource.name}"
        )
        self._resources[resource.name] = (followed, task)

    async def _run_resource(self, resource: ResourceSupervisor) -> None:
        """Read a resource until the API server does not serve it any more."""
        try:
            await resource.run()
        except* NotServedError as errors:
            get_logger().warning(
                "Not served any more.",
                resource=resource.resource.name,
                error=str(first_cause(errors)),
            )
        del self._resources[resource.resource.name]
        for target, sources in _by_target(resource.sources).items():
            self._absent[target] = sources
            self._unread[target] = _unread(target, sources)
            self._unread[target].state = "absent"
        self._publish()
        self._wake.set()

    def _expect(self, settings: IngestSettings) -> None:
        """Show the sources before it is known what the API server serves."""
        sources = [Source(settings=one) for one in settings.sources]
        self._unread = {
            target: _unread(target, some)
            for target, some in _by_target(sources).items()
        }
        self._publish()

    def _wait_for_cluster(self, error: str) -> None:
        for status in self._unread.values():
            status.state, status.error = "waiting", error

    def _note_silence(self, error: str) -> None:
        """Take the result of a liveness check; empty: the API server answers."""
        for reader in self._health.readers:
            if error and reader.state == "watching":
                reader.state, reader.error = "silent", error
                self._silence.failed(error)
            elif not error and reader.state == "silent":
                reader.state, reader.error = "watching", ""
        if not error:
            self._silence.recovered("The API server answers again.")

    def _publish(self) -> None:
        read = [one for each, _ in self._resources.values() for one in each.statuses]
        self._health.readers = [*read, *self._unread.values()]


def _by_target(sources: Iterable[Source]) -> dict[Target, list[Source]]:
    """Return the sources of each target, in the order of the configuration."""
    found: dict[Target, list[Source]] = {}
    for one in sources:
        found.setdefault(one.settings.target, []).append(one)
    return found


def _fits(resource: Resource, sources: Iterable[Source]) -> bool:
    """Return whether sources name namespaces only where there are some."""
    return resource.namespaced or not any(one.settings.is_namespaced for one in sources)


def _unread(target: Target, sources: Sequence[Source]) -> ReaderStatus:
    """Return the status of sources whose resource is not known yet."""
    return ReaderStatus(
        sources=tuple(one.name for one in sources),
        resource=str(target),
        namespace=EVERYWHERE,
        is_optional=all(one.settings.optional for one in sources),
    )


def _refuse_namespaces(status: ReaderStatus, resource: Resource) -> None:
    status.state = "failed"
    status.is_optional = False  # the configuration is wrong, not the cluster
    status.error = f"expected no namespaces, for {resource.name} live in none"


def _state_of(error: ClusterError) -> ReaderState:
    """Return the state of a source whose resource was not found."""
    match error:
        case NotServedError():
            return "absent"
        case ForbiddenError():
            return "failed"
        case _:
            return "waiting"
