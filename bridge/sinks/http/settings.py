"""How sinks and the bridge know each other: secrets, credentials, TLS, signatures."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Strict,
    Tag,
    model_validator,
)

from bridge.settings.model import Model, fault, mismatch, written
from bridge.settings.values import (
    FilePath,
    ProxyUrl,
    ServerName,
    Url,
    checked,
    not_empty,
)

INSTEAD = "expected {env: NAME} or {file: path}"
"""What to write where a secret must not stand."""

NotEmpty = Annotated[str, Field(min_length=1)]

Scope = Annotated[
    str, *checked(r"[!#-\[\]-~]+", "a scope without spaces (RFC 6749, 3.3)")
]


def _without_user(url: str) -> str:
    if urlsplit(url).username is not None:
        raise fault("expected a URL without user and password: see clientId")
    return url


class SecretConfig(Model):
    """A value that does not stand in the document: exactly one of the keys."""

    env: Annotated[str, Field(min_length=1)] | None = None
    """Name of an environment variable; read when the process starts."""

    file: FilePath | None = None
    """Path of a file, read again when it changes; a last line break is cut off.
    Relative to the folder of the document."""

    @model_validator(mode="wrap")
    @classmethod
    def _is_not_plain_text(
        cls, data: object, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        if isinstance(data, str):
            raise fault(f"{INSTEAD}, got plain text: no secret stands in the document")
        if not isinstance(data, dict | SecretConfig):
            raise mismatch(INSTEAD)
        secret = handler(data)
        if (secret.env is None) == (secret.file is None):
            raise fault("expected exactly one of env and file")
        return secret


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


class PemFromEnv(Model):
    """Certificates in an environment variable."""

    env: NotEmpty
    """Name of the variable, whose text is PEM; read when the process starts."""


def _ca_kind(value: object) -> str:
    return "<secret>" if isinstance(value, dict | PemFromEnv) else "<text>"


class TlsConfig(Model):
    """TLS towards one sink."""

    ca: (
        Annotated[
            Annotated[FilePath, Tag("<text>")] | Annotated[PemFromEnv, Tag("<secret>")],
            Discriminator(_ca_kind),
        ]
        | None
    ) = None
    """PEM file of the authorities to trust, or `{env: NAME}` where their PEM stands in
    the environment; null: those of the system."""

    cert: FilePath | None = None
    """PEM file of the client certificate; null: none is shown."""

    key: FilePath | None = None
    """PEM file of its key; null: it is in the certificate's file."""

    server_name: ServerName | None = None
    """Name that is asked for (SNI), and that the certificate has to be for; null: the
    host of the URL."""

    insecure_skip_verify: Annotated[bool, Strict()] = False
    """Whether any certificate is accepted: then whoever is between can read and change
    everything. For trying things out; `ca` and `serverName` serve else."""

    @model_validator(mode="after")
    def _key_has_a_certificate(self) -> Self:
        if self.key is not None and self.cert is None:
            raise fault("expected cert beside key")
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
