"""Open files: how many the process may have, and which part gets how many.

Each connection is one. The API and the cluster have theirs set aside, so that slow
sinks cannot take what probes and watches need::

    limit = ours + API + cluster + connections to sinks
"""

import resource
from bisect import bisect_right
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bridge.api.connections import BACKLOG, MOST_CONNECTIONS
from bridge.config import Config, HttpSinkConfig, SinkConfig
from bridge.logs import get_logger

MOST_FILES: Final = 65_536
"""More are never asked for: a container's hard limit may be a thousand million."""

OWN_FILES: Final = 64
"""Queue, journal, log, names being looked up, secrets and TLS files being read."""

CLUSTER_FILES: Final = 16
"""Connections to the API server beside the watches."""

FILES_OF_A_WATCH: Final = 2
"""Its connection, and the one of its list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileShares:
    """Who gets how many of the files that may be open.

    Attributes:
        limit: Most open files of the process.
        api: Most connections of the API.
        sinks: Most connections to sinks, at least one for each.
        asked: How many the sinks ask for with their `concurrency`.
    """

    limit: int
    api: int
    sinks: int
    asked: int

    @property
    def is_enough(self) -> bool:
        """Whether the sinks get as many as they ask for."""
        return self.asked <= self.sinks


def raise_limit() -> int:
    """Raise the limit as far as it goes without privileges; return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = attainable_limit()
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # where that is forbidden it stays
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if soft == resource.RLIM_INFINITY else soft


def attainable_limit() -> int:
    """Return how far `raise_limit` could raise the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)


def most_api_connections(limit: int) -> int:
    """Return how many of `limit` files the API's connections may take."""
    return max(16, min(MOST_CONNECTIONS, limit // 8))


def share_files(config: Config, limit: int) -> FileShares:
    """Return who gets how many of `limit` files."""
    watches = sum(max(1, len(source.namespaces or ())) for source in config.sources)
    api = most_api_connections(limit)
    left = limit - OWN_FILES - CLUSTER_FILES - FILES_OF_A_WATCH * watches
    wanted = _wanted(config)
    return FileShares(
        limit=limit,
        api=api,
        sinks=max(len(wanted), left - api - BACKLOG - _others(config)),
        asked=sum(wanted.values()),
    )


def within(config: Config, shares: FileShares) -> Config:
    """Return the configuration with as much concurrency as there are files for.

    What is lowered is the highest: a sink that asks for little keeps it.
    """
    if shares.is_enough:
        return config
    most = _most_each(_wanted(config), shares.sinks)
    get_logger().warning(
        "Too few open files for the concurrency of the sinks, so it is lowered.",
        limit=shares.limit,
        asked=shares.asked,
        allowed=shares.sinks,
        each=most,
    )
    sinks = tuple(_lowered(sink, most) for sink in config.sinks)
    return config.model_copy(update={"sinks": sinks})


def _wanted(config: Config) -> dict[str, int]:
    """Return how many connections each sink may open."""
    return {
        sink.name: 1 if sink.ordering == "sink" else sink.concurrency
        for sink in config.sinks
        if isinstance(sink, HttpSinkConfig)
    }


def _others(config: Config) -> int:
    """Return how many connections token endpoints may take."""
    return sum(
        isinstance(sink, HttpSinkConfig)
        and sink.auth is not None
        and sink.auth.oauth2 is not None
        for sink in config.sinks
    )


def _most_each(wanted: Mapping[str, int], total: int) -> int:
    """Return the highest bound under which all together stay within `total`."""
    bounds = range(1, max(wanted.values()) + 1)
    fitting = bisect_right(
        bounds, total, key=lambda most: sum(min(most, one) for one in wanted.values())
    )
    return max(1, fitting)


def _lowered(sink: SinkConfig, most: int) -> SinkConfig:
    if not isinstance(sink, HttpSinkConfig) or sink.concurrency <= most:
        return sink
    return sink.model_copy(update={"concurrency": most})
