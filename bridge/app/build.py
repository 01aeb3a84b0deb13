"""Config → parts: the one place that knows both."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import assert_never

from bridge.config import (
    Config,
    HttpSinkConfig,
    SinkConfig,
    StdoutSinkConfig,
    orderings_of,
)
from bridge.deliver.supervisor import Destination
from bridge.filters.routes import Router
from bridge.ingest.accept import EventForm
from bridge.ingest.build import IngestSettings
from bridge.journal.journal import Journal
from bridge.metrics import Metrics
from bridge.net.urls import shown_url
from bridge.queue import Ordering
from bridge.queue.settings import QueueConfig
from bridge.queue.sqlite.owner import check_owner, claim
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.sinks import Sink
from bridge.sinks.http.auth import build_auth
from bridge.sinks.http.settings import BatchConfig
from bridge.sinks.http.signing import build_signer
from bridge.sinks.http.sink import HttpSink
from bridge.sinks.reloaded import SecretError
from bridge.sinks.settings import EgressConfig
from bridge.sinks.stdout import StdoutSink
from bridge.sinks.transports.egress import Egress


@asynccontextmanager
async def open_queue(config: QueueConfig, *, owner: str) -> AsyncIterator[SqliteQueue]:
    """Yield the queue that the configuration names.

    Args:
        config: Its settings.
        owner: The configuration that they stand in. A file that it does not name, the
            default one, is for the first owner that opens it, lest two configurations
            deliver each other's events.

    Raises:
        ConfigError: It is the default file, and another owner's.
        QueueError: See `SqliteQueue.open`.
    """
    is_default = "path" not in config.model_fields_set
    if is_default:
        check_owner(config.path, owner)
    async with SqliteQueue.open(config) as queue:
        if is_default:
            claim(config.path, owner)
        yield queue


def open_journal(
    config: Config, metrics: Metrics
) -> AbstractAsyncContextManager[Journal]:
    """Return the journal beside the queue, to be opened."""
    path = config.queue.path
    return Journal.open(
        path.with_name(f"{path.name}.journal"),
        settings=config.journal,
        metrics=metrics,
    )


def build_destinations(
    config: Config, *, egress: Egress, metrics: Metrics
) -> Sequence[Destination]:
    """Return where events go, and how, in the order of the configuration.

    Args:
        config: The configuration.
        egress: Where connections may lead; of `config.egress`.
        metrics: Counters that sinks share.
    """
    orderings = orderings_of(config)
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
        for one in config.sinks
    ]


def _concurrency(config: SinkConfig, ordering: Ordering) -> int:
    """Return how many attempts may be under way at once."""
    if not isinstance(config, HttpSinkConfig) or ordering == "sink":
        return 1
    return config.concurrency


def batch_of(config: SinkConfig) -> BatchConfig | None:
    """Return what a batch may hold; None: there are no batches.

    A size limit under which everything is sent does not bound them.
    """
    if not isinstance(config, HttpSinkConfig) or config.mode != "batch":
        return None
    if config.size.policy == "send":
        return config.batch
    most = min(config.batch.bytes, config.size.max)
    return config.batch.model_copy(update={"bytes": most})


def _address(config: SinkConfig) -> str:
    """Return where a sink leads, without what may be secret in it."""
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


def build_egress(config: EgressConfig) -> Egress:
    """Return where connections of sinks may lead; the API server is not known yet."""
    return Egress(deny=config.deny, allow=config.allow)


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


def build_consent(
    sinks: Sequence[Sink],
) -> Callable[[str, str, Mapping[str, str]], bool]:
    """Return what takes the consent that a receiver sends to our callback.

    It takes the name of a sink, the key of its callback, the header fields of the
    request, and returns whether that is consent.
    """
    by_name = {sink.name: sink for sink in sinks if isinstance(sink, HttpSink)}

    def call_back(name: str, key: str, headers: Mapping[str, str]) -> bool:
        sink = by_name.get(name)
        return sink is not None and sink.call_back(key, headers)

    return call_back


def read_token(config: Config) -> Callable[[], str | None]:
    """Return what reads the API's token; None from it: there is none to accept."""
    if config.server.token is None:
        return lambda: None
    secret = config.server.token.open()

    def read() -> str | None:
        try:
            return secret.read()
        except SecretError:
            return None

    return read


def build_router(config: Config) -> Router:
    """Return the routes; with none configured every event goes to every sink."""
    return Router.of(config.routes, sinks=tuple(sink.name for sink in config.sinks))


def ingest_settings(config: Config) -> IngestSettings:
    """Return what the readers depend on."""
    return IngestSettings(
        cluster_name=config.cluster.name,
        sources=config.sources,
        routes=config.routes,
        forms={sink.name: EventForm(sink.profile, sink.data) for sink in config.sinks},
        events=config.events,
    )
