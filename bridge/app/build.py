"""Config → parts: the one place that knows both.

Whatever can fail fails in `prepare`, before anything that runs is touched: at start the
process ends for it, at a reload the old configuration goes on.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import assert_never

from bridge.api.server import Endpoint
from bridge.config.file_limit import raise_limit, share_files, within
from bridge.app.stores import OpenStore, OpenStores
from bridge.config import (
    Config,
    HttpSinkConfig,
    SinkConfig,
    StdoutSinkConfig,
    find_cautions,
    orderings_of,
)
from bridge.deliver.supervisor import Destination
from bridge.filters.routes import Router
from bridge.ingest.accept import EventForm
from bridge.ingest.build import IngestSettings
from bridge.ingest.cluster_readers import ClusterReaders
from bridge.journal.journal import Journal
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.net.urls import shown_url
from bridge.queue import Ordering
from bridge.sinks import Sink
from bridge.sinks.http.auth import build_auth
from bridge.sinks.http.settings import BatchConfig
from bridge.sinks.http.signing import build_signer
from bridge.sinks.http.sink import HttpSink
from bridge.sinks.reloaded import SecretError
from bridge.sinks.settings import EgressConfig
from bridge.sinks.stdout import StdoutSink
from bridge.sinks.transports.egress import Egress


@dataclass(slots=True, kw_only=True)
class PreparedParts:
    """The parts that one configuration runs on.

    Attributes:
        config: The configuration.
        closing: Closes the parts, the queue last; whoever runs them leaves it.
        endpoint: Where the API is served; None: the configuration before this one
            holds the port, on another host, and has to leave it first.
        store: Where events wait, and the senders that deliver them.
        readers: The readers of the cluster; their client may not be open yet.
        journal: What became of attempts.
        egress: Where connections of sinks may lead.
        metrics: What is counted, over all configurations of the process.
    """

    config: Config
    closing: AsyncExitStack
    endpoint: Endpoint | None
    store: OpenStore
    readers: ClusterReaders
    journal: Journal
    egress: Egress
    metrics: Metrics


async def prepare(
    config: Config,
    *,
    stores: OpenStores,
    egress: Egress,
    endpoint: Endpoint | None,
    metrics: Metrics,
    tasks: asyncio.TaskGroup,
    has_time: bool,
) -> PreparedParts:
    """Return the parts of a configuration, ready to run.

    Args:
        config: The configuration.
        stores: The queues that are open.
        egress: Where connections of sinks may lead; of `config.egress`.
        endpoint: See `PreparedParts`.
        metrics: What is counted.
        tasks: Runs readers and senders.
        has_time: Whether something else runs meanwhile; if not, credentials are loaded
            later, so that probes are answered while a plugin takes its time.

    Raises:
        KubebridgeError: They cannot be built.
    """
    config = within(config, share_files(config, raise_limit()))
    async with AsyncExitStack() as stack:
        using = stores.use(config.queue, metrics=metrics, tasks=tasks)
        store = await stack.enter_async_context(using)
        journal = await stack.enter_async_context(open_journal(config, metrics))
        reading = store.use_readers(config.cluster, has_time=has_time)
        readers = await stack.enter_async_context(reading)
        for caution in find_cautions(config):
            get_logger().warning("The configuration is not safe.", caution=caution)
        return PreparedParts(
            config=config,
            closing=stack.pop_all(),
            endpoint=endpoint,
            store=store,
            readers=readers,
            journal=journal,
            egress=egress,
            metrics=metrics,
        )


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
    """Return the function that takes a receiver's consent from our callback.

    It takes the name of a sink, the key of its callback, the header fields of the
    request, and returns whether that is consent.
    """
    by_name = {sink.name: sink for sink in sinks if isinstance(sink, HttpSink)}

    def call_back(name: str, key: str, headers: Mapping[str, str]) -> bool:
        sink = by_name.get(name)
        return sink is not None and sink.call_back(key, headers)

    return call_back


def read_token(config: Config) -> Callable[[], str | None]:
    """Return the function that reads the API's token; its None: no token is taken."""
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
    """Return the settings of the readers."""
    return IngestSettings(
        cluster_name=config.cluster.name,
        sources=config.sources,
        routes=config.routes,
        forms={sink.name: EventForm(sink.profile, sink.data) for sink in config.sinks},
        events=config.events,
    )
