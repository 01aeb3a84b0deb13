"""Return the settings of each part, and check that all parts can be built.

While it is built nothing connects and nothing is opened: a fault of the machine, such
as a port that is taken, shows at start and at reload only.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from bridge.config import (
    Config,
    HttpSinkConfig,
    SinkConfig,
    describe,
    find_missing,
    orderings_of,
)
from bridge.config.document import Fault, Trail
from bridge.config.file_limit import attainable_limit, share_files
from bridge.deliver.destinations import Destination, build_destinations
from bridge.errors import ConfigError
from bridge.filters.routes import Router
from bridge.ingest.accept import EventForm
from bridge.ingest.build import IngestSettings
from bridge.ingest.source import build_sources
from bridge.metrics import Metrics
from bridge.operate.doctor import Answer, diagnose
from bridge.sinks.http.reach import is_usable
from bridge.sinks.transports.egress import Egress

_URLS: tuple[Trail, ...] = (
    ("url",),
    ("proxy",),
    ("auth", "oauth2", "tokenUrl"),
    ("auth", "oauth2", "proxy"),
    ("handshake", "callback"),
)


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


def destinations_of(
    config: Config, *, egress: Egress, metrics: Metrics
) -> Sequence[Destination]:
    """Return the destinations of events; see `build_destinations`."""
    orderings = orderings_of(config)
    return build_destinations(config.sinks, orderings, egress=egress, metrics=metrics)


def find_unusable(config: Config) -> Iterator[Fault]:
    """Yield a fault for each part that cannot be built.

    `kubebridge validate`, a start and a reload all ask this, so that what one of them
    accepts the others can use.
    """
    faults = [
        fault
        for index, one in enumerate(config.sinks)
        for fault in _bad_urls(one, ("sinks", index))
    ]
    metrics, egress = Metrics(version=""), Egress.of(config.egress)
    destinations = destinations_of(config, egress=egress, metrics=metrics)
    for index, one in enumerate(destinations):
        trail: Trail = ("sinks", index)
        if not any(fault.trail[:2] == trail for fault in faults):
            faults += _failing(one.build, trail)
    yield from faults
    yield from _failing(lambda: build_sources(config.sources, build_router(config)))
    yield from _failing(lambda: describe(config))


def _failing(build: Callable[[], object], trail: Trail = ()) -> Iterator[Fault]:
    try:
        build()
    except Exception as error:  # noqa: BLE001  # of whatever library
        yield _fault(trail, error)


def _fault(trail: Trail, error: Exception) -> Fault:
    if isinstance(error, ConfigError):
        return Fault(trail=trail, message=str(error))
    # The text of any other error may quote a secret.
    message = f"expected something usable, got a value that raises {_kind(error)}"
    return Fault(trail=trail, message=message)


def _kind(error: Exception) -> str:
    return type(error).__name__


def _bad_urls(sink: SinkConfig, trail: Trail) -> Iterator[Fault]:
    if not isinstance(sink, HttpSinkConfig):
        return
    written = sink.model_dump(
        by_alias=True, include={"url", "proxy", "auth", "handshake"}
    )
    for place in _URLS:
        text: Any = written
        for key in place:
            text = text.get(key) if isinstance(text, dict) else None
        if isinstance(text, str) and text != "none" and not is_usable(text):
            message = (
                "expected a URL that can be connected to, got one that is malformed"
            )
            yield Fault(trail=(*trail, *place), message=message)


async def diagnose_config(
    config: Config, *, cursors: Sequence[Mapping[str, Any]] | None, now: datetime
) -> Answer:
    """Return what `bridge.operate.doctor.diagnose` finds of a configuration."""
    shares = share_files(config, attainable_limit())
    return await diagnose(
        config.cluster,
        build_sources(config.sources, build_router(config)),
        sinks=[one for one in config.sinks if isinstance(one, HttpSinkConfig)],
        egress=Egress.of(config.egress),
        missing=list(find_missing(config, os.environ)),
        files={
            "limit": shares.limit,
            "sinksAsk": shares.asked,
            "sinksGet": min(shares.asked, shares.sinks),
        },
        cursors=cursors,
        now=now,
    )
