"""Deny addresses, regardless of a sink's URL and of name servers.

An address is looked at after its name was resolved, and it is the very one that is
connected to: a name that changes its mind between two looks changes nothing.

What is denied unless the configuration allows it: link-local addresses, where clouds
keep the credentials of a machine; other addresses of theirs for that; addresses of
many or of none; and the API server, where a request could be taken for an order.

IPv4 addresses inside those of IPv6 count as well, for a packet may end up there:

====================  =========================================================
``::ffff:0:0/96``     mapped (RFC 4291, 2.5.5.2)
``::ffff:0:0:0/96``   translated (RFC 2765, 2.1)
``::/96``             compatible (RFC 4291, 2.5.5.1)
``2002::/16``         6to4 (RFC 3056)
``2001::/32``         Teredo: the server, and the client (RFC 4380, 4)
``64:ff9b::/96``      NAT64 (RFC 6052, 2.1)
``64:ff9b:1::/48``    NAT64 of a network of one's own (RFC 8215), which may have any
                      prefix from 48 bits on: each place is looked at (RFC 6052, 2.2)
``…:0:5efe:0:0/96``   ISATAP, below any prefix (RFC 5214, 6.1)
====================  =========================================================
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Self, TypeVar

from yarl import URL

from bridge.logs import RepeatedFailure, get_logger
from bridge.sinks.settings import EgressConfig

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
"""An answer of getaddrinfo."""

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
    """Decides which addresses are denied: by `deny`, then `allow`, then defaults."""

    def __init__(
        self, *, deny: Iterable[Block] = (), allow: Iterable[Block] = ()
    ) -> None:
        """Take the blocks of the configuration; the API server is not known yet."""
        self._deny = tuple(deny)
        self._allow = tuple(allow)
        self._servers: frozenset[tuple[Address, int]] = frozenset()

    @classmethod
    def of(cls, config: EgressConfig) -> Self:
        """Return the rules of the settings."""
        return cls(deny=config.deny, allow=config.allow)

    def deny_servers(self, places: Iterable[tuple[str, int]]) -> None:
        """Deny these addresses and ports, and no longer those of an earlier call."""
        self._servers = frozenset(
            (form, port) for host, port in places for form in forms_of(host)
        )

    def check(self, host: str, port: int) -> None:
        """Return if an address in digits may be connected to.

        Raises:
            DeniedAddressError: It is denied.
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
            DeniedAddressError: All of them are denied.
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


_AT_THE_END = [
    ip_network(block)
    for block in ("::ffff:0:0/96", "::ffff:0:0:0/96", "::/96", "64:ff9b::/96")
]
_SIX_TO_FOUR = ip_network("2002::/16")
_TEREDO = ip_network("2001::/32")
_OWN_NAT64 = ip_network("64:ff9b:1::/48")
_OWN_PLACES = ((6, 7, 9, 10), (7, 9, 10, 11), (9, 10, 11, 12), (12, 13, 14, 15))
_ISATAP = (b"\0\0\x5e\xfe", b"\x02\0\x5e\xfe")
_NEITHER = (IPv6Address("::"), IPv6Address("::1"))
_NOWHERE = ip_network("0.0.0.0/8")


@lru_cache(maxsize=256)
def forms_of(host: str) -> tuple[Address, ...]:
    """Return an address in digits without its zone, and the IPv4 addresses inside."""
    address = ip_address(host)
    if isinstance(address, IPv4Address):
        return (address,)
    bare = IPv6Address(address.packed)
    return (bare, *dict.fromkeys(_inner(bare)))


def _inner(address: IPv6Address) -> Iterator[IPv4Address]:
    raw = address.packed
    if address in _NEITHER:
        return
    if any(address in block for block in _AT_THE_END) or raw[8:12] in _ISATAP:
        yield IPv4Address(raw[12:])
    elif address in _SIX_TO_FOUR:
        yield IPv4Address(raw[2:6])
    elif address in _TEREDO:
        yield IPv4Address(raw[4:8])
        yield IPv4Address(bytes(byte ^ 0xFF for byte in raw[12:]))
    elif address in _OWN_NAT64:
        found = (IPv4Address(bytes(raw[at] for at in one)) for one in _OWN_PLACES)
        # Of the places that are not meant some hold nothing.
        yield from (one for one in found if one not in _NOWHERE)


LOOK_SECONDS = 60.0
"""How often the API server's name is resolved: managed ones change their addresses."""

_RESOLVE_SECONDS = 5.0


@asynccontextmanager
async def api_server_denied(egress: Egress, server: str) -> AsyncIterator[None]:
    """Deny the addresses of the API server until the block is left.

    Args:
        egress: Told the addresses, with the port.
        server: URL of the API server.
    """
    failures = RepeatedFailure(
        get_logger(server=str(URL(server).origin())),
        "The API server's address is not known, so it is not denied to sinks.",
    )
    await _look(egress, URL(server), failures)
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(
            _keep_looking(egress, URL(server), failures), name="egress"
        )
        try:
            yield
        finally:
            looking.cancel()


async def _keep_looking(egress: Egress, server: URL, failures: RepeatedFailure) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        await _look(egress, server, failures)


async def _look(egress: Egress, server: URL, failures: RepeatedFailure) -> None:
    """Return the addresses as they are now; without an answer the last ones stay."""
    resolve = asyncio.get_running_loop().getaddrinfo
    try:
        async with asyncio.timeout(_RESOLVE_SECONDS):
            found = await resolve(server.raw_host, server.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        failures.failed(str(error) or "no answer in time")
    else:
        failures.recovered("The API server's address is known again.")
        egress.deny_servers(place_of(one) for one in found)
