"""All parts of one configuration, nested in the order in which they have to stop.

Intake stops first, deliveries drain for the grace time, the queue closes last. A part
that fails ends all of them; whoever started the process starts it again, and nothing
is lost.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

import bridge
from bridge.api import create_api
from bridge.app.backfill import Backfill
from bridge.app.deliveries import build_deliveries
from bridge.app.egress import api_server_denied
from bridge.app.parts import (
    build_consent,
    build_egress,
    build_router,
    build_sinks,
    open_journal,
    open_queue,
    read_token,
)
from bridge.app.reading import read_cluster
from bridge.app.server import bind, is_loopback, serving, url_of
from bridge.app.unread import reader_statuses
from bridge.cluster.client import ClusterClient
from bridge.config import ClusterConfig, Config, describe, find_problems
from bridge.deliver import SinkDelivery
from bridge.health import Health, SinkStatus
from bridge.journal.journal import Journal
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue import Queue
from bridge.sinks import Sink
from bridge.sinks.egress import Egress

BEAT_SECONDS = 1.0
"""How often the loop shows that it turns, and how often gauges are set."""


async def serve(config: Config, *, stop: asyncio.Event) -> None:
    """Run all parts until `stop` is set.

    Raises:
        KubebridgeError: A part failed; alone or in an ExceptionGroup.
    """
    metrics = Metrics(version=bridge.__version__)
    health = Health(
        readers=reader_statuses(config),
        sinks={sink.name: SinkStatus(name=sink.name) for sink in config.sinks},
    )
    metrics.reload_success.set(1)
    listener = bind(config.server.host, config.server.port)
    egress = build_egress(config.egress)
    async with (
        open_queue(config.queue) as queue,
        open_journal(config, metrics) as journal,
        build_sinks(config, egress=egress, metrics=metrics) as sinks,
    ):
        backfill = Backfill(
            config, router=build_router(config), queue=queue, metrics=metrics
        )
        deliveries = build_deliveries(
            config,
            sinks,
            queue=queue,
            health=health,
            metrics=metrics,
            record=journal.add,
        )
        api = _build_api(
            config,
            queue=queue,
            sinks=sinks,
            journal=journal,
            backfill=backfill,
            health=health,
            metrics=metrics,
            deliveries=deliveries,
        )
        async with (
            serving(api, listener),
            _watched(queue=queue, health=health, metrics=metrics),
            _cluster(config.cluster, egress) as client,
        ):
            get_logger().info(
                "Started.", version=bridge.__version__, api=url_of(listener)
            )
            await _run_loops(
                config,
                client=client,
                queue=queue,
                deliveries=deliveries,
                backfill=backfill,
                health=health,
                metrics=metrics,
                stop=stop,
            )
    get_logger().info("Stopped.")


def _build_api(
    config: Config,
    *,
    queue: Queue,
    sinks: Sequence[Sink],
    journal: Journal,
    backfill: Backfill,
    health: Health,
    metrics: Metrics,
    deliveries: Mapping[str, SinkDelivery],
) -> FastAPI:
    return create_api(
        queue=queue,
        journal=journal,
        backfill=backfill,
        health=health,
        metrics=metrics,
        controls=deliveries,
        describe_config=lambda: describe(config),
        check_config=lambda text: find_problems(text, name="body", env=os.environ),
        take_consent=build_consent(sinks),
        token=read_token(config),
        loopback=is_loopback(config.server.host),
        version=bridge.__version__,
    )


@asynccontextmanager
async def _cluster(
    config: ClusterConfig, egress: Egress
) -> AsyncIterator[ClusterClient]:
    """Yield the cluster, to which nothing is delivered."""
    async with (
        ClusterClient.open(
            kubeconfig=config.kubeconfig, context=config.context
        ) as client,
        api_server_denied(egress, client.server),
    ):
        yield client


async def _run_loops(
    config: Config,
    *,
    client: ClusterClient,
    queue: Queue,
    deliveries: Mapping[str, SinkDelivery],
    backfill: Backfill,
    health: Health,
    metrics: Metrics,
    stop: asyncio.Event,
) -> None:
    await _open_sinks(config, queue)
    drain = asyncio.Event()
    async with asyncio.TaskGroup() as delivering:
        for name, delivery in deliveries.items():
            delivering.create_task(
                delivery.run(stop=drain, grace_seconds=config.grace),
                name=f"deliver {name}",
            )
        try:
            await _ingest(
                config,
                client=client,
                queue=queue,
                backfill=backfill,
                health=health,
                metrics=metrics,
                stop=stop,
            )
        finally:
            drain.set()


async def _ingest(
    config: Config,
    *,
    client: ClusterClient,
    queue: Queue,
    backfill: Backfill,
    health: Health,
    metrics: Metrics,
    stop: asyncio.Event,
) -> None:
    async with asyncio.TaskGroup() as ingesting:
        reading = ingesting.create_task(
            read_cluster(
                client,
                config=config,
                queue=queue,
                router=build_router(config),
                health=health,
                metrics=metrics,
                backfill=backfill,
            ),
            name="ingest",
        )
        await stop.wait()
        health.stopping = True
        reading.cancel()


async def _open_sinks(config: Config, queue: Queue) -> None:
    for sink in config.sinks:
        await queue.open_sink(
            sink.name,
            ordering=sink.ordering,
            max_backlog=sink.max_backlog,
            on_full=sink.on_full,
        )
    configured = {sink.name for sink in config.sinks}
    for name in await queue.sinks():
        depth = await queue.depth(name)
        if name not in configured and depth.waiting:
            get_logger().warning(
                "Deliveries wait for a sink that is not configured.",
                sink=name,
                waiting=depth.waiting,
            )


@asynccontextmanager
async def _watched(
    *, queue: Queue, health: Health, metrics: Metrics
) -> AsyncIterator[None]:
    """Show that the loop turns, and set the gauges, until the block is left."""
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(_beat(health), name="heartbeat")
        gauging = tasks.create_task(_gauge(queue, health, metrics), name="gauges")
        try:
            yield
        finally:
            beating.cancel()
            gauging.cancel()


async def _beat(health: Health) -> None:
    while True:
        health.last_beat = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)


async def _gauge(queue: Queue, health: Health, metrics: Metrics) -> None:
    while True:
        await _set_gauges(queue, health, metrics)
        _set_watching(health, metrics)
        await asyncio.sleep(BEAT_SECONDS)


async def _set_gauges(queue: Queue, health: Health, metrics: Metrics) -> None:
    now = datetime.now(UTC)
    for sink in health.sinks.keys() | set(await queue.sinks()):
        depth = await queue.depth(sink)
        metrics.queue_depth.labels(sink).set(depth.waiting)
        metrics.dead_letters.labels(sink).set(depth.dead)
        age = (now - depth.oldest).total_seconds() if depth.oldest else 0.0
        metrics.oldest_pending.labels(sink).set(age)
    storage = await queue.storage()
    metrics.queue_bytes.set(storage.used_bytes)


def _set_watching(health: Health, metrics: Metrics) -> None:
    metrics.watching.clear()  # readers come and go
    for reader in health.readers:
        is_watching = reader.state == "watching"
        for source in reader.sources:
            where = (source, reader.resource, reader.namespace)
            metrics.watching.labels(*where).set(is_watching)
