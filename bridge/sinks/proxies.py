"""Which proxy leads to a URL, by the conventions of Go's ``net/http``."""

import ipaddress
from collections.abc import Mapping

from yarl import URL

from bridge.errors import ConfigError

DIRECT = "none"
"""Says that no proxy leads to a sink, whatever the environment says."""


def proxy_for(url: URL, *, proxy: str | None, environ: Mapping[str, str]) -> URL | None:
    """Return the proxy to use; None: connect directly.

    Args:
        url: Where to.
        proxy: What the sink says: a URL, or `DIRECT`; None: nothing.
        environ: Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are looked up, in lower
            case first.

    Raises:
        ConfigError: The proxy is not an HTTP proxy.
    """
    if proxy == DIRECT:
        return None
    if proxy is not None:
        return _parse(proxy)
    named = _variable(environ, f"{url.scheme}_proxy")
    if not named or is_excluded(url, _variable(environ, "no_proxy")):
        return None
    return _parse(named)


def is_excluded(url: URL, no_proxy: str) -> bool:
    """Return whether NO_PROXY, or what always holds, asks for a direct connection.

    The names of this machine are never proxied. `no_proxy` lists, by commas: ``*``;
    an address or a block of them (``10.0.0.0/8``); a name, which includes all names
    below it; a name with a dot before it, which means only those. Any but the first
    two may have a port.
    """
    host = (url.host or "").lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (entry.strip().lower() for entry in no_proxy.split(","))
    return any(_matches(entry, host, address, url.port) for entry in entries if entry)


def _matches(entry: str, host: str, address: "_Address", port: int | None) -> bool:
    if entry == "*":
        return True
    block = _block(entry)
    if block is not None:
        return address is not None and address in block
    name, _, wanted = entry.partition(":")
    if wanted and wanted != str(port):
        return False
    if address is not None:
        return name == host
    name = name.removeprefix("*")
    return host.endswith("." + name.removeprefix(".")) or name == host


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address | None
_Block = ipaddress.IPv4Network | ipaddress.IPv6Network | None


def _address(host: str) -> _Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _block(entry: str) -> _Block:
    try:
        return ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return None


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.upper()) or ""


def _parse(proxy: str) -> URL:
    # "proxy:3128" is common, and means HTTP.
    url = URL(proxy if "://" in proxy else f"http://{proxy}")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError([f"proxy: expected an http or https URL, got '{url.scheme}'"])
    return url
