"""All parts of one configuration, nested in the order in which they have to stop.

Readers stop first, senders drain for the grace time, the queue closes last. A part
that fails ends all of them: the process manager starts the process again, and nothing
is lost.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import bridge
from bridge.api import LazyApi
from bridge.api.auth import token_reader
from bridge.api.collectors import (
    ExpressionCollector,
    QueueCollector,
    ReaderCollector,
)
from bridge.api.context import ApiContext
from bridge.api.server import Endpoint, is_loopback
from bridge.app.stores import OpenStore
from bridge.cluster.client import ClusterClient
from bridge.config import Config, describe, find_problems
from bridge.config.parts import destinations_of, find_unusable, ingest_settings
from bridge.events.origin import Origin
from bridge.filters.expressions import failures
from bridge.ingest.cluster_readers import ClusterReaders
from bridge.journal.journal import Journal
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.operate import DeliveryStore
from bridge.operate.backfill import Backfill
from bridge.operate.probe import UNNAMED
from bridge.sinks.http.sink import build_consent
from bridge.sinks.transports.egress import Egress, api_server_denied


@dataclass(slots=True, kw_only=True)
class PreparedParts:
    """The parts that one configuration runs on.

    Attributes:
        config: The configuration.
        closing: Closes the parts, the queue last.
        endpoint: Where the API is served; None: the configuration before this one
            holds the port, on another host, and has to leave it first.
        store: The open queue, and its senders.
        readers: The readers of the cluster; their client may not be open yet.
        journal: The journal of attempts.
        egress: The addresses that sinks may connect to.
        metrics: Counters of the process.
    """

    config: Config
    closing: AsyncExitStack
    endpoint: Endpoint | None
    store: OpenStore
    readers: ClusterReaders
    journal: Journal
    egress: Egress
    metrics: Metrics


class Life:
    """The parts of one configuration at work.

    ::

        starting ──▶ reading, delivering, API ──stop──▶ draining, API ──▶ over
           │                   └──────────────replace──▶ draining ───────▶ over
           └─ failed: `run` raises, `has_begun` is False

    Readers and senders belong to the open queue, not to a life: the next life changes
    them as its settings ask. A life stops the readers, and drains the senders, if it is
    the last one that uses them.
    """

    def __init__(
        self, parts: PreparedParts, *, show: Callable[[LazyApi], None]
    ) -> None:
        """Begin nothing yet; `show` lets an API answer from then on."""
        self.parts = parts
        self._show = show
        self.has_begun = False
        """Whether all parts were started."""

        self.failure: Exception | None = None
        """Error of the start; None: there was none."""

        self.is_settled = asyncio.Event()
        """Set once `has_begun` or `failure` will not change any more."""

        self.has_left = asyncio.Event()
        """Set once all readers that the next life does not use have stopped."""

        self._figures = QueueCollector(parts.store.queue, parts.store.health)
        self._stop = asyncio.Event()
        self._is_replaced = False
        self._task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Read no more, deliver for the grace time, and end; at once if starting."""
        self._stop.set()
        if not self.has_begun:
            self.cut()

    def replace(self) -> None:
        """Leave readers, port and senders to the next life."""
        self._is_replaced = True
        self._stop.set()

    def cut(self) -> None:
        """End at once; attempts under way go back to the queue."""
        if self._task is not None:
            self._task.cancel()

    async def run(self, message: str, **fields: object) -> None:
        """Run the parts until stopped, then close them.

        Args:
            message: Line that is logged once all parts are started.
            fields: Its fields, beside those of the configuration.

        Raises:
            KubebridgeError: A part failed; alone or in an ExceptionGroup.
        """
        self._task = asyncio.current_task()
        try:
            async with self.parts.closing:
                if not self._stop.is_set():
                    await self._run(message, fields)
        except Exception as error:  # of any part: whoever began the life is told
            if self.has_begun:
                raise
            self.failure = error
        finally:
            for event in (self.is_settled, self.has_left):
                event.set()

    async def _run(self, message: str, fields: Mapping[str, object]) -> None:
        parts = self.parts
        await self._start()
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(), name="watch")
            client = await parts.readers.open()
            async with api_server_denied(parts.egress, client.server):
                get_logger().info(message, **fields, **_described(parts, client))
                self._show_figures()
                self.has_begun = True
                self.is_settled.set()
                await parts.readers.start()
                await self._stop.wait()
                await self._leave(watching)
            watching.cancel()

    async def _start(self) -> None:
        """Start all parts that do not wait for the API server.

        Readers whose settings change stop before the senders change: their events would
        go to sinks that are gone.
        """
        parts, config = self.parts, self.parts.config
        store, settings = parts.store, ingest_settings(config)
        await parts.readers.stop_changed(settings)
        await store.queue.resize(config.queue)
        await store.senders.apply(
            destinations_of(config, egress=parts.egress, metrics=parts.metrics),
            grace_seconds=config.grace,
            slots=config.delivery.concurrency,
            record=parts.journal.add,
        )
        store.health.sinks = store.senders.statuses
        supervisor = parts.readers.apply(settings)
        if not parts.metrics.is_showing:
            self._show_figures()
        backfill = Backfill(supervisor, queue=store.queue, metrics=parts.metrics)
        self._show(_build_api(parts, backfill))

    def _show_figures(self) -> None:
        """Show the figures of this life in the metrics, and of no other."""
        readers = ReaderCollector(self.parts.store.health)
        expressions = ExpressionCollector(failures)
        self.parts.metrics.show(self._figures, readers, expressions)

    async def _watch(self) -> None:
        """Show that the event loop responds, and measure the queue."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.parts.store.health.beat(), name="heartbeat")
            tasks.create_task(self._figures.measure(), name="measure")

    async def _leave(self, watching: asyncio.Task[None]) -> None:
        """End what the next life does not use; without a next life, everything."""
        store, readers = self.parts.store, self.parts.readers
        if self._is_replaced:
            watching.cancel()  # the next life's figures are shown
        else:
            store.health.stopping = True
        # With another user the next life says what is read and delivered.
        if not self._is_replaced or readers.users == 1:
            await readers.stop()
        self.has_left.set()
        if not self._is_replaced or store.users == 1:
            await store.senders.drain()


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
        queue=parts.store.queue, journal=parts.journal, health=parts.store.health
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
        token=token_reader(config.server.token),
        loopback=is_loopback(config.server.host),
        version=bridge.__version__,
    )
