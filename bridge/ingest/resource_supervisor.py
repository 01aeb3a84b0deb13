"""Runs a reader for each scope of one resource, as namespaces and settings change."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bridge.cluster import Resource
from bridge.errors import ClusterError, ForbiddenError, NotServedError
from bridge.health import ReaderState, ReaderStatus
from bridge.ingest.build import ClusterParts, ReaderBuilder
from bridge.ingest.scoping import (
    EVERYWHERE,
    Namespaces,
    Scopes,
    adopt_scopes,
    forget_gone,
)
from bridge.ingest.source import Source
from bridge.queue import Scope
from bridge.retry import Backoff


@dataclass(slots=True, kw_only=True)
class _RunningReader:
    sources: Sequence[Source]
    builder: ReaderBuilder
    status: ReaderStatus
    task: asyncio.Task[None]

    def suits(
        self, scope: Scope, sources: Sequence[Source], builder: ReaderBuilder
    ) -> bool:
        """Return whether a reader that is built now would be the same."""
        if self.task.cancelling():
            return False
        if [one.name for one in sources] != [one.name for one in self.sources]:
            return False
        if builder is not self.builder:
            mine = self.builder.settings_of(scope, self.sources)
            if builder.settings_of(scope, sources) != mine:
                return False
            self.builder = builder
        return True

    def stop(self) -> None:
        """Cancel the reader, once."""
        if not self.task.cancelling():
            self.task.cancel()
            self.status.state = "starting"


class ResourceSupervisor:
    """Starts, replaces and stops the readers of one resource."""

    def __init__(
        self,
        resource: Resource,
        sources: Sequence[Source],
        *,
        parts: ClusterParts,
        publish: Callable[[], None],
    ) -> None:
        """Bind the parts; nothing is read before `run`.

        Args:
            resource: What is read.
            sources: The sources that name it.
            parts: Those of its cluster.
            publish: Called whenever `statuses` has changed.
        """
        self.resource = resource
        self.sources = sources
        self.scopes: Scopes | None = None
        """The scopes that are read; None: not known yet."""

        self.statuses: Sequence[ReaderStatus] = ()
        """A for each reader, or one that says what is waited for."""

        self._parts = parts
        self._publish = publish
        self._running: dict[Scope, _RunningReader] = {}
        self._known: Collection[str] = ()
        self._changed = asyncio.Event()

    def apply(self, sources: Sequence[Source]) -> None:
        """Read for these sources from now on."""
        self.sources = sources
        self._changed.set()

    def stop_changed(self, builder: ReaderBuilder) -> list[asyncio.Task[None]]:
        """Cancel each reader that `builder` would build otherwise; return their tasks.

        So is a reader that waits between two tries: it is tried at once. They are
        replaced once `apply` is called.
        """
        known = {source.name: source for source in builder.sources}
        ending = []
        for scope, running in self._running.items():
            sources = [known.get(one.name) for one in running.sources]
            present = [one for one in sources if one is not None]
            is_failing = running.status.state in {"failed", "waiting"}
            if is_failing or not running.suits(scope, present, builder):
                running.stop()
                ending.append(running.task)
        return ending

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            NotServedError: In a group: the API server does not serve the resource any
                more.
        """
        async with asyncio.TaskGroup() as tasks:
            forgetting = forget_gone(lambda: self.scopes, self._parts.queue)
            name = f"forget namespaces of {self.resource.name}"
            tasks.create_task(forgetting, name=name)
            watched: Namespaces | None = None
            while True:
                self._changed.clear()
                await self._update(tasks)
                if watched is None and self.scopes is not None:
                    watched = self.scopes.namespaces
                    if watched is not None:
                        tasks.create_task(self._watch(watched), name="watch namespaces")
                await self._changed.wait()

    async def _watch(self, namespaces: Namespaces) -> None:
        """Look again, now and after each change."""
        while True:
            self._changed.set()
            await namespaces.wait_for_change()

    async def _update(self, tasks: asyncio.TaskGroup) -> None:
        """Run the readers that settings and namespaces ask for now, and no others."""
        sources, builder = self.sources, self._parts.builder
        scopes, is_later = self.scopes, True
        if scopes is None or scopes.sources is not sources:
            scopes, is_later = await self._find_scopes(sources), False
        if self._is_superseded(sources):
            return
        wanted = scopes.now()
        await self._stop_others(wanted, builder)
        if not is_later:
            # Later a namespace that comes is new, and continues nothing.
            await adopt_scopes(self._parts.queue, list(wanted))
            self.scopes = scopes
            self._known = scopes.namespaces.names() if scopes.namespaces else ()
        if self._is_superseded(sources):
            return
        for scope, some in wanted.items():
            if scope not in self._running:
                is_made = is_later and scope.namespace not in self._known
                self._start(scope, _emitting(some) if is_made else some, builder, tasks)
        statuses = [self._running[scope].status for scope in wanted]
        self._show(statuses or [self._status("", sources, state="watching")])

    def _is_superseded(self, sources: Sequence[Source]) -> bool:
        """Return whether `apply` was called meanwhile, or is to come."""
        return self._parts.is_held or self.sources is not sources

    async def _find_scopes(self, sources: Sequence[Source]) -> Scopes:
        """Return how to read the resource, once it is known what is permitted."""
        status = self._status(EVERYWHERE, sources, state="waiting")
        if not self._running:
            self._show([status])
        namespaces = None
        if any(one.settings.namespace_selector for one in sources):
            namespaces = await self._synced_namespaces(status)
        return Scopes(
            cluster=self._parts.uid,
            resource=self.resource,
            sources=sources,
            is_everywhere=await self._may_read_everywhere(sources, status),
            namespaces=namespaces,
        )

    async def _synced_namespaces(self, status: ReaderStatus) -> Namespaces:
        namespaces = self._parts.namespaces
        while not namespaces.is_synced:
            status.error = namespaces.error or "namespaces are being listed"
            status.state = "failed" if namespaces.is_refused else "waiting"
            await namespaces.wait_for_change()
        return namespaces

    async def _may_read_everywhere(
        self, sources: Sequence[Source], status: ReaderStatus
    ) -> bool:
        """Return whether it may be listed in all namespaces, where that matters."""
        backoff = Backoff()
        while any(one.settings.chooses for one in sources):
            try:
                await self._parts.client.list_page(self.resource, limit=1)
            except ForbiddenError:
                return False
            except NotServedError:
                raise
            except ClusterError as error:
                status.error = str(error)
                await asyncio.sleep(backoff.next_delay())
            else:
                return True
        return False

    async def _stop_others(
        self, wanted: Mapping[Scope, Sequence[Source]], builder: ReaderBuilder
    ) -> None:
        """Stop each reader that is not wanted, or not with the settings it has."""
        for scope, running in list(self._running.items()):
            if scope not in wanted or not running.suits(scope, wanted[scope], builder):
                running.stop()
                await asyncio.wait([running.task])
                del self._running[scope]

    def _start(
        self,
        scope: Scope,
        sources: Sequence[Source],
        builder: ReaderBuilder,
        tasks: asyncio.TaskGroup,
    ) -> None:
        status = self._status(scope.namespace, sources)
        status.field_selector = scope.field_selector
        status.label_selector = scope.label_selector
        reader = builder.build(self.resource, scope, sources, status)
        name = f"reader {scope.resource} in {scope.namespace}"
        self._running[scope] = _RunningReader(
            sources=sources,
            builder=builder,
            status=status,
            task=tasks.create_task(reader.run(), name=name),
        )

    def _status(
        self, namespace: str, sources: Sequence[Source], state: ReaderState = "starting"
    ) -> ReaderStatus:
        return ReaderStatus(
            sources=tuple(one.name for one in sources),
            resource=self.resource.name,
            namespace=namespace,
            state=state,
            started=state == "watching",
            is_optional=all(one.settings.optional for one in sources),
        )

    def _show(self, statuses: Sequence[ReaderStatus]) -> None:
        self.statuses = statuses
        self._publish()


def _emitting(sources: Sequence[Source]) -> tuple[Source, ...]:
    """Return the sources of a namespace that was made while they were read.

    All objects in it are younger than the sources.
    """
    return tuple(replace(source, is_new=True) for source in sources)
