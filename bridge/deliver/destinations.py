"""Destinations: the sinks of the settings, and how events are delivered to each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from bridge.deliver.settings import (
    HttpSinkConfig,
    SenderConfig,
    SinkConfig,
    StdoutSinkConfig,
)
from bridge.metrics import Metrics
from bridge.net.urls import shown_url
from bridge.queue import Ordering
from bridge.sinks import Sink
from bridge.sinks.http.auth import build_auth
from bridge.sinks.http.settings import BatchConfig
from bridge.sinks.http.signing import build_signer
from bridge.sinks.http.sink import HttpSink
from bridge.sinks.stdout import StdoutSink
from bridge.sinks.transports.egress import Egress


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A sink of the configuration, and how events are delivered to it.

    Equal destinations need no new sender.

    Attributes:
        name: Name of the sink.
        settings: All settings of the sink.
        ordering: Which deliveries may overtake each other.
        concurrency: Most attempts under way at once.
        batch: Events and bytes of an attempt, and its linger; None: as many events as
            the sink takes, of any size.
        address: URL of the sink without secrets, for dead letters.
        surroundings: Whatever else the sink is built from.
        build: Makes the sink; connects nowhere.
    """

    name: str
    settings: SenderConfig
    ordering: Ordering
    concurrency: int
    batch: BatchConfig | None
    address: str
    surroundings: object = None
    build: Callable[[], Sink] = field(compare=False)

    @property
    def run(self) -> int:
        """Most events that may be under way at once in the order of the sink."""
        return 1 if self.batch is None else self.batch.size


def build_destinations(
    sinks: Sequence[SinkConfig],
    orderings: Mapping[str, Ordering],
    *,
    egress: Egress,
    metrics: Metrics,
) -> Sequence[Destination]:
    """Return the destinations of events, in the order of the settings.

    Args:
        sinks: Settings of the sinks.
        orderings: The order in force of each sink, by its name.
        egress: Where connections may lead.
        metrics: Counters that sinks share.
    """
    return [
        Destination(
            name=one.name,
            settings=one,
            ordering=orderings[one.name],
            concurrency=_concurrency(one, orderings[one.name]),
            batch=batch_of(one),
            address=_address(one),
            surroundings=egress,
            build=partial(build_sink, one, egress, metrics),
        )
        for one in sinks
    ]


def _concurrency(config: SinkConfig, ordering: Ordering) -> int:
    """Return how many attempts may be under way at once."""
    if not isinstance(config, HttpSinkConfig) or ordering == "sink":
        return 1
    return config.concurrency


def batch_of(config: SinkConfig) -> BatchConfig | None:
    """Return the settings of batches; None: the sink sends none.

    A size limit under which everything is sent does not bound them.
    """
    if not isinstance(config, HttpSinkConfig) or config.mode != "batch":
        return None
    if config.size.policy == "send":
        return config.batch
    most = min(config.batch.bytes, config.size.max)
    return config.batch.model_copy(update={"bytes": most})


def _address(config: SinkConfig) -> str:
    """Return the URL of a sink without its secrets."""
    if not isinstance(config, HttpSinkConfig):
        return "stdout:"
    if not isinstance(config.url, str):
        return f"urn:kubebridge:sink:{config.name}"
    return shown_url(config.url)


def build_sink(config: SinkConfig, egress: Egress, metrics: Metrics) -> Sink:
    """Return the sink that the configuration describes; it connects nowhere yet.

    Raises:
        ConfigError: A proxy, its own or the environment's, is no HTTP proxy.
    """
    match config:
        case StdoutSinkConfig():
            return StdoutSink(name=config.name, timeout_seconds=config.timeout_or(15.0))
        case HttpSinkConfig():
            return _build_http_sink(config, egress, metrics)
        case _:
            assert_never(config)


def _build_http_sink(
    config: HttpSinkConfig, egress: Egress, metrics: Metrics
) -> HttpSink:
    timeout = config.timeout_or(config.timeout)
    return HttpSink(
        config,
        auth=build_auth(config.auth, timeout_seconds=timeout, egress=egress),
        sign=build_signer(config.sign),
        timeout_seconds=timeout,
        retry_after_max_seconds=config.retry.retry_after_max,
        count_oversized=metrics.oversized.labels(config.name, config.size.policy).inc,
        egress=egress,
    )
