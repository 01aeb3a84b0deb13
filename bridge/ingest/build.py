"""Builds readers, and the informers that they share, from settings."""

import asyncio
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from bridge.cluster import Resource
from bridge.cluster.builtin import NAMESPACES, find_kind
from bridge.cluster.client import ClusterClient
from bridge.cluster.informer import Informer
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.reflector import Reflector
from bridge.cluster.store import Store
from bridge.events.origin import Origin
from bridge.events.settings import EventsConfig
from bridge.filters.noise.control import NoiseControl
from bridge.filters.routes import Router
from bridge.filters.settings import RouteConfig
from bridge.health import ReaderStatus
from bridge.ingest.accept import Acceptor, EventForm
from bridge.ingest.enrichment import Enrichment
from bridge.ingest.entries import Conversion
from bridge.ingest.object_cache import ObjectCache
from bridge.ingest.reader import BuildReflector, ScopeReader
from bridge.ingest.scoping import EVERYWHERE, Namespaces
from bridge.ingest.settings import EnrichConfig, SourceConfig
from bridge.ingest.source import Source, all_enrichment, build_sources
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """All settings that decide what is read, and what becomes of it.

    Attributes:
        cluster_name: Configured name of the cluster; None: its uid is its name.
        sources: What is watched.
        routes: Which events go where; empty: every event to every sink.
        forms: The form in which each sink wants its events, in the order of the sinks.
        events: How events are written.
    """

    cluster_name: str | None = None
    sources: tuple[SourceConfig, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    forms: Mapping[str, EventForm]
    events: EventsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSettings:
    """All settings that one reader depends on: it is replaced when they change.

    Attributes:
        sources: Settings of its sources, and what each of them looks up.
        routes: The routes from these sources.
        forms: The form of events for each sink that these routes reach.
        events: How events are written.
        enrich: What the shared informers look up; None: the reader asks for nothing.
    """

    sources: tuple[tuple[SourceConfig, EnrichConfig | None], ...]
    routes: tuple[RouteConfig, ...]
    forms: Mapping[str, EventForm]
    events: EventsConfig
    enrich: EnrichConfig | None


class Informers:
    """The informers that answer questions about other objects, each once."""

    def __init__(self, client: ClusterClient, tasks: asyncio.TaskGroup) -> None:
        """Start nothing yet.

        Args:
            client: The cluster.
            tasks: Where informers run, until it is cancelled.
        """
        self._client = client
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []

    def start(self, resource: Resource, store: Store) -> Informer:
        """Return an informer that runs from now on.

        Args:
            resource: What to read.
            store: Keeps what is asked for later.
        """
        informer = Informer(self._client, resource, store=store)
        name = f"informer {resource.name}"
        self._running.append(self._tasks.create_task(_inform(informer), name=name))
        return informer

    def stop(self) -> None:
        """Stop all that were started here."""
        while self._running:
            self._running.pop().cancel()


async def _inform(informer: Informer) -> None:
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


class ReaderBuilder:
    """Builds the readers of one configuration."""

    def __init__(
        self,
        settings: IngestSettings,
        client: ClusterClient,
        *,
        cluster: str,
        queue: Queue,
        metrics: Metrics,
    ) -> None:
        """Bind the parts.

        Args:
            settings: What is read, and what becomes of it.
            client: The cluster.
            cluster: uid of the cluster.
            queue: Where events are stored.
            metrics: What is counted.
        """
        self.forms = settings.forms
        self.router = Router.of(settings.routes, sinks=tuple(settings.forms))
        self.sources = build_sources(settings.sources, self.router)
        self.enrich = all_enrichment(self.sources)
        """What the shared informers look up; None: no source asks for it."""

        self.enrichment: Enrichment | None = None
        """Looks it up; set before the first reader is built."""

        self._settings = settings
        self._acceptor = Acceptor(
            router=self.router,
            forms=settings.forms,
            keeping=[one.name for one in settings.sources if one.keep == "all"],
        )
        self._client = client
        self._origins = build_origins(settings, cluster=cluster, server=client.server)
        self._queue = queue
        self._metrics = metrics

    def settings_of(self, scope: Scope, sources: Iterable[Source]) -> ReaderSettings:
        """Return all settings that the reader of a scope depends on."""
        # Namespaces that are read one by one are parts of scopes, not of readers.
        is_one = scope.namespace != EVERYWHERE
        update = {"namespaces": (), "namespace_selector": ""} if is_one else {}
        used = tuple(
            (source.settings.model_copy(update=update), source.enrich)
            for source in sources
        )
        names = frozenset(settings.name for settings, _ in used)
        routes = self._routes_from(names)
        reached = self.router.sinks_of_sources(tuple(sorted(names)))
        is_enriched = any(enrich is not None for _, enrich in used)
        return ReaderSettings(
            sources=used,
            routes=routes,
            forms={sink: self.forms[sink] for sink in reached},
            events=self._settings.events,
            enrich=self.enrich if is_enriched else None,
        )

    def build(
        self,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        status: ReaderStatus,
    ) -> ScopeReader:
        """Return the reader of one scope."""
        names = tuple(source.name for source in sources)
        is_enriched = any(source.enrich is not None for source in sources)
        if is_enriched and self.enrichment is not None:
            status.stores = ChainMap({}, self.enrichment.stores)
        reads_paths = self.router.reads("changedpaths", names)
        keeps = reads_paths or any(source.needs_objects for source in sources)
        return ScopeReader(
            reflector=self._reflector(resource, scope, sources),
            resource=resource,
            scope=scope,
            sources=sources,
            convert=partial(self.conversion, resource, scope, sources),
            keeps_objects=keeps and not resource.is_events,
            keeps_labels=self.router.needs_labels(names),
            queue=self._queue,
            status=status,
            metrics=self._metrics,
        )

    def conversion(
        self,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        object_cache: ObjectCache | None = None,
        memos: Mapping[str, bytes] | None = None,
    ) -> Conversion:
        """Return the conversion of changes in one scope into entries.

        Args:
            resource: Kind of the objects.
            scope: Where they are read.
            sources: For whom.
            object_cache: The last state of each object; None: nothing is compared.
            memos: The memos of noise control; None: it is skipped, as by a backfill.
        """
        enriches = any(source.enrich is not None for source in sources)
        routes = self._routes_from(frozenset(one.name for one in sources))
        return Conversion(
            resource=resource,
            scope=scope,
            sources=sources,
            acceptor=self._acceptor,
            origins=self._origins,
            object_cache=object_cache,
            enrichment=self.enrichment if enriches else None,
            noise=None if memos is None else NoiseControl(routes, memos),
        )

    def _routes_from(self, sources: frozenset[str]) -> tuple[RouteConfig, ...]:
        """Return the routes from any of these sources."""
        return tuple(
            route
            for route in self._settings.routes
            if route.sources is None or not sources.isdisjoint(route.sources)
        )

    def _reflector(
        self, resource: Resource, scope: Scope, sources: Sequence[Source]
    ) -> BuildReflector:
        list_watch = ListWatch(
            client=self._client,
            resource=resource,
            namespace=None if scope.namespace == EVERYWHERE else scope.namespace,
            field_selector=scope.field_selector,
            label_selector=scope.label_selector,
        )
        emits = any(one.emits_initial for one in sources)
        return partial(Reflector, list_watch, initial="emit" if emits else "skip")


class ClusterParts:
    """The parts that all readers of a cluster share.

    Attributes:
        client: The cluster.
        uid: Its uid.
        queue: Where events and cursors are stored.
        builder: Builds readers by the settings in force.
        is_held: Whether no reader may start, for other settings are to come.
    """

    def __init__(
        self,
        settings: IngestSettings,
        client: ClusterClient,
        *,
        uid: str,
        queue: Queue,
        metrics: Metrics,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Bind the parts; no informer runs before it is asked.

        Args:
            settings: What is read, and what becomes of it.
            client: The cluster.
            uid: Its uid.
            queue: Where events and cursors are stored.
            metrics: What is counted.
            tasks: Where informers run.
        """
        self.client = client
        self.uid = uid
        self.queue = queue
        self.is_held = False
        self._metrics = metrics
        self._tasks = tasks
        self._lookups = Informers(client, tasks)
        self.builder = self.builder_of(settings)
        self._look_up()

    def apply(self, settings: IngestSettings) -> None:
        """Build readers by these settings from now on."""
        self.is_held = False
        before, self.builder = self.builder, self.builder_of(settings)
        if self.builder.enrich == before.enrich:
            self.builder.enrichment = before.enrichment
        else:
            self._lookups.stop()
            self._look_up()

    @cached_property
    def namespaces(self) -> Namespaces:
        """The labels of namespaces, watched from the first question on."""
        informers = Informers(self.client, self._tasks)
        return Namespaces(informers.start(NAMESPACES, Store(keeps_labels=True)))

    def builder_of(self, settings: IngestSettings) -> ReaderBuilder:
        """Return what builds readers by these settings, without lookups."""
        return ReaderBuilder(
            settings,
            self.client,
            cluster=self.uid,
            queue=self.queue,
            metrics=self._metrics,
        )

    def _look_up(self) -> None:
        """Start no informer yet, but know how."""
        asked = self.builder.enrich
        if asked is not None:
            self.builder.enrichment = _build_enrichment(asked, self._lookups)


def _build_enrichment(asked: EnrichConfig, informers: Informers) -> Enrichment:
    """Return the lookups of objects, whose informers start when first asked.

    Args:
        asked: What is looked up, for all sources.
        informers: Starts them.
    """

    def start(resource: Resource) -> Informer:
        store = Store(
            keeps_labels=asked.labels,
            keeps_annotations=frozenset(asked.annotations),
            keeps_owner=asked.owner,
        )
        return informers.start(resource, store)

    found = (find_kind(kind) for kind in asked.kinds)
    return Enrichment([one for one in found if one is not None], start=start)


def build_origins(
    settings: IngestSettings, *, cluster: str, server: str
) -> dict[EventForm, Origin]:
    """Return the origin of events in each form.

    Args:
        settings: Names, prefix and extensions.
        cluster: uid of the cluster.
        server: URL of the API server, which is what ApiServerSource names.
    """
    ours = Origin(
        cluster=settings.cluster_name or cluster,
        type_prefix=settings.events.type_prefix,
        extensions=settings.events.extensions,
    )
    knative = replace(ours, profile="knative", source=server)
    return {
        EventForm(origin.profile, data): replace(origin, data=data)
        for origin in (ours, knative)
        for data in ("object", "reference")
    }
