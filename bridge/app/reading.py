"""Starts one reader for each scope, once it is known which cluster is there."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bridge.cluster import CORE_EVENTS
from bridge.cluster.client import ClusterClient
from bridge.cluster.watch import list_and_watch
from bridge.config import Config, SourceConfig
from bridge.errors import ClusterError, ConfigError
from bridge.events.convert import Origin
from bridge.filters.routes import Router
from bridge.health import Health, ReaderStatus
from bridge.ingest import Profile, Reader, Source, Watch, adopt_scopes, check_identity
from bridge.logs import RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue, Scope
from bridge.retry import Backoff

EVERYWHERE = "*"
"""Stands for all namespaces in a scope."""


def scopes_of(source: SourceConfig, *, cluster: str) -> list[Scope]:
    """Return the scopes that a source reads: one for each namespace it names."""
    return [
        Scope(
            cluster=cluster,
            resource=CORE_EVENTS.name,
            namespace=namespace,
            field_selector=source.field_selector,
            label_selector=source.label_selector,
        )
        for namespace in source.namespaces or (EVERYWHERE,)
    ]


def sources_by_scope(config: Config, *, cluster: str) -> dict[Scope, list[Source]]:
    """Return what each reader reads, and for whom: sources may share a scope."""
    readers: dict[Scope, list[Source]] = {}
    for source in config.sources:
        for scope in scopes_of(source, cluster=cluster):
            one = Source(
                name=source.name,
                emits_initial=source.initial == "emit",
                keeps_all=source.keep == "all",
            )
            readers.setdefault(scope, []).append(one)
    return readers


def reader_statuses(config: Config) -> list[ReaderStatus]:
    """Return a status for each reader to be, in the order of `sources_by_scope`."""
    return [
        ReaderStatus(
            sources=tuple(source.name for source in sources),
            resource=scope.resource,
            namespace=scope.namespace,
            field_selector=scope.field_selector,
            label_selector=scope.label_selector,
        )
        for scope, sources in sources_by_scope(config, cluster="").items()
    ]


def build_origins(
    config: Config, *, cluster: str, server: str
) -> dict[Profile, Origin]:
    """Return where events come from, as each profile says it.

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
    return {"kubebridge": ours, "knative": knative}


async def read_cluster(
    client: ClusterClient,
    *,
    config: Config,
    queue: Queue,
    router: Router,
    health: Health,
    metrics: Metrics,
) -> None:
    """Read every scope of the configuration until cancelled."""
    uid = await _identify(client, queue=queue, name=config.cluster.name, health=health)
    readers = sources_by_scope(config, cluster=uid)
    await adopt_scopes(queue, list(readers))
    origins = build_origins(config, cluster=uid, server=client.server)
    async with asyncio.TaskGroup() as tasks:
        for (scope, sources), status in zip(
            readers.items(), health.readers, strict=True
        ):
            reader = Reader(
                watch=_watch(client, scope, sources),
                resource=CORE_EVENTS,
                scope=scope,
                sources=sources,
                router=router,
                profiles={sink.name: sink.profile for sink in config.sinks},
                origins=origins,
                queue=queue,
                health=health,
                status=status,
                metrics=metrics,
            )
            tasks.create_task(reader.run(), name=f"reader {scope.namespace}")


def _watch(client: ClusterClient, scope: Scope, sources: Sequence[Source]) -> Watch:
    return partial(
        list_and_watch,
        client,
        CORE_EVENTS,
        namespace=None if scope.namespace == EVERYWHERE else scope.namespace,
        field_selector=scope.field_selector,
        label_selector=scope.label_selector,
        initial="emit" if any(one.emits_initial for one in sources) else "skip",
    )


async def _identify(
    client: ClusterClient, *, queue: Queue, name: str | None, health: Health
) -> str:
    """Return the cluster's uid, however long it takes until one is acceptable."""
    backoff = Backoff()
    failures = RepeatedFailure(get_logger(server=client.server), "No cluster yet.")
    while True:
        try:
            cluster = await client.cluster_uid()
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
                    "Cluster identified by CA and URL: get on namespace kube-system "
                    "is refused, so a new CA will look like a new cluster."
                )
            return cluster.uid
