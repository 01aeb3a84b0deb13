"""What keeps receivers, and others, from harm: sizes, and where nothing is sent."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from bridge.settings.model import Model, mismatch, written
from bridge.settings.units import Size

_LEAST_BYTES = 1024


def _parse_block(text: object) -> IPv4Network | IPv6Network:
    try:
        # Not of a number, which would be one, too.
        return ip_network(text if isinstance(text, str) else "")
    except ValueError:
        raise mismatch("expected an address or a block such as '10.0.0.0/8'") from None


def _not_too_small(size: int) -> int:
    if size < _LEAST_BYTES:
        raise mismatch("expected at least 1KiB")
    return size


Block = Annotated[
    IPv4Network | IPv6Network,
    BeforeValidator(_parse_block),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9A-Fa-f.:]+(/[0-9]+)?$"}),
]
"""An IP address, or a block of them in the form ``10.0.0.0/8``."""


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


class EgressConfig(Model):
    """Which addresses nothing is sent to, looked at when a connection is made.

    Denied without being named here: link-local addresses, metadata services of clouds,
    addresses of none and of many, and the API server.
    """

    deny: tuple[Block, ...] = ()
    """Addresses and blocks to which nothing is sent."""

    allow: tuple[Block, ...] = ()
    """Addresses and blocks that are not denied after all, unless `deny` names them."""
