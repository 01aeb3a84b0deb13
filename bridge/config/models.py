"""The document as a whole, with every default and the reason for it."""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    PrivateAttr,
    Strict,
    Tag,
)

from bridge.config.sources import SourceConfig
from bridge.deliver.settings import DeliveryConfig, SenderConfig
from bridge.errors import InvalidEventError
from bridge.events import validation as rules
from bridge.journal.settings import JournalConfig
from bridge.logs import Format, Level
from bridge.queue.settings import QueueConfig
from bridge.settings.model import Model, fault, mismatch, written
from bridge.settings.units import Duration
from bridge.settings.values import (
    ClusterName,
    FilePath,
    Host,
    Name,
    TypePrefix,
    not_empty,
)
from bridge.sinks.http.settings import (
    HttpConfig,
)
from bridge.sinks.secrets import SecretConfig
from bridge.sinks.settings import AnySinkConfig, EgressConfig


def _extension_name(name: str) -> str:
    if name in rules.CORE_ATTRIBUTES:
        raise fault(f"expected an extension, got the core attribute '{name}'")
    if not rules.is_attribute_name(name):
        raise mismatch("expected a name of a-z and 0-9 other than 'data'")
    return name


def _extension_text(text: str) -> str:
    try:
        rules.check_text("", text)
    except InvalidEventError:
        raise mismatch("expected text without control characters") from None
    return text


ExtensionName = Annotated[str, AfterValidator(_extension_name)]
ExtensionText = Annotated[str, AfterValidator(_extension_text)]

NOTE: Final = "x-"
"""Keys of the document that begin so are left alone: a place for anchors."""


class ClusterConfig(Model):
    """Which API server is read, and what it is called.

    With neither key the service account of the pod is used, then `KUBECONFIG`, then
    `~/.kube/config`.
    """

    name: ClusterName | None = None
    """Name in the `source` of each event, a DNS subdomain; null: the uid of namespace
    kube-system, which never changes."""

    kubeconfig: FilePath | None = None
    """Path of a kubeconfig; null: in-cluster, then KUBECONFIG, then
    ~/.kube/config."""

    context: str | None = None
    """Context in the kubeconfig; null: its current one."""


class RouteConfig(Model):
    """Which events go where."""

    name: Name
    """What metrics and the API call it."""

    sources: tuple[Name, ...] | None = None
    """Names of the sources whose events it takes; null: all."""

    filters: tuple[dict[str, Any], ...] = ()
    """Filters that an event has to pass, all of them (CloudEvents Subscriptions API
    0.1, 3.2.4); empty: every event does."""

    labels: str = ""
    """Kubernetes label selector, e.g. `app=shop,tier in (web, api)`, for the labels of
    the object, or of the one that a Kubernetes Event is about, which is then looked
    up; empty: any."""

    sinks: tuple[Name, ...] | None = None
    """Names of the sinks that get them; null: all."""


class EventsConfig(Model):
    """How events are written."""

    type_prefix: TypePrefix = "io.kubebridge"
    """What each `type` begins with; a reverse-DNS name."""

    extensions: dict[ExtensionName, ExtensionText] = Field(default_factory=dict)
    """Extension attributes added to each event; they win over our own. `K_CE_OVERRIDES`
    adds to them."""


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


class HttpSinkConfig(HttpConfig, SenderConfig):
    """A webhook: each event is POSTed to a URL."""


class StdoutSinkConfig(AnySinkConfig, SenderConfig):
    """One line of JSON for each event, on standard output."""

    type: Literal["stdout"]
    """Kind of sink."""


def _sink_type(value: object) -> str:
    written = value.get("type") if isinstance(value, dict) else None
    is_stdout = written == "stdout" or isinstance(value, StdoutSinkConfig)
    return "<stdout>" if is_stdout else "<http>"


SinkConfig = Annotated[
    Annotated[HttpSinkConfig, Tag("<http>")]
    | Annotated[StdoutSinkConfig, Tag("<stdout>")],
    Discriminator(_sink_type),
]
"""One of the kinds of sinks, told apart by `type`."""


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

    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is usable but does nothing, one line for each; see `mismatches`."""
        return self._warnings

    def keep_warnings(self, lines: Iterable[str]) -> None:
        """Take what was found; it is no part of the document."""
        self._warnings = tuple(lines)
