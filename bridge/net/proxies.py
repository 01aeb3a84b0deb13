"""Find the proxy for a URL, by the rules of Go's ``golang.org/x/net/http/httpproxy``.

One implementation for sinks, token endpoints and the API server, so that a proxy
environment means to each what it means to kubectl and to the other programs of a
cluster. ``~/.netrc`` plays no part.
"""

import ipaddress
from collections.abc import Mapping
from typing import NamedTuple

from yarl import URL

from bridge.errors import ConfigError

DIRECT = "none"
"""Says that no proxy leads to a sink, whatever the environment says."""


def proxy_for(url: URL, *, proxy: str | None, environ: Mapping[str, str]) -> URL | None:
    """Return the proxy to use; None: connect directly.

    Args:
        url: Where to.
        proxy: What the sink says: a URL, or `DIRECT`; None: nothing.
        environ: Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are looked up, in upper
            case first.

    Raises:
        ConfigError: The proxy is not an HTTP proxy; names the setting or the variable.
    """
    if proxy == DIRECT:
        return None
    if proxy is not None:
        return parse_proxy(proxy, name="proxy")
    return proxy_of_environment(url, environ)


def proxy_of_environment(url: URL, environ: Mapping[str, str]) -> URL | None:
    """Return the proxy that the environment names for a URL; None: none.

    Raises:
        ConfigError: It is not an HTTP proxy; names the variable.
    """
    name, named = _variable(environ, f"{url.scheme.upper()}_PROXY")
    _, no_proxy = _variable(environ, "NO_PROXY")
    if not named or is_excluded(url, no_proxy):
        return None
    return parse_proxy(named, name=name)


def parse_proxy(text: str, *, name: str) -> URL:
    """Return the URL of an HTTP proxy; ``proxy:3128``, which is common, means HTTP.

    Args:
        text: As it was written.
        name: What errors call the place where it was written.

    Raises:
        ConfigError: It is something else, as a SOCKS proxy; quotes only its scheme.
    """
    try:
        url = URL(text if "://" in text else f"http://{text}")
        scheme = url.scheme if url.host and url.port != 0 else "no host"
    except (ValueError, IndexError):  # yarl raises either
        scheme = "no URL"
    else:
        if scheme in {"http", "https"}:
            return url
    raise ConfigError([f"{name}: expected an http or https URL, got '{scheme}'"])


def is_excluded(url: URL, no_proxy: str) -> bool:
    """Return whether NO_PROXY, or what always holds, asks for a direct connection.

    The names of this machine are never proxied. `no_proxy` lists, by commas: ``*``;
    an address, or a block of them (``10.0.0.0/8``); a name, which includes all names
    below it; a name with a dot before it, which means only those. An address or a name
    may have a port: ``10.1.2.3:8080``, ``[fd00::1]:8080``, ``example.com:8080``.
    """
    host = (url.host or "").lower().rstrip(".")
    place = _Place(
        host=host,
        address=_address(host),
        port=str(url.port or ""),
    )
    if host == "localhost" or (place.address and place.address.is_loopback):
        return True
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_matches(entry, place) for entry in entries if entry)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Block = ipaddress.IPv4Network | ipaddress.IPv6Network


class _Place(NamedTuple):
    """Where to: `address` is None for a name."""

    host: str
    address: _Address | None
    port: str


def _matches(entry: str, place: _Place) -> bool:
    if entry == "*":
        return True
    block = _block(entry)
    if block is not None:
        return place.address is not None and place.address in block
    name, port = _split_port(entry)
    if port and port != place.port:
        return False
    if place.address is not None:
        return _address(name) == place.address
    return _is_below(name.removeprefix("*"), place.host)


def _is_below(name: str, host: str) -> bool:
    if not name:
        return False
    return host.endswith("." + name.removeprefix(".")) or name == host


def _split_port(entry: str) -> tuple[str, str]:
    """Return name or address, and the port; empty: any."""
    if _address(entry) is not None:  # an IPv6 address holds colons of its own
        return entry, ""
    if entry.startswith("["):
        address, _, port = entry[1:].partition("]")
        return address, port.removeprefix(":")
    name, _, port = entry.partition(":")
    return name, port


def _address(host: str) -> _Address | None:
    """Return the address; one of IPv4 in the form of IPv6 as one of IPv4, as Go."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address


def _block(entry: str) -> _Block | None:
    address, slash, bits = entry.partition("/")
    if not slash or not bits.isascii() or not bits.isdigit():
        return None
    try:
        return ipaddress.ip_network(f"{address}/{bits}", strict=False)
    except ValueError:
        return None


def _variable(environ: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return the variable that is set, in upper case first as in Go, and its text."""
    for spelling in (name, name.lower()):
        if environ.get(spelling):
            return spelling, environ[spelling]
    return name, ""
