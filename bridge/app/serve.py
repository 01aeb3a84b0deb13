"""All parts of one configuration, nested in the order in which they have to stop.

Intake stops first, deliveries drain for the grace time, the queue closes last. A part
that fails ends all of them; whoever started the process starts it again, and nothing
is lost.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping

import bridge
from bridge.api import LazyApi
from bridge.api.collectors import (
    ExpressionCollector,
    QueueCollector,
    ReaderCollector,
)
from bridge.api.context import ApiContext
from bridge.api.server import is_loopback
from bridge.app.build import (
    PreparedParts,
    build_consent,
    build_destinations,
    ingest_settings,
    open_cluster,
    read_token,
)
from bridge.app.checks import find_unusable
from bridge.cluster.client import ClusterClient
from bridge.config import describe, find_problems
from bridge.events.origin import Origin
from bridge.filters.expressions import failures
from bridge.health import Health
from bridge.ingest.supervisor import ReaderSupervisor
from bridge.logs import get_logger
from bridge.operate import DeliveryStore
from bridge.operate.backfill import Backfill
from bridge.operate.probe import UNNAMED
from bridge.sinks.transports.egress import api_server_denied

BEAT_SECONDS = 5.0
"""How often the loop shows that it turns; probes allow 30 s."""

MEASURE_SECONDS = 1.0
"""How often the queue is measured while something happens in it, …"""

IDLE_MEASURE_SECONDS = 5.0
"""… and while nothing does."""


class Life:
    """The parts of one configuration at work.

    ::

        starting ──▶ reading, delivering, API ──stop──▶ draining, API ──▶ over
           │                   └──────────────replace──▶ draining ───────▶ over
           └─ failed: `run` raises, `has_begun` is False

    The senders belong to the queue, not to a life: the next life changes them as its
    settings ask. A life drains them if it is the last one that uses its queue.
    """

    def __init__(
        self, parts: PreparedParts, *, show: Callable[[LazyApi], None]
    ) -> None:
        """Begin nothing yet; `show` lets an API answer from then on."""
        self.parts = parts
        self._show = show
        self.has_begun = False
        """Whether the parts have come to work."""

        self.failure: Exception | None = None
        """Why they have not; None: nothing went wrong."""

        self.is_settled = asyncio.Event()
        """Set once `has_begun` or `failure` will not change any more."""

        self.has_left = asyncio.Event()
        """Set once nothing is read any more, so that the next life may read."""

        self._figures = QueueCollector(parts.store.queue, parts.health)
        self._stop = asyncio.Event()
        self._is_replaced = False
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Read no more, deliver for the grace time, and end; at once if starting."""
        self._stop.set()
        if not self.has_begun:
            self.cut()

    def replace(self) -> None:
        """Leave reading, port and senders to the next life."""
        self._is_replaced = True
        self._stop.set()

    def cut(self) -> None:
        """End at once; attempts under way go back to the queue."""
        if self._task is not None:
            self._task.cancel()

    async def run(self, message: str, **fields: object) -> None:
        """Run the parts until told to stop, then close them.

        Args:
            message: Logged once they work,
            fields: with these fields, and those of the configuration.

        Raises:
            KubebridgeError: A part failed; alone or in an ExceptionGroup.
        """
        self._task = asyncio.current_task()
        try:
            async with self.parts.closing:
                if not self._stop.is_set():
                    await self._run(message, fields)
        except Exception as error:
            if self.has_begun:
                raise
            self.failure = error
        finally:
            for event in (self.is_settled, self.has_left):
                event.set()

    async def _run(self, message: str, fields: Mapping[str, object]) -> None:
        parts = self.parts
        supervisor = await self._start()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(), name="watch")
            client = parts.client
            if client is None:
                opening = open_cluster(parts.config.cluster)
                client = await parts.closing.enter_async_context(opening)
            async with api_server_denied(parts.egress, client.server):
                get_logger().info(message, **fields, **_described(parts, client))
                self._show_figures()
                self.has_begun = True
                self.is_settled.set()
                await self._run_loops(client, supervisor, watching)
            watching.cancel()

    async def _start(self) -> ReaderSupervisor:
        """Start all parts that do not wait for the API server."""
        parts, config = self.parts, self.parts.config
        queue, senders = parts.store.queue, parts.store.senders
        await queue.resize(config.queue)
        await senders.apply(
            build_destinations(config, egress=parts.egress, metrics=parts.metrics),
            grace_seconds=config.grace,
            slots=config.delivery.concurrency,
            record=parts.journal.add,
        )
        parts.health.sinks = senders.statuses
        if not parts.metrics.is_showing:
            self._show_figures()
        supervisor = ReaderSupervisor(
            ingest_settings(config),
            queue=queue,
            health=parts.health,
            metrics=parts.metrics,
        )
        backfill = Backfill(supervisor, queue=queue, metrics=parts.metrics)
        self._show(_build_api(parts, backfill))
        return supervisor

    def _show_figures(self) -> None:
        """Show the figures of this life in the metrics, and of no other."""
        readers = ReaderCollector(self.parts.health)
        expressions = ExpressionCollector(failures)
        self.parts.metrics.show(self._figures, readers, expressions)

    async def _watch(self) -> None:
        """Show that the loop turns, and measure the queue."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_beat(self.parts.health), name="heartbeat")
            tasks.create_task(_measure(self._figures), name="measure")

    async def _run_loops(
        self,
        client: ClusterClient,
        supervisor: ReaderSupervisor,
        watching: asyncio.Task[None],
    ) -> None:
        await self._ingest(client, supervisor)
        if self._is_replaced:  # the next life's figures are shown
            watching.cancel()
        self.has_left.set()
        # With another user it is the next life that tells the senders what to do.
        if not self._is_replaced or self.parts.store.users == 1:
            await self.parts.store.senders.drain()

    async def _ingest(
        self, client: ClusterClient, supervisor: ReaderSupervisor
    ) -> None:
        parts = self.parts
        async with asyncio.TaskGroup() as ingesting:
            reading = ingesting.create_task(supervisor.run(client), name="ingest")
            await self._stop.wait()
            parts.health.stopping = not self._is_replaced
            reading.cancel()


def _described(parts: PreparedParts, client: ClusterClient) -> dict[str, object]:
    """Return the fields of the log line with which a life begins."""
    return {
        "cluster": parts.config.cluster.name,
        "server": client.server,
        "queue": str(parts.config.queue.path),
        "sinks": [sink.name for sink in parts.config.sinks],
        "api": parts.endpoint and parts.endpoint.url,
    }


def _build_api(parts: PreparedParts, backfill: Backfill) -> LazyApi:
    config = parts.config
    senders = parts.store.senders
    store = DeliveryStore(
        queue=parts.store.queue, journal=parts.journal, health=parts.health
    )
    context = ApiContext(
        store=store,
        backfill=backfill,
        metrics=parts.metrics,
        controls=senders.senders,
        origin=Origin(
            cluster=config.cluster.name or UNNAMED,
            type_prefix=config.events.type_prefix,
            extensions=config.events.extensions,
        ),
        sources=[source.name for source in config.sources],
        routes=config.routes,
        describe_config=lambda: describe(config),
        check_config=lambda text: find_problems(
            text, name="body", env=os.environ, check=find_unusable
        ),
        take_consent=build_consent(senders.sinks),
    )
    return LazyApi(
        context,
        token=read_token(config),
        loopback=is_loopback(config.server.host),
        version=bridge.__version__,
    )


async def _beat(health: Health) -> None:
    while True:
        health.last_beat = time.monotonic()
        await asyncio.sleep(BEAT_SECONDS)


async def _measure(figures: QueueCollector) -> None:
    while True:
        has_changed = await figures.refresh()
        await asyncio.sleep(MEASURE_SECONDS if has_changed else IDLE_MEASURE_SECONDS)
