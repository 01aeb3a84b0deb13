"""Open sockets that notice a dead peer, and turn their failures into errors."""

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import aiohttp

from bridge.errors import UnreachableError

CONNECT_SECONDS = 10.0
"""The kernel alone would try for minutes."""

_TEXT_LIMIT = 256

# After 30 s of silence a probe every 10 s; dead after three, or after 60 s with data
# that nobody acknowledged. aiohttp sets nothing, so that a watch would hang for ever.
# Not every system knows every option.
_SOCKET_OPTIONS = tuple(
    (level, getattr(socket, name), value)
    for level, name, value in (
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 30),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 10),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", 60_000),
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
    )
    if hasattr(socket, name)
)

_PHASES: Sequence[tuple[type[Exception], str]] = (
    (aiohttp.ClientConnectorDNSError, "dns"),
    (aiohttp.ClientConnectorCertificateError, "tls"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ClientHttpProxyError, "connect"),
    (aiohttp.ConnectionTimeoutError, "connect"),
)

NETWORK_ERRORS = (aiohttp.ClientError, OSError, TimeoutError)
"""What aiohttp raises when there is no complete answer."""


def open_session(
    tls: ssl.SSLContext, *, headers: Sequence[tuple[str, str]] = ()
) -> aiohttp.ClientSession:
    """Return a session without a limit on connections: each watch keeps one.

    It looks up nothing in the environment: the proxy is `find_proxy`'s, and
    ``~/.netrc`` is not ours to read.

    Args:
        tls: Trust and client certificate.
        headers: Sent with each request; a name may come several times.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=tls, limit=0, socket_factory=_keepalive_socket
        ),
        headers=list(headers),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        # What is compressed is refused: the bridge never asks for it.
        auto_decompress=False,
    )


def _keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    connection = socket.socket(family=family, type=kind, proto=protocol)
    for level, option, value in _SOCKET_OPTIONS:
        connection.setsockopt(level, option, value)
    return connection


def unreachable(error: Exception, *, doing: str, phase: str) -> UnreachableError:
    """Return the error for an exchange that broke.

    Args:
        error: One of `NETWORK_ERRORS`.
        doing: What was tried, and with whom.
        phase: Where it broke, unless the error itself tells better.
    """
    known = (name for kind, name in _PHASES if isinstance(error, kind))
    return UnreachableError(f"{doing}: {_reason(error)}", phase=next(known, phase))


def _reason(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"the proxy answered {error.status}"  # its text may hold the URL
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection was cut"
    return str(error.__cause__ or error)[:_TEXT_LIMIT] or type(error).__name__
