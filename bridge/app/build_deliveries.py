"""Config → deliveries: who delivers to which sink, and how."""

from collections.abc import Callable, Mapping, Sequence

from bridge.config import (
    Config,
    HttpSinkConfig,
    SinkConfig,
    orderings_of,
)
from bridge.deliver import DeadLetterSink, FairSlots, RetryPolicy, SinkDelivery
from bridge.deliver.settings import KnativeRetryConfig
from bridge.health import Health
from bridge.journal import Attempt
from bridge.metrics import Metrics
from bridge.net.urls import shown_url
from bridge.queue import Queue
from bridge.sinks import Sink
from bridge.sinks.http.settings import BatchConfig


def build_deliveries(
    config: Config,
    sinks: Sequence[Sink],
    *,
    queue: Queue,
    health: Health,
    metrics: Metrics,
    record: Callable[[Attempt], None] | None = None,
) -> Mapping[str, SinkDelivery]:
    """Return the deliveries to each sink of the configuration, by its name.

    Args:
        config: The configuration.
        sinks: Those of the configuration, in its order.
        queue: Where from.
        health: Has a status for each sink.
        metrics: What is counted.
        record: Takes each attempt; None: nobody does.
    """
    most = config.delivery.concurrency
    names = [sink.name for sink in sinks]
    slots = None if most is None else FairSlots(most, sinks=names)
    orderings = orderings_of(config)
    return {
        sink.name: _build_delivery(
            settings,
            sink,
            queue=queue,
            health=health,
            metrics=metrics,
            slots=slots,
            record=record,
            is_single=orderings[sink.name] == "sink",
        )
        for sink, settings in zip(sinks, config.sinks, strict=True)
    }


def _build_delivery(
    config: SinkConfig,
    sink: Sink,
    *,
    queue: Queue,
    health: Health,
    metrics: Metrics,
    slots: FairSlots | None,
    record: Callable[[Attempt], None] | None,
    is_single: bool,
) -> SinkDelivery:
    http = config if isinstance(config, HttpSinkConfig) else None
    return SinkDelivery(
        sink=sink,
        queue=queue,
        concurrency=1 if is_single or http is None else http.concurrency,
        policy=build_policy(config),
        status=health.sinks[sink.name],
        metrics=metrics,
        breaker=config.breaker_in_force,
        rate=config.rate,
        batch=batch_of(config),
        slots=slots,
        record=record,
    )


def batch_of(config: SinkConfig) -> BatchConfig | None:
    """Return what a batch may hold; None: there are no batches.

    A ceiling under which everything is sent does not bound them.
    """
    if not isinstance(config, HttpSinkConfig) or config.mode != "batch":
        return None
    if config.size.policy == "send":
        return config.batch
    most = min(config.batch.bytes, config.size.max)
    return config.batch.model_copy(update={"bytes": most})


def build_policy(config: SinkConfig) -> RetryPolicy:
    """Return when deliveries to this sink are tried again, and given up."""
    target = config.dead_letter_sink
    letters = (
        None if target is None else DeadLetterSink(name=target, failed=_url(config))
    )
    return RetryPolicy(retry=config.retry, dead_letters=letters or None)


def timeout_of(config: SinkConfig, default: float) -> float:
    """Return how long an attempt may take: as `retry` says, else `default`."""
    retry = config.retry
    written = retry.timeout if isinstance(retry, KnativeRetryConfig) else None
    return default if written is None else written


def _url(config: SinkConfig) -> str:
    """Return where a sink leads, without what may be secret in it."""
    if not isinstance(config, HttpSinkConfig):
        return "stdout:"
    if not isinstance(config.url, str):
        return f"urn:kubebridge:sink:{config.name}"
    return shown_url(config.url)
