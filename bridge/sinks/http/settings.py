"""Settings of sinks over HTTP: credentials, signatures, sizes, answers, handshake."""

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Strict,
    Tag,
    field_validator,
    model_validator,
)

from bridge.settings.model import Model, fault, mismatch, written
from bridge.settings.units import Duration, PositiveDuration, PositiveSize, Size
from bridge.settings.values import (
    ClusterName,
    Count,
    HeaderName,
    HeaderText,
    ProxyUrl,
    Url,
    checked,
    not_empty,
)
from bridge.sinks.formats.named import FormatConfig
from bridge.sinks.http.knative import apply_preset
from bridge.sinks.http.statuses import OutcomesConfig
from bridge.sinks.secrets import INSTEAD, SecretConfig
from bridge.sinks.settings import AnySinkConfig, NotEmpty, TlsConfig

_SECRET_HEADERS = (
    *("api-key", "authorization", "cookie", "proxy-authorization"),
    *("x-api-key", "x-auth-token"),
)


_HOST = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?", re.ASCII)

_LEAST_BYTES = 1024

Scope = Annotated[
    str, *checked(r"[!#-\[\]-~]+", "a scope without spaces (RFC 6749, 3.3)")
]


def _without_user(url: str) -> str:
    if urlsplit(url).username is not None:
        raise fault("expected a URL without user and password: see clientId")
    return url


class BasicAuthConfig(Model):
    """Credentials of HTTP basic authentication (RFC 7617)."""

    username: str
    """The user; plain text, without a colon."""

    password: SecretConfig
    """The password."""

    @model_validator(mode="after")
    def _has_no_colon(self) -> Self:
        if ":" in self.username:
            raise fault("expected a username without ':' (RFC 7617, 2)")
        return self


class OAuth2Config(Model):
    """The client credentials grant of OAuth 2.0 (RFC 6749, 4.4)."""

    token_url: Annotated[Url, AfterValidator(_without_user)]
    """Where tokens are given out; http or https. Getting one may take half of the
    sink's `timeout`, retries included."""

    client_id: NotEmpty
    """Who asks, as the authorization server knows it."""

    client_secret: SecretConfig
    """Its secret."""

    scopes: tuple[Scope, ...] = ()
    """What the token is to allow; none: what the authorization server thinks fit."""

    audience: NotEmpty | None = None
    """For whom the token is to be, where the authorization server asks for that;
    null: not said."""

    method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"
    """Where the secret stands: in `Authorization`, which every authorization server
    must understand (RFC 6749, 2.3.1), or in the form."""

    tls: TlsConfig = written({})
    """Authorities and client certificate towards the authorization server, which is
    seldom the sink itself."""

    proxy: ProxyUrl | None = None
    """HTTP proxy towards the authorization server; see the sink's `proxy`."""


class AuthConfig(Model):
    """How the sink knows us: exactly one of the keys."""

    bearer: SecretConfig | None = None
    """Token of `Authorization: Bearer`; a file may be a projected service account
    token, which the kubelet renews."""

    basic: BasicAuthConfig | None = None
    """User and password of `Authorization: Basic`."""

    oauth2: OAuth2Config | None = None
    """Where to get a token for `Authorization: Bearer`."""

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if [self.bearer, self.basic, self.oauth2].count(None) != 2:
            raise fault("expected exactly one of bearer, basic and oauth2")
        return self


class SignConfig(Model):
    """Signatures over each request."""

    scheme: Literal["standard", "hub"] = "standard"
    """`standard`: Standard Webhooks 1.0, v1 for each key that begins with `whsec_`
    and v1a for each with `whsk_`. `hub`: `X-Hub-Signature-256`, for receivers that
    know no better: it covers neither id nor time."""

    secrets: Annotated[tuple[SecretConfig, ...], AfterValidator(not_empty)]
    """The active keys; all of them sign, so that receivers can change to a new one at
    any time. Exactly one with scheme hub."""

    @model_validator(mode="after")
    def _hub_has_one(self) -> Self:
        if self.scheme == "hub" and len(self.secrets) > 1:
            raise fault("expected one secret with scheme hub: there is one signature")
        return self


def _plain_https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise fault(f"expected an https URL, got scheme '{parts.scheme}'")
    if parts.username is not None or parts.query or parts.fragment:
        raise fault("expected a URL without user, query and fragment")
    return url


class HandshakeConfig(Model):
    """Whether a receiver is asked before it gets any events.

    "HTTP 1.1 Web Hooks for Event Delivery" 1.0.2, 4: abuse protection.
    """

    mode: Literal["require", "slow", "off"] = "off"
    """`require`: nothing is sent without its consent, the sink is paused; `slow`:
    without it one request a minute is sent; `off`: it is not asked. Few receivers
    know this handshake, so off is the default."""

    origin: ClusterName | None = None
    """DNS name of the system that sends, the same for all its hosts and pods; needed
    unless mode is off."""

    rate: Count | None = None
    """Requests per minute that are asked for; null: no limit is asked for. What the
    receiver answers counts."""

    callback: Annotated[Url, AfterValidator(_plain_https)] | None = None
    """Where this process's API is reached from outside, for receivers that agree
    later; https. null: they have to answer at once."""

    ttl: PositiveDuration = written("24h")
    """How long consent counts before the receiver is asked again: a day, so that one
    that changed its mind is noticed."""

    @model_validator(mode="after")
    def _says_who_asks(self) -> Self:
        if self.mode != "off" and self.origin is None:
            raise fault(f"expected an origin beside mode: {self.mode}, got none")
        return self


def _not_too_small(size: int) -> int:
    if size < _LEAST_BYTES:
        raise mismatch("expected at least 1KiB")
    return size


class SizeConfig(Model):
    """How large a request may be, from its first line to the last byte of its body."""

    max: Annotated[Size, AfterValidator(_not_too_small)] = written("64KiB")
    """Most bytes of a request. 64 KiB is what every receiver of CloudEvents has to
    take (CloudEvents 1.0.2, "Size Limits")."""

    policy: Literal["trim", "reject", "send"] = "send"
    """What happens to an event that makes a larger one. `send`: it is sent as it is;
    most receivers take 1 MiB. `trim`: long texts of `data` are cut, then long lists,
    and at last only a reference is left, until it fits; the attribute `trimmed` tells
    the event's size before. `reject`: it becomes a dead letter. Each is counted and
    logged, and with the last two a batch is made smaller first."""


class BatchConfig(Model):
    """What one POST carries in mode batch."""

    size: Count = 50
    """Most events: past 50 a larger batch saves little."""

    bytes: PositiveSize = written("1MiB")
    """Most bytes of the body: many receivers take 1 MiB; one event that is larger
    goes alone."""

    linger: Duration = written("0s")
    """How long an event may wait for others to fill the batch. Under load batches
    fill without waiting, so by default none does."""


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


class HttpConfig(AnySinkConfig):
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

    format: FormatConfig | None = None
    """Form of requests for a receiver that does not speak CloudEvents: a name such as
    `slack`, or `{type: loki, …}` with settings; null: CloudEvents, as `mode` says."""

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
    def _has_a_mode_or_a_format(self) -> Self:
        if self.format is not None and "mode" in self.model_fields_set:
            raise fault("expected mode or format: mode is of CloudEvents")
        return self

    @model_validator(mode="after")
    def _has_batches_only_in_mode_batch(self) -> Self:
        if "batch" in self.model_fields_set and self.mode != "batch":
            raise fault(f"expected mode: batch beside batch, got '{self.mode}'")
        return self
