"""What is counted, under names that begin with ``kubebridge_``.

Every way in which a delivery can begin or end has a counter, so that for each sink at
any moment::

    waiting at start + routed + replayed = delivered + dead + purged + waiting
"""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Info

from bridge.durations import DurationHistogram


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchGauges:
    """The gauges of one watch; see `Metrics` for what they mean."""

    cursor_version: Gauge
    last_progress: Gauge
    last_read: Gauge
    read_version: Gauge
    objects_known: Gauge
    changes_held: Gauge
    snapshot_changes: Gauge
    snapshot_seconds: Gauge


SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self, *, version: str) -> None:
        """Register every metric; `version` goes into ``kubebridge_build_info``."""
        registry = CollectorRegistry()
        self.registry = registry
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
            "kubebridge_deliveries_routed",
            "Deliveries put into the queue by a route.",
            ("sink",),
            registry=registry,
        )
        self.deliveries = Counter(
            "kubebridge_deliveries",
            "Deliveries that ended (delivered, dead, purged) or began anew (replayed).",
            ("sink", "outcome"),
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
        self.queue_depth = Gauge(
            "kubebridge_queue_depth",
            "Deliveries that wait, leased and delayed ones included.",
            ("sink",),
            registry=registry,
        )
        self.oldest_pending = Gauge(
            "kubebridge_oldest_pending_seconds",
            "Age of the oldest waiting delivery.",
            ("sink",),
            registry=registry,
        )
        self.dead_letters = Gauge(
            "kubebridge_dead_letters",
            "Dead letters kept.",
            ("sink",),
            registry=registry,
        )
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
        self.queue_bytes = Gauge(
            "kubebridge_queue_bytes", "What stored rows take.", registry=registry
        )
        self.queue_full = Gauge(
            "kubebridge_queue_full",
            "1 while the queue takes nothing; `sink`: whose backlog, empty: the file.",
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
        self.last_progress = Gauge(
            "kubebridge_watch_last_progress_timestamp_seconds",
            "When the cursor last moved.",
            ("resource", "namespace"),
            registry=registry,
        )
        self._register_watch_gauges(registry)
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

    def forget_parts(self) -> None:
        """Drop the gauges of sinks and watches: a new configuration has its own."""
        for gauge in (
            *(self.queue_depth, self.oldest_pending, self.dead_letters),
            *(self.sink_paused, self.sink_state, self.queue_full, self.watching),
            *(self.last_progress, self.cursor_version, self.last_read),
            *(self.read_version, self.snapshot_changes, self.snapshot_seconds),
            *(self.objects_known, self.changes_held),
        ):
            gauge.clear()

    def _register_watch_gauges(self, registry: CollectorRegistry) -> None:
        scope = ("resource", "namespace")
        self.watching = Gauge(
            "kubebridge_watching",
            "1 while a source is watched; 0: absent, refused, silent, or waiting.",
            ("source", *scope),
            registry=registry,
        )
        self.cursor_version = Gauge(
            "kubebridge_cursor_resource_version",
            "The stored cursor.",
            scope,
            registry=registry,
        )
        self.last_read = Gauge(
            "kubebridge_watch_last_read_timestamp_seconds",
            "When the API server last said something.",
            scope,
            registry=registry,
        )
        self.read_version = Gauge(
            "kubebridge_watch_read_resource_version",
            "Newest version that was read; beyond the cursor it is not stored yet.",
            scope,
            registry=registry,
        )
        self.snapshot_changes = Gauge(
            "kubebridge_snapshot_changes",
            "What the last snapshot brought, news or only worth remembering.",
            scope,
            registry=registry,
        )
        self.snapshot_seconds = Gauge(
            "kubebridge_snapshot_seconds",
            "How long it took to read, from the first that it brought.",
            scope,
            registry=registry,
        )
        self.objects_known = Gauge(
            "kubebridge_objects_known",
            "Objects that are remembered, to find what changed in a gap.",
            scope,
            registry=registry,
        )
        self.changes_held = Gauge(
            "kubebridge_changes_held",
            "Changes that wait for what is to be known of their object.",
            scope,
            registry=registry,
        )

    def watch(self, resource: str, namespace: str) -> WatchGauges:
        """Return the gauges of the watch of a resource in a namespace (``*``: all)."""
        where = (resource, namespace)
        return WatchGauges(
            cursor_version=self.cursor_version.labels(*where),
            last_progress=self.last_progress.labels(*where),
            last_read=self.last_read.labels(*where),
            read_version=self.read_version.labels(*where),
            snapshot_changes=self.snapshot_changes.labels(*where),
            snapshot_seconds=self.snapshot_seconds.labels(*where),
            objects_known=self.objects_known.labels(*where),
            changes_held=self.changes_held.labels(*where),
        )
