"""Telemetry of a reader, for the probes, the metrics and the log."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter

from bridge.cluster import (
    Bookmark,
    Change,
    Item,
    Observed,
    Resource,
    Synced,
    WatchEvent,
)
from bridge.cluster.store import Store
from bridge.errors import (
    ClusterError,
    ForbiddenError,
    QueueFullError,
    ThrottledError,
)
from bridge.health import ReaderState, ReaderStatus
from bridge.ingest.checkpoint import Checkpoint
from bridge.ingest.plan import Plan
from bridge.ingest.source import Source
from bridge.logs import Rationed, RepeatedFailure, get_logger
from bridge.metrics import Metrics
from bridge.queue import Entry, Scope

_listed_of = attrgetter("listed")


class ReaderTelemetry:
    """Keeps the status of one reader, and counts and logs what happens to it."""

    def __init__(
        self,
        *,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        status: ReaderStatus,
        metrics: Metrics,
    ) -> None:
        """Bind the parts.

        Args:
            resource: What is read.
            scope: Where.
            sources: For whom.
            status: What the probes and the API see of the reader.
            metrics: What is counted.
        """
        self._resource = resource
        self._sources = sources
        self._status = status
        self._metrics = metrics
        self._log = get_logger(resource=resource.name, namespace=scope.namespace)
        self._failures = RepeatedFailure(self._log, "Watching failed.")
        self._full = RepeatedFailure(self._log, "Queue full, reading stopped.")
        self._skipped = RepeatedFailure(self._log, "Watch line skipped.")
        self._rejected = Rationed(
            self._log.error, "Object could not be converted: kept as a dead letter."
        )
        self._snapshot_changes = 0
        self._snapshot_began: float | None = None
        self._reading: ReaderState = status.state
        """The state, were the queue not full."""

    def cursor_was_set(self) -> None:
        """Note that an operator set the cursor, so that reading starts again."""
        self._become("starting")
        self._log.warning("Cursor was set, reading goes on from there.")

    def syncing(self) -> None:
        """Note that reading begins, at the cursor."""
        self._become("syncing")

    def blocked(self, error: QueueFullError) -> None:
        """Note that the queue takes nothing."""
        self._status.full, self._status.full_sink = str(error), error.sink or ""
        self._become(self._reading)
        self._full.failed(str(error))

    def has_room(self) -> None:
        """Note that the queue takes what is read."""
        if self._status.full:
            self._status.full = self._status.full_sink = ""
            self._full.recovered("Queue has room, reading goes on.")
            self._become(self._reading)

    def begin(self, memory: Checkpoint) -> None:
        """Report the cursor from which reading goes on."""
        self._status.resource_version = memory.cursor
        self._status.read_version = memory.cursor
        self._status.last_progress = memory.moved
        if memory.store is not None:
            self._status.stores[self._resource.name] = memory.store

    def stored(self, plan: Plan) -> None:
        """Report a plan that is stored."""
        self._count(plan)
        self._show(plan)

    def held(self, count: int) -> None:
        """Report how many changes wait for a lookup."""
        self._status.held = count

    def _count(self, plan: Plan) -> None:
        for source in self._sources:
            received = self._metrics.received.labels(source.name, self._resource.name)
            received.inc(plan.received)
            self._metrics.filtered.labels(source.name).inc(plan.filtered)
            self._metrics.unconverted.labels(source.name).inc(plan.unconverted)
        for entry in plan.entries if plan.unconverted else ():
            if entry.error is not None:
                self._rejected.say(partial(_said_of, entry))
        for labels, count in plan.held_back.items():
            self._metrics.held_back.labels(*labels).inc(count)
        for gap in plan.gaps:
            self._metrics.gaps.labels(self._resource.name, gap.cause).inc()
            self._log.error(
                "Gap: revisions may be missing.",
                cause=gap.cause,
                cursor=gap.cursor,
                snapshot=gap.snapshot,
            )

    def _show(self, plan: Plan) -> None:
        now = datetime.now(UTC)
        status = self._status
        status.gaps += len(plan.gaps)
        if plan.to != status.resource_version:
            status.resource_version = plan.to
            status.last_progress = now
        if plan.synced and not status.started:
            status.started = True
            self._log.info("Watching.", resource_version=plan.to)
        if plan.synced:
            self._become("watching")

    def read(self, batch: Sequence[Item], store: Store | None) -> None:
        """Report a batch that was read, and how many objects are known."""
        now = datetime.now(UTC)
        self._status.last_read = now
        self._measure(batch)
        if store is not None:
            self._status.objects = len(store)

    def _measure(self, batch: Sequence[Item]) -> None:
        last = batch[-1]
        if isinstance(last, Change | Bookmark | Synced) and not _is_listed(last):
            self._status.read_version = last.resource_version
        if set(map(type, batch)) == {Change} and not any(map(_listed_of, batch)):
            return  # nothing but what a watch brought: nearly always
        listed = sum(map(_is_listed, batch))
        if listed:
            self._snapshot_began = self._snapshot_began or time.monotonic()
            self._snapshot_changes += listed
        if any(isinstance(item, Synced) for item in batch):
            began = self._snapshot_began or time.monotonic()
            self._status.snapshot_changes = self._snapshot_changes
            self._status.snapshot_seconds = time.monotonic() - began
            self._snapshot_changes, self._snapshot_began = 0, None

    def trouble(self, error: ClusterError | None) -> None:
        """Report an error of the watch; None: it works again."""
        status = self._status
        if error is None:
            status.error = ""
            self._become("watching" if status.started else "syncing")
            self._failures.recovered("Watching again.")
            return
        status.error = str(error)
        self._become("failed" if isinstance(error, ForbiddenError) else "waiting")
        self._failures.failed(str(error))
        if isinstance(error, ThrottledError):
            seconds = error.retry_after_seconds or 0.0
            self._metrics.throttled.labels(self._resource.name).inc(seconds)

    def _become(self, state: ReaderState) -> None:
        """Show a state, or `blocked` for as long as the queue is full."""
        self._reading = state
        self._status.state = "blocked" if self._status.full else state

    def happened(self, happening: WatchEvent) -> None:
        """Count an event of the watch."""
        self._metrics.watch_restarts.labels(self._resource.name, happening).inc()
        if happening == "line-skipped":
            self._skipped.failed("expected a known type and a resourceVersion")


def _said_of(entry: Entry) -> dict[str, str | None]:
    known = "unknown" if entry.encoded is None else entry.encoded.id
    return {"id": known, "error": entry.error}


def _is_listed(item: Item) -> bool:
    return isinstance(item, Observed) or (isinstance(item, Change) and item.listed)
