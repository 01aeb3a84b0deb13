"""Metrics that are read where they are kept, at the moment of the scrape.

The queue keeps books of every sink; for each of them, in each answer::

    queue_depth_at_start + deliveries_routed + deliveries{replayed}
        = deliveries{delivered} + deliveries{dead} + deliveries{purged} + queue_depth

A label is there as long as what it names: a reader that ended, or a sink without rows
that was taken out of the configuration, leaves with the next scrape or restart.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bridge.filters.expressions import ExpressionFailures
from bridge.health import Health, ReaderStatus
from bridge.queue import Queue, Storage, Tally

MEASURE_SECONDS = 1.0
"""How often the queue is measured while something happens in it, …"""

IDLE_MEASURE_SECONDS = 5.0
"""… and while nothing does."""

_SCOPE = ("resource", "namespace")
_LONGEST_LABEL = 200
_SINK_GAUGES: Mapping[str, tuple[str, Callable[[Tally], int]]] = {
    "kubebridge_queue_depth": (
        "Deliveries that wait, leased and delayed ones included.",
        lambda tally: tally.waiting,
    ),
    "kubebridge_queue_depth_at_start": (
        "Deliveries that waited when the queue was opened.",
        lambda tally: tally.begun,
    ),
    "kubebridge_dead_letters": (
        "Dead letters kept.",
        lambda tally: tally.letters,
    ),
}
_OUTCOMES: Mapping[str, Callable[[Tally], int]] = {
    "delivered": lambda tally: tally.delivered,
    "dead": lambda tally: tally.dead,
    "purged": lambda tally: tally.purged,
    "replayed": lambda tally: tally.enqueued,
}


class QueueCollector(Collector):
    """Shows the books of the queue, and how full it is."""

    def __init__(self, queue: Queue, health: Health) -> None:
        """Read `queue`; sinks and readers are those of `health`."""
        self._queue = queue
        self._health = health
        self._storage: Storage | None = None
        self._oldest: Mapping[str, datetime | None] = {}
        self._measured: Mapping[str, Tally] = {}

    async def measure(self) -> None:
        """Call `refresh` until cancelled, more often while something happens."""
        while True:
            has_changed = await self.refresh()
            seconds = MEASURE_SECONDS if has_changed else IDLE_MEASURE_SECONDS
            await asyncio.sleep(seconds)

    async def refresh(self) -> bool:
        """Ask for what only the file knows; the next scrapes show it.

        Returns:
            Whether anything happened in the queue since the last time.
        """
        before, self._measured = self._measured, self._tallies()
        oldest = {}
        for sink in self._measured:
            oldest[sink] = (await self._queue.depth(sink)).oldest
        self._oldest = oldest
        self._storage = await self._queue.storage()
        return self._measured != before

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        tallies = self._tallies()
        for name, (text, value) in _SINK_GAUGES.items():
            yield _gauge(
                name, text, ("sink",), {(s,): value(t) for s, t in tallies.items()}
            )
        yield from _deliveries(tallies)
        now = datetime.now(UTC)
        ages: dict[tuple[str, ...], float] = {
            (sink,): 0.0 if since is None else (now - since).total_seconds()
            for sink, since in self._oldest.items()
        }
        yield _gauge(
            "kubebridge_oldest_pending_seconds",
            "Age of the oldest waiting delivery.",
            ("sink",),
            ages,
        )
        yield from self._room()

    def _tallies(self) -> Mapping[str, Tally]:
        configured = dict.fromkeys(self._health.sinks, Tally())
        return configured | dict(self._queue.tallies())

    def _room(self) -> Iterator[Metric]:
        full = {reader.full_sink for reader in self._health.readers if reader.full}
        sinks = ("", *self._health.sinks, *full)
        yield _gauge(
            "kubebridge_queue_full",
            "1 while the queue takes nothing; `sink`: whose backlog, empty: the file.",
            ("sink",),
            {(sink,): sink in full for sink in sinks},
        )
        if self._storage is None:
            return
        yield GaugeMetricFamily(
            "kubebridge_queue_bytes",
            "What stored rows take.",
            value=self._storage.used_bytes,
        )
        yield GaugeMetricFamily(
            "kubebridge_queue_limit_bytes",
            "What they may take before reading stops (`queue.maxSize`).",
            value=self._storage.max_bytes,
        )


def _deliveries(tallies: Mapping[str, Tally]) -> Iterator[Metric]:
    routed = CounterMetricFamily(
        "kubebridge_deliveries_routed",
        "Deliveries put into the queue by a route, or forwarded as dead letters.",
        labels=["sink"],
    )
    ended = CounterMetricFamily(
        "kubebridge_deliveries",
        "Deliveries that ended (delivered, dead, purged) or began anew (replayed).",
        labels=["sink", "outcome"],
    )
    for sink, tally in tallies.items():
        routed.add_metric([sink], tally.routed)
        for outcome, value in _OUTCOMES.items():
            ended.add_metric([sink, outcome], value(tally))
    yield routed
    yield ended


class ReaderCollector(Collector):
    """Exports the status of the readers."""

    def __init__(self, health: Health) -> None:
        """Read the readers of `health` at the time of each scrape."""
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """See `Collector`."""
        readers = self._health.readers
        watching: dict[tuple[str, ...], float] = {
            (source, reader.resource, reader.namespace): reader.state == "watching"
            for reader in readers
            for source in reader.sources
        }
        yield _gauge(
            "kubebridge_watching",
            "1 while a source is watched; 0: absent, refused, or waiting.",
            ("source", *_SCOPE),
            watching,
        )
        scopes = {
            where: list(some)
            for where, some in groupby(sorted(readers, key=_where), _where)
        }
        for name, (text, value, among) in _READER_GAUGES.items():
            yield _gauge(name, text, _SCOPE, _values(scopes, value, among))


class ExpressionCollector(Collector):
    """Shows how often expressions of filters (`when`) could not be computed."""

    def __init__(self, failures: ExpressionFailures) -> None:
        """Read `failures`, those of the process."""
        self._failures = failures

    def collect(self) -> Iterator[Metric]:
        """See `Collector`; a long expression is known by its beginning."""
        counts: Counter[str] = Counter()
        for text, (count, _) in self._failures.all().items():
            counts[text[:_LONGEST_LABEL]] += count
        family = CounterMetricFamily(
            "kubebridge_filter_errors",
            "Events for which an expression of a filter failed, which is no match.",
            labels=["expression"],
        )
        for text, count in counts.items():
            family.add_metric([text], count)
        yield family


_Value = Callable[[ReaderStatus], float | None]


def _where(reader: ReaderStatus) -> tuple[str, str]:
    return reader.resource, reader.namespace


def _values(
    scopes: Mapping[tuple[str, str], Sequence[ReaderStatus]],
    value: _Value,
    among: Callable[[Iterable[float]], float],
) -> dict[tuple[str, ...], float]:
    """Return a value for each scope; readers of it differ in their selectors only."""
    found: dict[tuple[str, ...], float] = {}
    for where, readers in scopes.items():
        known = [one for one in map(value, readers) if one is not None]
        if known:
            found[where] = among(known)
    return found


def _version(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None


def _moment(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()


_READER_GAUGES: Mapping[str, tuple[str, _Value, Callable[[Iterable[float]], float]]] = {
    "kubebridge_cursor_resource_version": (
        "The stored cursor.",
        lambda one: _version(one.resource_version),
        min,
    ),
    "kubebridge_watch_last_progress_timestamp_seconds": (
        "When the cursor last moved.",
        lambda one: _moment(one.last_progress),
        min,
    ),
    "kubebridge_watch_last_read_timestamp_seconds": (
        "When the API server last said something.",
        lambda one: _moment(one.last_read),
        min,
    ),
    "kubebridge_watch_read_resource_version": (
        "Newest version that was read; beyond the cursor it is not stored yet.",
        lambda one: _version(one.read_version),
        min,
    ),
    "kubebridge_snapshot_changes": (
        "What the last snapshot brought, news or only worth remembering.",
        lambda one: one.snapshot_changes,
        sum,
    ),
    "kubebridge_snapshot_seconds": (
        "How long it took to read, from the first that it brought.",
        lambda one: None if one.snapshot_changes is None else one.snapshot_seconds,
        max,
    ),
    "kubebridge_objects_known": (
        "Objects that are remembered, to find what changed in a gap.",
        lambda one: one.objects,
        sum,
    ),
    "kubebridge_changes_held": (
        "Changes that wait for what is to be known of their object.",
        lambda one: one.held,
        sum,
    ),
}


def _gauge(
    name: str, text: str, labels: Sequence[str], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=list(labels))
    for names, value in values.items():
        family.add_metric(list(names), value)
    return family
