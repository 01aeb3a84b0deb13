"""Which addresses nothing is sent to, whatever a sink's URL or a name server says.

An address is looked at after its name was resolved, and it is the very one that is
connected to: a name that changes its mind between two looks changes nothing.

What is denied unless the configuration allows it: link-local addresses, where clouds
keep the credentials of a machine; other addresses of theirs for that; addresses of
many or of none; and the API server, where a request could be taken for an order.
"""

import socket
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeVar

from bridge.sinks.transports.addresses import Address, forms_of

Block = IPv4Network | IPv6Network
Found = TypeVar("Found")
AddressInfo = tuple[
    socket.AddressFamily | int,
    socket.SocketKind | int,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]
"""One answer of getaddrinfo."""

_DENIED = {
    "169.254.0.0/16": "link-local",
    "fe80::/10": "link-local",
    "100.100.100.200/32": "metadata of Alibaba Cloud",
    "168.63.129.16/32": "metadata of Azure",
    "192.0.0.192/32": "metadata of Oracle Cloud",
    "fd00:ec2::/32": "metadata of AWS",
    "fd00:c1::a9fe:a9fe/128": "metadata of Oracle Cloud",
    "fd20:ce::254/128": "metadata of Google Cloud",
    "0.0.0.0/8": "no address",
    "::/128": "no address",
    "224.0.0.0/4": "multicast",
    "ff00::/8": "multicast",
    "255.255.255.255/32": "broadcast",
}
"""Blocks, and what they are."""

_DEFAULTS = [(ip_network(block), word) for block, word in _DENIED.items()]

_API_SERVER = "the API server"


class DeniedAddressError(OSError):
    """Nothing may be sent to this address; the message names it and says why."""


class Egress:
    """The rules of one process: `deny` wins over `allow`, `allow` over the defaults."""

    def __init__(
        self, *, deny: Iterable[Block] = (), allow: Iterable[Block] = ()
    ) -> None:
        """Take the blocks of the configuration; the API server is not known yet."""
        self._deny = tuple(deny)
        self._allow = tuple(allow)
        self._servers: frozenset[tuple[Address, int]] = frozenset()

    def deny_servers(self, places: Iterable[tuple[str, int]]) -> None:
        """Deny these addresses and ports, and no longer those of an earlier call."""
        self._servers = frozenset(
            (form, port) for host, port in places for form in forms_of(host)
        )

    def check(self, host: str, port: int) -> None:
        """Return if an address in digits may be connected to.

        Raises:
            DeniedAddressError: It may not.
        """
        why = self._why_denied(forms_of(host), port)
        if why is not None:
            raise DeniedAddressError(f"{host}, which is denied ({why})")

    def permitted(
        self, found: Iterable[Found], place: Callable[[Found], tuple[str, int]]
    ) -> list[Found]:
        """Return those of the addresses of a name that may be connected to.

        Args:
            found: What was resolved.
            place: Returns address and port of one.

        Raises:
            DeniedAddressError: It is none of them.
        """
        denied: DeniedAddressError | None = None
        permitted = []
        for one in found:
            try:
                self.check(*place(one))
            except DeniedAddressError as error:
                denied = denied or error
            else:
                permitted.append(one)
        if denied is not None and not permitted:
            raise denied
        return permitted

    def _why_denied(self, forms: Sequence[Address], port: int) -> str | None:
        if any(_is_in(form, self._deny) for form in forms):
            return "egress.deny"
        address, *inner = forms
        is_allowed = [_is_in(form, self._allow) for form in inner]
        if _is_in(address, self._allow) or (inner and all(is_allowed)):
            return None
        if any((form, port) in self._servers for form in forms):
            return _API_SERVER
        return next(
            (word for form in forms for block, word in _DEFAULTS if form in block), None
        )


def place_of(info: AddressInfo) -> tuple[str, int]:
    """Return address and port."""
    return str(info[4][0]), int(info[4][1])


def _is_in(address: Address, blocks: Iterable[Block]) -> bool:
    return any(address in block for block in blocks)
