"""The way to a sink on aiohttp's engine: `AiohttpTransport`.

Some 55 us of CPU for a POST of 2 kB; httpx's own transport takes 1.7 ms and more.

aiohttp takes bytes that came on an idle connection for the answer to the next request:
an event would count as delivered that was never read. So a connection that
was idle is looked at before it is used again, and closed if anything came on it.
"""

import asyncio
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from ssl import SSLContext
from typing import Any, cast

import aiohttp
import httpx
from aiohttp import ClientTimeout, DummyCookieJar, StreamReader
from aiohttp.abc import ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection as AiohttpConnection
from multidict import CIMultiDict
from yarl import URL

from bridge.net.proxies import proxy_for
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.text import one_line_excerpt, origin
from bridge.sinks.transports import (
    CONNECT_SHARE,
    IDLE_SECONDS,
    MOST_READ_BYTES,
    Fields,
    IdleWatch,
    Response,
)
from bridge.sinks.transports.deadline import Deadlines
from bridge.sinks.transports.egress import (
    AddressInfo,
    DeniedAddressError,
    Egress,
    place_of,
)
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

_UNKNOWN = (URL("http://unknown.invalid"), URL("https://unknown.invalid"))
_WRITTEN_AT_ONCE = 1 << 20
_MOST_FIELD_BYTES = 32768
_FAULTS = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
_SET_BY_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class _Route:
    """The way of requests to an origin: proxy, TLS."""

    proxy: URL | None
    needs_tls: bool


class AiohttpTransport:
    """A `Transport` by aiohttp, which also knows proxies."""

    def __init__(
        self,
        *,
        url: URL | None,
        concurrency: int,
        timeout_seconds: float,
        tls: TlsContext,
        proxy: str | None = None,
        environ: Mapping[str, str] | None = None,
        egress: Egress | None = None,
    ) -> None:
        """Open nothing yet; connections belong to the loop of the first request.

        Args:
            url: Where most requests will go; None: that is not known yet.
            concurrency: Most connections at a time; further requests wait for one.
            timeout_seconds: Longest that a request may take, until the last byte of
                its answer; two thirds of it may go into connecting.
            tls: What to connect with.
            proxy: See `proxy_for`.
            environ: See `proxy_for`; None: the process's own.
            egress: Where connections may lead; None: the defaults.

        Raises:
            ConfigError: The proxy is not an HTTP proxy.
        """
        self._concurrency = concurrency
        self._seconds = timeout_seconds
        self._deadlines = Deadlines(timeout_seconds)
        self._connect_seconds = timeout_seconds * CONNECT_SHARE
        self._tls = tls
        self._proxy = proxy
        self._environ = os.environ if environ is None else environ
        self._egress = egress or Egress()
        self._routes: dict[URL, _Route] = {}
        self._opened: aiohttp.ClientSession | None = None
        for one in _UNKNOWN if url is None else (url,):
            self._find_way(one)

    async def request(
        self,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes = b"",
        fields: Fields = (),
    ) -> Response:
        """See `Transport`."""
        began = time.perf_counter()
        route = self._find_way(url)
        context = self._context(route)
        try:
            with self._deadlines.attempt():
                answer = await self._session().request(
                    method,
                    url,
                    data=_payload(body),
                    headers=_joined(headers, fields),
                    # Requests of sinks have them all, and to skip them costs 4 us.
                    skip_auto_headers=(
                        None if "User-Agent" in headers else _SET_BY_AIOHTTP
                    ),
                    allow_redirects=False,
                    proxy=route.proxy,
                    ssl=context,
                    server_hostname=self._tls.server_name,
                )
                try:
                    start = await _read_start(answer.content)
                finally:
                    # After its last byte the connection is back in the pool already.
                    if not answer.closed:
                        answer.close()
        except _FAULTS as error:
            raise as_httpx(error, url, seconds=self._seconds) from error
        duration = time.perf_counter() - began
        return Response(answer.status, answer.headers, start, duration)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        self._deadlines.close()
        if self._opened is not None:
            await self._opened.close()

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=WatchedConnector(
                    limit=self._concurrency,
                    # aiohttp looks as often as that, so they may wait twice as long.
                    keepalive_seconds=IDLE_SECONDS / 2,
                    egress=self._egress,
                ),
                cookie_jar=DummyCookieJar(),
                auto_decompress=False,
                read_bufsize=MOST_READ_BYTES // 4,
                max_field_size=_MOST_FIELD_BYTES,
                timeout=ClientTimeout(connect=self._connect_seconds),
            )
        return self._opened

    def _find_way(self, url: URL) -> _Route:
        origin = url.origin()
        route = self._routes.get(origin)
        if route is None:
            proxy = proxy_for(origin, proxy=self._proxy, environ=self._environ)
            schemes = {origin.scheme, proxy.scheme if proxy else None}
            route = self._routes[origin] = _Route(proxy, "https" in schemes)
        return route

    def _context(self, route: _Route) -> SSLContext | bool:
        return self._tls.get() if route.needs_tls else True


def _joined(headers: CIMultiDict[str], fields: Fields) -> CIMultiDict[str]:
    """Return the fields of all requests and those of one, which replace the others."""
    if not fields:
        return headers
    both = headers.copy()
    both.update((name.decode(), value.decode()) for name, value in fields)
    return both


def _payload(body: bytes) -> bytes | BytesIO | None:
    """Return the body as aiohttp takes it; a file is written in pieces."""
    return (body or None) if len(body) <= _WRITTEN_AT_ONCE else BytesIO(body)


async def _read_start(content: StreamReader) -> bytes:
    """Read a bounded part of a body and return it."""
    chunks, total = [], 0
    while total < MOST_READ_BYTES and not content.at_eof():
        chunks.append(await content.readany())
        total += len(chunks[-1])
    return b"".join(chunks)


def as_httpx(error: BaseException, url: URL, *, seconds: float) -> httpx.TransportError:
    """Return an error of aiohttp as one of httpx, without secrets in its message.

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


class EarlyAnswerError(aiohttp.ClientConnectionError):
    """The peer sent bytes before a request."""


class WatchedConnector(aiohttp.TCPConnector):
    """Gives out connections on which nothing came since the last answer."""

    def __init__(self, *, limit: int, keepalive_seconds: float, egress: Egress) -> None:
        """Connect nowhere yet.

        Args:
            limit: Most connections at a time.
            keepalive_seconds: How long one may be idle.
            egress: Where connections may lead.
        """
        super().__init__(
            limit=limit,
            keepalive_timeout=keepalive_seconds,
            resolver=PermittedResolver(egress),
            socket_factory=self._open_socket,
        )
        self._egress = egress
        # aiohttp has no other way to say it; `connect` notices if it means nothing.
        self._factory = cast(
            "partial[ResponseHandler]",
            partial(WatchedHandler, loop=asyncio.get_running_loop()),
        )

    async def connect(self, *args: Any, **kwargs: Any) -> AiohttpConnection:
        """See `aiohttp.BaseConnector`.

        Raises:
            EarlyAnswerError: A new connection has something on it already.
        """
        while True:
            connection = await super().connect(*args, **kwargs)
            handler = connection.protocol
            assert isinstance(handler, WatchedHandler)  # noqa: S101  # see `__init__`
            if not handler.was_disturbed():
                connection.add_callback(handler.rest)
                return connection
            connection.close()
            if handler.is_new:
                raise EarlyAnswerError

    def _open_socket(self, info: AddressInfo) -> socket.socket:
        self._egress.check(*place_of(info))
        return socket.socket(*info[:3])


class WatchedHandler(ResponseHandler):
    """A connection that notes whether bytes came since the last answer ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait to be connected."""
        super().__init__(loop)
        self._watch: IdleWatch
        self._received_bytes = 0
        self._rested_bytes: int | None = None

    @property
    def is_new(self) -> bool:
        """Whether no answer was read yet."""
        return self._rested_bytes is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._watch = IdleWatch(transport.get_extra_info("socket").fileno())
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._received_bytes += len(data)
        super().data_received(data)

    def rest(self) -> None:
        """Note that an answer was read, and another is not expected."""
        self._rested_bytes = self._received_bytes

    def was_disturbed(self) -> bool:
        """Return whether bytes, or the end, came that are part of no answer."""
        if self.should_close or self._rested_bytes is None:
            return self.should_close
        return self._rested_bytes != self._received_bytes or self._watch.is_disturbed()


class PermittedResolver(aiohttp.ThreadedResolver):
    """Leaves out denied addresses, so that the others can still be reached.

    The connector decides in the end: a URL may hold an address instead of a name.
    """

    def __init__(self, egress: Egress) -> None:
        """Resolve nothing yet."""
        super().__init__()
        self._egress = egress

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,
    ) -> list[ResolveResult]:
        """See `aiohttp.abc.AbstractResolver`.

        Raises:
            DeniedAddressError: All addresses of the name are denied.
        """
        found = await super().resolve(host, port, family)
        return self._egress.permitted(found, lambda one: (one["host"], one["port"]))
