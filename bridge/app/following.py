"""Follows one resource: which scopes are read, for whom, as namespaces come and go."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bridge.app.sources import WantedSource
from bridge.cluster import Resource
from bridge.cluster.client import ClusterClient
from bridge.errors import ForbiddenError
from bridge.health import ReaderStatus
from bridge.ingest import Namespaces, ScopeReader, Source, adopt_scopes
from bridge.queue import Queue, Scope

EVERYWHERE = "*"
"""Stands for all namespaces in a scope."""

BuildReader = Callable[[Resource, Scope, Sequence[Source], ReaderStatus], ScopeReader]
"""Makes the reader of one scope."""


async def may_read_everywhere(client: ClusterClient, resource: Resource) -> bool:
    """Return whether the resource may be listed in all namespaces at once.

    Raises:
        ClusterError: It cannot be found out now.
    """
    try:
        await client.list_page(resource, limit=1)
    except ForbiddenError:
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """Decides which scopes are read for the sources of one resource.

    Attributes:
        cluster: uid of the cluster.
        resource: What is read.
        wanted: The sources.
        is_everywhere: Whether it may be read in all namespaces at once.
        namespaces: Knows which namespaces a selector means; None: no source has one.
    """

    cluster: str
    resource: Resource
    wanted: Sequence[WantedSource]
    is_everywhere: bool
    namespaces: Namespaces | None

    @property
    def may_change(self) -> bool:
        """Whether other namespaces mean other scopes."""
        return not self.is_everywhere and any(
            one.namespace_selector is not None for one in self.wanted
        )

    def is_optional(self, names: Sequence[str]) -> bool:
        """Return whether none of these sources minds that it is not read."""
        return all(
            one.is_optional for one in self.wanted if one.source.name in {*names}
        )

    def now(self) -> dict[Scope, tuple[Source, ...]]:
        """Return what each reader reads now, and for whom: sources share scopes."""
        found: dict[Scope, tuple[Source, ...]] = {}
        for one in self.wanted:
            for namespace in self._where(one):
                scope = self._scope(one, namespace)
                found[scope] = (*found.get(scope, ()), self._bound(one, namespace))
        return found

    def _where(self, one: WantedSource) -> Sequence[str]:
        if not self.resource.namespaced or not (one.namespaces or one.chooses):
            return (EVERYWHERE,)
        if one.chooses and self.is_everywhere:
            return (EVERYWHERE,)
        if one.namespace_selector is None:
            return sorted(one.namespaces)
        assert self.namespaces is not None  # noqa: S101  # there, for there is a selector
        return self.namespaces.matching(one.namespace_selector)

    def _scope(self, one: WantedSource, namespace: str) -> Scope:
        return Scope(
            cluster=self.cluster,
            resource=self.resource.name,
            namespace=namespace,
            field_selector=one.field_selector,
            label_selector=one.label_selector,
        )

    def _bound(self, one: WantedSource, namespace: str) -> Source:
        """Return the source as the reader of this scope sees it."""
        if namespace != EVERYWHERE or not one.chooses:
            return one.source
        if one.namespace_selector is None:
            return replace(one.source, selects=one.namespaces.__contains__)
        assert self.namespaces is not None  # noqa: S101  # there, for there is a selector
        selects = self.namespaces.selects(one.namespace_selector)
        return replace(one.source, selects=selects)


class Following:
    """Runs a reader for each scope, and starts and stops readers as scopes change."""

    def __init__(
        self,
        scopes: Scopes,
        *,
        queue: Queue,
        build: BuildReader,
        publish: Callable[[Sequence[ReaderStatus]], None],
    ) -> None:
        """Bind the parts; nothing is read before `run`.

        Args:
            scopes: Decides what is read.
            queue: Where cursors are kept.
            build: Makes readers.
            publish: Takes the statuses of all readers whenever there are others.
        """
        self._scopes = scopes
        self._queue = queue
        self._build = build
        self._publish = publish
        self._running: dict[Scope, tuple[Sequence[str], asyncio.Task[None]]] = {}
        self._statuses: dict[Scope, ReaderStatus] = {}

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            NotServedError: In a group: the API server does not serve it any more.
        """
        wanted = self._scopes.now()
        # Later a namespace that comes is new, and continues nothing.
        await adopt_scopes(self._queue, list(wanted))
        async with asyncio.TaskGroup() as tasks:
            self._start_all(wanted, tasks)
            if self._scopes.may_change and self._scopes.namespaces is not None:
                await self._follow(self._scopes.namespaces, wanted, tasks)

    async def _follow(
        self,
        namespaces: Namespaces,
        wanted: dict[Scope, tuple[Source, ...]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        old = namespaces.names()
        while True:
            while self._scopes.now() == wanted:
                await namespaces.wait_for_change()
            wanted = self._scopes.now()
            await self._stop_all_but(wanted)
            fresh = {
                scope: sources if scope.namespace in old else _emitting(sources)
                for scope, sources in wanted.items()
            }
            self._start_all(fresh, tasks)

    def _start_all(
        self, wanted: dict[Scope, tuple[Source, ...]], tasks: asyncio.TaskGroup
    ) -> None:
        for scope, sources in wanted.items():
            if scope not in self._running:
                self._start(scope, sources, tasks)
        statuses = [self._statuses[scope] for scope in wanted]
        self._publish(statuses or [self._nowhere()])

    def _nowhere(self) -> ReaderStatus:
        """Return the status where no namespace is selected just now."""
        return ReaderStatus(
            sources=tuple(one.source.name for one in self._scopes.wanted),
            resource=self._scopes.resource.name,
            namespace="",
            state="watching",
            started=True,
        )

    async def _stop_all_but(self, wanted: dict[Scope, tuple[Source, ...]]) -> None:
        for scope, (names, task) in list(self._running.items()):
            if names != [source.name for source in wanted.get(scope, ())]:
                task.cancel()
                await asyncio.wait([task])
                del self._running[scope], self._statuses[scope]

    def _start(
        self, scope: Scope, sources: Sequence[Source], tasks: asyncio.TaskGroup
    ) -> None:
        names = [source.name for source in sources]
        status = ReaderStatus(
            sources=tuple(names),
            resource=scope.resource,
            namespace=scope.namespace,
            field_selector=scope.field_selector,
            label_selector=scope.label_selector,
            is_optional=self._scopes.is_optional(names),
        )
        reader = self._build(self._scopes.resource, scope, sources, status)
        name = f"reader {scope.resource} in {scope.namespace}"
        self._running[scope] = (names, tasks.create_task(reader.run(), name=name))
        self._statuses[scope] = status


def _emitting(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Return the sources of a namespace that was made while they were read.

    All that is in it came later than their start.
    """
    return tuple(replace(source, emits_initial=True) for source in sources)
