"""The document as a whole, with every default and the reason for it."""

from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
)

from bridge.cluster.settings import ClusterConfig
from bridge.deliver.settings import DeliveryConfig, SinkConfig
from bridge.events.settings import EventsConfig
from bridge.filters.settings import RouteConfig
from bridge.ingest.settings import SourceConfig
from bridge.journal.settings import JournalConfig
from bridge.logs import Format, Level
from bridge.operate.settings import RoutingTestConfig
from bridge.queue.settings import QueueConfig
from bridge.settings.model import Model, written
from bridge.settings.units import Duration
from bridge.settings.values import Host, not_empty
from bridge.sinks.secrets import SecretConfig
from bridge.sinks.settings import EgressConfig

NOTE: Final = "x-"
"""Keys of the document that begin so are left alone: a place for anchors."""


class ServerConfig(Model):
    """Probes, metrics and the API, on one port."""

    host: Host = "127.0.0.1"
    """Address to listen on; only this machine by default, for a safe start. `::` is
    every address of both families (of IPv4 alone on a machine without IPv6), `0.0.0.0`
    every one of IPv4."""

    port: Annotated[int, Strict(), Field(ge=0, le=65535)] = 8080
    """Port to listen on; 0: one that is free."""

    token: SecretConfig | None = None
    """Bearer token that the API asks for: for whatever writes, and for everything but
    probes and metrics when it listens beyond this machine. null: that is refused."""


class LogConfig(Model):
    """What the process says on standard error."""

    level: Level = "info"
    """Least severity that is written."""

    format: Format = "auto"
    """`auto` is text on a terminal, else JSON."""


class Config(Model):
    """Configuration of kubebridge; keys that begin with `x-` are the reader's own."""

    model_config = ConfigDict(json_schema_extra={"patternProperties": {f"^{NOTE}": {}}})

    cluster: ClusterConfig = written({})
    """Which API server is read."""

    sources: Annotated[
        tuple[SourceConfig, ...],
        AfterValidator(not_empty),
        Field(json_schema_extra={"minItems": 1}),
    ] = written([{}])
    """What is watched; by default the Events of all namespaces."""

    sinks: tuple[SinkConfig, ...] = ()
    """Where events go; at least one, which may come from `K_SINK`."""

    routes: tuple[RouteConfig, ...] = ()
    """Which events go where; empty: every event to every sink."""

    delivery: DeliveryConfig = written({})
    """What bounds the deliveries to all sinks together."""

    queue: QueueConfig = written({})
    """Where events wait until they are delivered."""

    egress: EgressConfig = written({})
    """Which addresses sinks may not lead to."""

    journal: JournalConfig = written({})
    """What is remembered of attempts."""

    server: ServerConfig = written({})
    """Probes, metrics and the API."""

    events: EventsConfig = written({})
    """What each event is given."""

    log: LogConfig = written({})
    """What the process says."""

    grace: Duration = written("20s")
    """How long deliveries under way may last once the process was told to stop; less
    than the 30 s after which Kubernetes kills."""

    tests: tuple[RoutingTestConfig, ...] = ()
    """Events, and the sinks that each of them goes to: checked by `kubebridge test`,
    which sends nothing. A running bridge passes them over."""

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is usable but does nothing, one line for each; see `mismatches`."""
        return self._warnings

    def keep_warnings(self, lines: Iterable[str]) -> None:
        """Take what was found; it is no part of the document."""
        self._warnings = tuple(lines)
