"""Which addresses nothing is sent to, whatever a sink's URL or a name server says.

An address is looked at after its name was resolved, and it is the very one that is
connected to: a name that changes its mind between two looks changes nothing.

What is denied unless the configuration allows it: link-local addresses, where clouds
keep the credentials of a machine; other addresses of theirs for that; addresses of
many or of none; and the API server, where a request could be taken for an order.
"""

import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeVar

Block = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
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

_NAT64 = ip_network("64:ff9b::/96")
"""IPv4 addresses by way of a translator (RFC 6052, 2.1)."""

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
        self._servers = frozenset((_parse(host), port) for host, port in places)

    def check(self, host: str, port: int) -> None:
        """Return if an address in digits may be connected to.

        Raises:
            DeniedAddressError: It may not.
        """
        why = self._why_denied(_parse(host), port)
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

    def _why_denied(self, address: Address, port: int) -> str | None:
        if _is_in(address, self._deny):
            return "egress.deny"
        if _is_in(address, self._allow):
            return None
        if (address, port) in self._servers:
            return _API_SERVER
        return next((word for block, word in _DEFAULTS if address in block), None)


def place_of(info: AddressInfo) -> tuple[str, int]:
    """Return address and port."""
    return str(info[4][0]), int(info[4][1])


def _is_in(address: Address, blocks: Iterable[Block]) -> bool:
    return any(address in block for block in blocks)


@lru_cache(maxsize=256)
def _parse(host: str) -> Address:
    """Return an address; an IPv4 address that is written as IPv6 is the former."""
    address = ip_address(host)
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return inner
        if address in _NAT64:
            return IPv4Address(address.packed[-4:])
        return IPv6Address(address.packed)  # without a zone
    return address
