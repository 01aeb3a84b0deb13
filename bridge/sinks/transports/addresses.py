"""IPv4 addresses inside those of IPv6: where a packet may end up in the end.

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

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Address = IPv4Address | IPv6Address

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
