"""Check whether a sink can be connected to: its name, its port, its certificate.

Not a byte of HTTP is sent, so no receiver can take it for an event. A sink behind a
proxy is known to the proxy alone: then the connection to the proxy is made.
"""

from collections.abc import Mapping

import httpx
from yarl import URL

from bridge.errors import ConfigError
from bridge.net.proxies import proxy_for
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import SecretError
from bridge.sinks.text import one_line_excerpt, origin
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.llhttp.pool import Peer, Pool


async def reach(
    url: URL,
    *,
    tls: TlsContext,
    proxy: str | None,
    environ: Mapping[str, str],
    egress: Egress,
    timeout_seconds: float,
) -> tuple[str, str]:
    """Connect, and close again; return the proxy that leads there, and what is wrong.

    Args:
        url: Where to.
        tls: What to connect with.
        proxy: See `proxy_for`.
        environ: See `proxy_for`.
        egress: Where connections may lead.
        timeout_seconds: Longest that connecting may take.

    Returns:
        Origin of the proxy, empty: there is none; and why it cannot be connected to,
        empty: it can.
    """
    way: URL | None = None
    try:
        way = proxy_for(url.origin(), proxy=proxy, environ=environ)
        # The name that is asked for is the sink's, not its proxy's.
        name = tls.server_name if way is None else None
        await _connect((way or url).origin(), tls, name, egress, timeout_seconds)
    except (httpx.TransportError, ConfigError, SecretError) as error:
        problem = one_line_excerpt(str(error)) or type(error).__name__
    else:
        problem = ""
    return ("" if way is None else origin(way)), problem


async def _connect(
    place: URL,
    tls: TlsContext,
    server_name: str | None,
    egress: Egress,
    timeout_seconds: float,
) -> None:
    pool = Pool(
        limit=1, connect_seconds=timeout_seconds, idle_seconds=0.0, egress=egress
    )
    try:
        peer = Peer(
            origin=origin(place),
            host=place.raw_host or "",
            port=place.port or 0,
            tls=tls.get() if place.scheme == "https" else None,
            server_name=server_name,
        )
        pool.give_back(peer, await pool.take(peer))
    finally:
        await pool.aclose()


def is_usable(text: str) -> bool:
    """Return whether every library that a URL passes through can read it."""
    try:
        ours = URL(text).with_user(None)  # which is sent as a header field
        theirs = httpx.URL(str(ours))
        names = ours.host, ours.raw_host, theirs.host, theirs.raw_host.decode("ascii")
        (ours.raw_host or "").encode("idna")  # as the resolver will
    except (ValueError, TypeError, LookupError, httpx.InvalidURL):
        return False
    return all(names) and ours.port is not None
