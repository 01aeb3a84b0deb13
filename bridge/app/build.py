"""Config → parts: the one place that knows both."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import assert_never

from bridge.app.build_deliveries import timeout_of
from bridge.config import (
    AuthConfig,
    Config,
    EgressConfig,
    HandshakeConfig,
    HttpSinkConfig,
    OAuth2Config,
    OutcomesConfig,
    QueueConfig,
    SecretConfig,
    SignConfig,
    SinkConfig,
    StdoutSinkConfig,
    TlsConfig,
    find_cautions,
)
from bridge.filters.routes import Router
from bridge.ingest.accept import EventForm
from bridge.ingest.build import IngestSettings
from bridge.journal.journal import Journal
from bridge.logs import get_logger
from bridge.metrics import Metrics
from bridge.queue.sqlite.owner import check_owner, claim
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.sinks import Sink
from bridge.sinks.http.auth import (
    BasicAuth,
    BearerAuth,
    Secret,
    SecretFromEnv,
    SecretFromFile,
)
from bridge.sinks.http.classify import StatusRule, StatusRules
from bridge.sinks.http.consent import HandshakeRules
from bridge.sinks.http.oauth2 import OAuth2Auth
from bridge.sinks.http.signing import HubSigner, Signer, StandardSigner
from bridge.sinks.http.sink import HttpSink
from bridge.sinks.http.size_limit import SizeLimit
from bridge.sinks.http.tls import TlsContext, TlsFiles
from bridge.sinks.http.token_endpoint import Client, TokenEndpoint
from bridge.sinks.reloaded import SecretError
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


@asynccontextmanager
async def build_sinks(
    config: Config, *, egress: Egress, metrics: Metrics
) -> AsyncIterator[Sequence[Sink]]:
    """Yield a sink for each of the configuration, in its order; close them all.

    Args:
        config: The configuration.
        egress: Where connections may lead.
        metrics: What is counted.
    """
    for caution in find_cautions(config):
        get_logger().warning("The configuration is not safe.", caution=caution)
    async with AsyncExitStack() as closing:
        sinks = [build_sink(one, egress, metrics) for one in config.sinks]
        for sink in sinks:
            closing.push_async_callback(sink.aclose)
        yield sinks


def build_sink(config: SinkConfig, egress: Egress, metrics: Metrics) -> Sink:
    """Return the sink that the configuration describes; it connects nowhere yet.

    Raises:
        ConfigError: A proxy, its own or the environment's, is no HTTP proxy.
    """
    match config:
        case StdoutSinkConfig():
            return StdoutSink(
                name=config.name, timeout_seconds=timeout_of(config, 15.0)
            )
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
    timeout = timeout_of(config, config.timeout)
    size_limit = SizeLimit(
        sink=config.name,
        max_bytes=config.size.max,
        policy=config.size.policy,
        count=metrics.oversized.labels(config.name, config.size.policy).inc,
    )
    return HttpSink(
        name=config.name,
        url=(config.url if isinstance(config.url, str) else build_secret(config.url)),
        mode=config.mode,
        concurrency=config.concurrency,
        timeout_seconds=timeout,
        headers={
            name: value if isinstance(value, str) else build_secret(value)
            for name, value in config.headers.items()
        },
        auth=_build_auth(config.auth, timeout, egress) if config.auth else None,
        sign=None if config.sign is None else _build_signer(config.sign),
        tls=_tls_files(config.tls),
        engine=config.engine,
        proxy=config.proxy,
        batch_size=config.batch.size,
        batch_bytes=config.batch.bytes,
        size_limit=size_limit,
        egress=egress,
        outcomes=_build_outcomes(config.outcomes),
        retry_after_max_seconds=config.retry.retry_after_max,
        handshake=_handshake_rules(config.handshake),
    )


def _build_outcomes(config: OutcomesConfig) -> StatusRules:
    said: dict[StatusRule, Sequence[int | str]] = {
        "success": config.success,
        "retry": config.retry,
        "dead_letter": config.dead_letter,
        "pause": config.pause,
    }
    words = {
        status if isinstance(status, int) else int(status[0]): word
        for word, statuses in said.items()
        for status in statuses
    }
    return StatusRules(words=words, error_attempts=config.error_attempts)


def _handshake_rules(config: HandshakeConfig) -> HandshakeRules | None:
    if config.mode == "off" or config.origin is None:
        return None
    return HandshakeRules(
        mode=config.mode,
        origin=config.origin,
        requests_per_minute=config.rate,
        callback=config.callback,
        ttl_seconds=config.ttl,
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


def _build_auth(
    config: AuthConfig, timeout_seconds: float, egress: Egress
) -> BasicAuth | BearerAuth | OAuth2Auth:
    if config.basic is not None:
        password = build_secret(config.basic.password)
        return BasicAuth(username=config.basic.username, password=password)
    if config.oauth2 is not None:
        return OAuth2Auth(_build_endpoint(config.oauth2, timeout_seconds / 2, egress))
    assert config.bearer is not None  # noqa: S101  # the model says: one of the three
    return BearerAuth(token=build_secret(config.bearer))


def _build_endpoint(
    config: OAuth2Config, timeout_seconds: float, egress: Egress
) -> TokenEndpoint:
    return TokenEndpoint(
        config.token_url,
        client=Client(
            client_id=config.client_id,
            client_secret=build_secret(config.client_secret),
            scopes=config.scopes,
            audience=config.audience,
            method=config.method,
        ),
        timeout_seconds=timeout_seconds,
        tls=_tls_files(config.tls),
        proxy=config.proxy,
        egress=egress,
    )


def _build_signer(config: SignConfig) -> Signer:
    secrets = [build_secret(one) for one in config.secrets]
    return HubSigner(secrets[0]) if config.scheme == "hub" else StandardSigner(secrets)


def _tls_files(config: TlsConfig) -> TlsFiles:
    ca = config.ca
    return TlsFiles(
        ca=ca if isinstance(ca, Path) else None,
        ca_env=None if ca is None or isinstance(ca, Path) else ca.env,
        cert=config.cert,
        key=config.key,
        server_name=config.server_name,
        is_verified=not config.insecure_skip_verify,
    )


def build_tls(config: TlsConfig) -> TlsContext:
    """Return what connections of a sink are secured with."""
    return TlsContext(_tls_files(config))


def build_secret(config: SecretConfig) -> Secret:
    """Return the secret that stands in a file or in the environment."""
    if config.file is not None:
        return SecretFromFile(config.file)
    return SecretFromEnv(config.env or "")


def read_token(config: Config) -> Callable[[], str | None]:
    """Return what reads the API's token; None from it: there is none to accept."""
    if config.server.token is None:
        return lambda: None
    secret = build_secret(config.server.token)

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
