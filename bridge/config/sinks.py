"""Where events go: the models of `sinks`."""

import re
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Strict,
    Tag,
    field_validator,
    model_validator,
)

from bridge.config.auth import INSTEAD, AuthConfig, SecretConfig, SignConfig, TlsConfig
from bridge.config.handshake import HandshakeConfig
from bridge.config.knative import apply_preset
from bridge.config.outcomes import OutcomesConfig
from bridge.config.safety import SizeConfig
from bridge.deliver.settings import BatchConfig, DeliveredConfig
from bridge.settings.model import fault, mismatch, written
from bridge.settings.units import PositiveDuration
from bridge.settings.values import (
    Count,
    HeaderName,
    HeaderText,
    Name,
    ProxyUrl,
    Url,
)

_SECRET_HEADERS = (
    *("api-key", "authorization", "cookie", "proxy-authorization"),
    *("x-api-key", "x-auth-token"),
)


_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?", re.ASCII)


class _SinkConfig(DeliveredConfig):
    name: Name
    """What routes, metrics and the API call it. The queue keeps deliveries under this
    name: renaming a sink is removing one and adding another."""

    profile: Literal["kubebridge", "knative"] = "kubebridge"
    """Whose attribute names events carry: ours, or those of Knative's
    ApiServerSource."""

    data: Literal["object", "reference"] = "object"
    """What `data` holds: the whole object, or only which one it is and at which
    version, for receivers that ask the API server themselves, or must not see it."""

    max_backlog: Count | None = None
    """Most deliveries that may wait for this sink; null: only `queue.maxSize`
    counts."""

    on_full: Literal["block", "dead-letter-oldest"] = "block"
    """What happens at `maxBacklog`: reading stops until there is room, or the oldest
    waiting delivery becomes a dead letter. To block loses nothing, so it is the
    default."""


def _known_type(value: object) -> object:
    if value != "http":
        raise mismatch("expected 'http' or 'stdout'")
    return value


def _url_kind(value: object) -> str:
    return "<secret>" if isinstance(value, dict | SecretConfig) else "<text>"


def _is_host(value: str | SecretConfig) -> bool:
    return isinstance(value, SecretConfig) or re.fullmatch(_HOST, value) is not None


def _header_kind(value: object) -> str:
    return "<text>" if isinstance(value, str) else "<secret>"


class HttpSinkConfig(_SinkConfig):
    """A webhook: each event is POSTed to a URL."""

    type: Annotated[Literal["http"], BeforeValidator(_known_type)] = "http"
    """Kind of sink."""

    url: Annotated[
        Annotated[Url, Tag("<text>")] | Annotated[SecretConfig, Tag("<secret>")],
        Discriminator(_url_kind),
    ]
    """Where to POST; http or https. A URL that is a secret, as those of chats are,
    stands elsewhere: `{file: path}`, read again when it changes, or `{env: NAME}`."""

    mode: Literal["structured", "binary", "batch"] = "structured"
    """How an event is put into a request (CloudEvents HTTP binding 1.0.2, 3):
    structured is understood everywhere and cheapest, batch only where the receiver
    says so."""

    concurrency: Annotated[Count, Field(le=1000)] = 64
    """Most requests in flight; also the most connections. 64 keep a sink that takes
    20 ms at 3,000 events/s."""

    timeout: PositiveDuration = written("15s")
    """Longest that one attempt may take, from connecting to the last byte of the
    answer."""

    headers: dict[
        HeaderName,
        Annotated[
            Annotated[HeaderText, Tag("<text>")]
            | Annotated[SecretConfig, Tag("<secret>")],
            Discriminator(_header_kind),
        ],
    ] = Field(default_factory=dict)
    """Further request headers: text, or a secret. `Host` is that of the URL, unless it
    stands here."""

    auth: AuthConfig | None = None
    """How the sink knows us; null: it does not ask."""

    sign: SignConfig | None = None
    """How requests are signed, so that the receiver can tell that they are ours, and
    whole; null: they are not."""

    tls: TlsConfig = written({})
    """Authorities and client certificate."""

    size: SizeConfig = written({})
    """How large a request may be, and what happens to an event that makes it larger."""

    engine: Literal["aiohttp", "llhttp"] = "llhttp"
    """Which client speaks HTTP: a small one of ours, which takes nothing for an answer
    that is not plainly HTTP/1.1, or aiohttp at three times the CPU, for receivers that
    need more leniency. What a proxy leads to is aiohttp's in any case."""

    proxy: ProxyUrl | None = None
    """URL of an HTTP proxy; `none`: connect directly; null: as HTTP_PROXY,
    HTTPS_PROXY and NO_PROXY say."""

    batch: BatchConfig = written({})
    """Size of one POST in mode batch."""

    outcomes: OutcomesConfig = written({})
    """Statuses of which an operator knows better what they mean."""

    handshake: HandshakeConfig = written({})
    """Whether the receiver is asked before it gets any events."""

    knative: Annotated[bool, Strict()] = False
    """Whether it is a Knative Broker, Channel or Service: then `timeout` is 5m, 404,
    409, 501 and 505 are tried again, an event that is answered 500 becomes a dead
    letter after 10 attempts, and `mode` has to be structured. Keys that are written
    beside it win."""

    _follow_preset = model_validator(mode="before")(apply_preset)

    @field_validator("headers")
    @classmethod
    def _hide_secrets(
        cls, headers: dict[str, str | SecretConfig]
    ) -> dict[str, str | SecretConfig]:
        for name, value in headers.items():
            if name.lower() in _SECRET_HEADERS and isinstance(value, str):
                raise fault(f"{INSTEAD} for {name}, got plain text")
            if name.lower() == "host" and not _is_host(value):
                raise fault("expected a host, and perhaps a port, as Host")
        return headers

    @model_validator(mode="after")
    def _has_batches_only_in_mode_batch(self) -> Self:
        if "batch" in self.model_fields_set and self.mode != "batch":
            raise fault(f"expected mode: batch beside batch, got '{self.mode}'")
        return self


class StdoutSinkConfig(_SinkConfig):
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
