"""Settings that sinks of all kinds share: names, forms, TLS, and denied addresses."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    Strict,
    Tag,
    WithJsonSchema,
    model_validator,
)

from bridge.settings.model import Model, fault, mismatch
from bridge.settings.values import FilePath, Name, ServerName

NotEmpty = Annotated[str, Field(min_length=1)]


def _parse_block(text: object) -> IPv4Network | IPv6Network:
    try:
        # Not of a number, which would be one, too.
        return ip_network(text if isinstance(text, str) else "")
    except ValueError:
        raise mismatch("expected an address or a block such as '10.0.0.0/8'") from None


Block = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_parse_block),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]+)?$"}),
]
"""An IP address, or a block of them in the form ``10.0.0.0/8``."""


class AnySinkConfig(Model):
    """The keys of every sink about what it gets."""

    name: Name
    """What routes, metrics and the API call it. The queue keeps deliveries under this
    name: renaming a sink is removing one and adding another."""

    profile: Literal["kubebridge", "knative"] = "kubebridge"
    """Whose attribute names events carry: ours, or those of Knative's
    ApiServerSource."""

    data: Literal["object", "reference"] = "object"
    """What `data` holds: the whole object, or only which one it is and at which
    version, for receivers that ask the API server themselves, or must not see it."""


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


class EgressConfig(Model):
    """Which addresses nothing is sent to, looked at when a connection is made.

    Denied without being named here: link-local addresses, metadata services of clouds,
    addresses of none and of many, and the API server.
    """

    deny: tuple[Block, ...] = ()
    """Addresses and blocks to which nothing is sent."""

    allow: tuple[Block, ...] = ()
    """Addresses and blocks that are not denied after all, unless `deny` names them."""
