"""Makes readers, and what they share: conversions, informers, the API server's word."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

from bridge.app.following import EVERYWHERE
from bridge.app.informers import Informers
from bridge.app.sources import WantedSource, all_enrichment
from bridge.cluster import Resource
from bridge.cluster.builtin import NAMESPACES, find_kind
from bridge.cluster.client import ClusterClient
from bridge.cluster.informer import Informer
from bridge.cluster.reflector.reflector import list_and_watch
from bridge.cluster.store import Store
from bridge.config import Config
from bridge.errors import ClusterError
from bridge.events.convert import Origin
from bridge.filters.routes import Router
from bridge.health import ReaderStatus
from bridge.ingest import (
    Acceptor,
    Conversion,
    Enrichment,
    EventForm,
    ListAndWatch,
    Namespaces,
    ScopeReader,
    Source,
)
from bridge.ingest.object_cache import ObjectCache
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue, Scope


def build_origins(
    config: Config, *, cluster: str, server: str
) -> dict[EventForm, Origin]:
    """Return where events come from, as each form says it.

    Args:
        config: Names, prefix and extensions.
        cluster: uid of the cluster.
        server: URL of the API server, which is what ApiServerSource names.
    """
    ours = Origin(
        cluster=config.cluster.name or cluster,
        type_prefix=config.events.type_prefix,
        extensions=config.events.extensions,
    )
    knative = replace(ours, profile="knative", source=server)
    return {
        EventForm(origin.profile, data): replace(origin, data=data)
        for origin in (ours, knative)
        for data in ("object", "reference")
    }


def forms_of(config: Config) -> Mapping[str, EventForm]:
    """Return the form in which each sink wants its events."""
    return {sink.name: EventForm(sink.profile, sink.data) for sink in config.sinks}


class Readers:
    """Makes the readers of one process."""

    def __init__(
        self,
        client: ClusterClient,
        *,
        config: Config,
        cluster: str,
        wanted: Sequence[WantedSource],
        router: Router,
        queue: Queue,
        metrics: Metrics,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Bind the parts.

        Args:
            client: The cluster.
            config: The configuration.
            cluster: uid of the cluster.
            wanted: The sources.
            router: Chooses the sinks.
            queue: Where to.
            metrics: What is counted.
            tasks: Where informers run.
        """
        self._client = client
        self._acceptor = Acceptor(
            router=router,
            forms=forms_of(config),
            keeping=[one.source.name for one in wanted if one.source.keeps_all],
        )
        self._origins = build_origins(config, cluster=cluster, server=client.server)
        self._wanted = wanted
        self._router = router
        self._queue = queue
        self._metrics = metrics
        self._informers = Informers(client, tasks)
        self._failures: dict[str, RepeatedFailure] = {}

    def build(
        self,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        status: ReaderStatus,
    ) -> ScopeReader:
        """Return the reader of one scope."""
        names = tuple(source.name for source in sources)
        reads_paths = self._router.reads("changedpaths", names)
        keeps = reads_paths or any(source.needs_objects for source in sources)
        return ScopeReader(
            watch=self._watch(resource, scope, sources),
            resource=resource,
            scope=scope,
            sources=sources,
            convert=partial(self.conversion, resource, scope, sources),
            keeps_objects=keeps and not resource.is_events,
            keeps_labels=self._router.needs_labels(names),
            queue=self._queue,
            status=status,
            metrics=self._metrics,
        )

    def conversion(
        self,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        object_cache: ObjectCache | None,
    ) -> Conversion:
        """Return what makes entries of what is read in one scope."""
        enriches = any(source.wants_concerned for source in sources)
        return Conversion(
            resource=resource,
            scope=scope,
            sources=sources,
            acceptor=self._acceptor,
            origins=self._origins,
            object_cache=object_cache,
            enrichment=self._enrichment if enriches else None,
        )

    def namespaces(self) -> Namespaces:
        """Return what knows the labels of namespaces, watched from now on."""
        return self._namespaces

    def failed(self, name: str, error: ClusterError) -> None:
        """Say why something cannot be read, once for each reason."""
        if name not in self._failures:
            log = get_logger(source=name)
            self._failures[name] = RepeatedFailure(log, "Not watched.")
        self._failures[name].failed(str(error))

    def _watch(
        self, resource: Resource, scope: Scope, sources: Sequence[Source]
    ) -> ListAndWatch:
        return partial(
            list_and_watch,
            self._client,
            resource,
            namespace=None if scope.namespace == EVERYWHERE else scope.namespace,
            field_selector=scope.field_selector,
            label_selector=scope.label_selector,
            initial="emit" if any(one.emits_initial for one in sources) else "skip",
        )

    @cached_property
    def _namespaces(self) -> Namespaces:
        store = Store(keeps_labels=True)
        return Namespaces(self._informers.start(NAMESPACES, store))

    @cached_property
    def _enrichment(self) -> Enrichment:
        asked = all_enrichment(self._wanted)
        found = (find_kind(kind) for kind in asked.kinds)

        def start(resource: Resource) -> Informer:
            store = Store(
                keeps_labels=asked.labels,
                keeps_annotations=frozenset(asked.annotations),
                keeps_owner=asked.owner,
            )
            return self._informers.start(resource, store)

        return Enrichment([one for one in found if one is not None], start=start)
