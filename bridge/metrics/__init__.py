"""Declare all metrics, under names that begin with ``kubebridge_``.

Every way in which a delivery can begin or end has a counter, so that for each sink at
any moment::

    waiting at start + routed + replayed = delivered + dead + purged + waiting

These are the queue's own books; they and what readers say of themselves are collected
in `bridge.api.collectors`. Here is what has to be counted where it happens.
"""

from collections.abc import Collection

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.registry import Collector

from bridge.metrics.durations import DurationHistogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self, *, version: str) -> None:
        """Register every metric; `version` goes into ``kubebridge_build_info``."""
        # A series beside each counter that nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # not ours
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.registry = registry
        self._shown: tuple[Collector, ...] = ()
        self.received = Counter(
            "kubebridge_events_received",
            "Changes read from the API server.",
            ("source", "resource"),
            registry=registry,
        )
        self.filtered = Counter(
            "kubebridge_events_filtered",
            "Events that no route wanted.",
            ("source",),
            registry=registry,
        )
        self.unconverted = Counter(
            "kubebridge_events_unconverted",
            "Objects that could not become an event and were kept as dead letters.",
            ("source",),
            registry=registry,
        )
        self.routed = Counter(
            "kubebridge_events_routed",
            "Events that a route chose.",
            ("route",),
            registry=registry,
        )
        self.held_back = Counter(
            "kubebridge_held_back",
            "Events that a route wanted and noise control held back.",
            ("route", "stage"),
            registry=registry,
        )
        self.attempts = Counter(
            "kubebridge_attempts",
            "Attempts to deliver, by class of status or kind of failure.",
            ("sink", "code_class"),
            registry=registry,
        )
        self.oversized = Counter(
            "kubebridge_events_oversized",
            "Events beyond `size.max` of a sink, once it took or refused them.",
            ("sink", "policy"),
            registry=registry,
        )
        self.delivery_seconds = DurationHistogram(
            "kubebridge_delivery_seconds",
            "From the commit of an event to its 2xx.",
            "sink",
            buckets=SECONDS,
            registry=registry,
        )
        self.api_refused = Counter(
            "kubebridge_api_connections_refused",
            "Connections to the API's port that were closed: malformed (no HTTP), "
            "large (its head), slow, crowded (a newer one needed the place).",
            ("reason",),
            registry=registry,
        )
        self._register_gauges(registry)
        self.build = Info("kubebridge_build", "The program.", registry=registry)
        self.build.info({"version": version})

    def _register_gauges(self, registry: CollectorRegistry) -> None:
        self.sink_paused = Gauge(
            "kubebridge_sink_paused",
            "1 while an operator is needed.",
            ("sink",),
            registry=registry,
        )
        self.sink_state = Gauge(
            "kubebridge_sink_state",
            "1 for the state in which a sink is.",
            ("sink", "state"),
            registry=registry,
        )
        self.breaker_openings = Counter(
            "kubebridge_breaker_openings",
            "How often the breaker of a sink opened.",
            ("sink",),
            registry=registry,
        )
        self.journal_recording = Gauge(
            "kubebridge_journal_recording",
            "1 while attempts are recorded for people to look at; 0: they cannot be.",
            registry=registry,
        )
        self.journal_dropped = Counter(
            "kubebridge_journal_dropped",
            "Attempts that were not recorded; their deliveries went on.",
            registry=registry,
        )
        self.watch_restarts = Counter(
            "kubebridge_watch_restarts",
            "Watches that ended, by reason.",
            ("resource", "reason"),
            registry=registry,
        )
        self.throttled = Counter(
            "kubebridge_watch_throttled_seconds",
            "How long the API server asked to be left alone (429).",
            ("resource",),
            registry=registry,
        )
        self.gaps = Counter(
            "kubebridge_gaps",
            "Gaps announced: revisions may be missing.",
            ("resource", "cause"),
            registry=registry,
        )
        self.reload_success = Gauge(
            "kubebridge_config_reload_success",
            "1 if the last configuration read was usable; 0: an older one goes on.",
            registry=registry,
        )
        self.last_reload = Gauge(
            "kubebridge_config_last_reload_success_timestamp_seconds",
            "When the configuration in force began to be used.",
            registry=registry,
        )

    def forget_sinks_but(self, names: Collection[str]) -> None:
        """Drop the gauges of sinks that are not configured any more."""
        for gauge in (self.sink_paused, self.sink_state):
            for metric in gauge.collect():
                gone = {tuple(one.labels.values()) for one in metric.samples}
                for labels in gone:
                    if labels[0] not in names:
                        gauge.remove(*labels)

    @property
    def is_showing(self) -> bool:
        """Whether there are parts whose figures are shown."""
        return bool(self._shown)

    def show(self, *collectors: Collector) -> None:
        """Show what these collect from now on, instead of what was shown before."""
        for collector in self._shown:
            self.registry.unregister(collector)
        for collector in collectors:
            self.registry.register(collector)
        self._shown = collectors
