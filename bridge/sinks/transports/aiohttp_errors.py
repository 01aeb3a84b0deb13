"""Which fault it was that aiohttp reports."""

import aiohttp
import httpx
from yarl import URL

from bridge.sinks.text import one_line_excerpt, origin
from bridge.sinks.transports.aiohttp_connector import EarlyAnswerError
from bridge.sinks.transports.egress import DeniedAddressError
from bridge.sinks.transports.errors import (
    LOST,
    CutAnswerError,
    DeniedError,
    DnsError,
    ProxyStatusError,
    TlsError,
    forget_frames,
    text_of,
    tls_fault,
)


def as_httpx(error: BaseException, url: URL, *, seconds: float) -> httpx.TransportError:
    """Return what happened as an error of httpx, without secrets in its message.

    Args:
        error: What aiohttp raised: a ClientError, a TimeoutError, an OSError or a
            UnicodeError.
        url: Where the request went.
        seconds: The deadline of the attempt.
    """
    forget_frames(error)
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout(f"no connection to {origin(url)} in time")
        case TimeoutError():
            return httpx.ReadTimeout(f"no complete answer within {seconds:g} s")
        case aiohttp.ClientConnectorError() | aiohttp.ClientSSLError():
            return _connecting(error, url)
        case aiohttp.InvalidURL() | UnicodeError():
            # Such as http://2130706433: an address, but in no usual form.
            return DnsError(f"cannot resolve {url.host}: not a name of DNS")
        case aiohttp.ClientHttpProxyError():
            text = f"the proxy answered CONNECT with {error.status}"
            return ProxyStatusError(text, status=error.status)
        case _:
            return _answering(error, url)


def _connecting(error: aiohttp.ClientOSError, url: URL) -> httpx.TransportError:
    if isinstance(error.__cause__, DeniedAddressError):
        return _denied(error, error.__cause__)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return DnsError(f"cannot resolve {error.host}: {error.strerror}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        text = f"cannot connect to proxy {error.host}:{error.port}: {text_of(error)}"
        return httpx.ProxyError(text)
    tls = tls_fault(error.__cause__)
    if tls is not None:
        return TlsError(f"TLS with {origin(url)} failed: {tls}")
    return httpx.ConnectError(f"cannot connect to {origin(url)}: {text_of(error)}")


def _answering(error: BaseException, url: URL) -> httpx.TransportError:
    tls = tls_fault(error.__cause__)
    match error:
        case aiohttp.ClientResponseError():
            return httpx.RemoteProtocolError(
                f"not HTTP: {one_line_excerpt(error.message)}"
            )
        case EarlyAnswerError():
            return httpx.RemoteProtocolError("not HTTP: an answer before a request")
        case aiohttp.ClientPayloadError():
            return CutAnswerError("answer cut short within its body")
        case aiohttp.ServerDisconnectedError() if not isinstance(error.message, str):
            return CutAnswerError("answer cut short within its head")
        case _ if tls is not None:
            # In TLS 1.3 a server refuses our certificate after the handshake.
            return TlsError(f"TLS with {origin(url)} failed: {tls}")
        case _:
            return httpx.ReadError(LOST)


def _denied(
    error: aiohttp.ClientOSError, cause: DeniedAddressError
) -> httpx.TransportError:
    # Of the proxy, where there is one: where it leads to is not seen from here.
    where = getattr(error, "host", "")
    return DeniedError(f"{where} leads to {cause}")
