"""The way to a sink: httpx's transport interface on aiohttp's engine.

Two ways in, one behaviour. `handle_async_request` is httpx's contract, whole; `post`
is the fast path, which builds no object of httpx: some 55 us of CPU for a POST of 2 kB
against 91-96 for the contract alone and 1.7 ms and more for httpx's own transport.

Neither follows redirects, keeps cookies, repeats a request or decompresses an answer.
"""

import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from ssl import SSLContext

import aiohttp
import httpx
from aiohttp import ClientTimeout, DummyCookieJar, StreamReader
from multidict import CIMultiDict
from yarl import URL

from bridge.net.proxies import proxy_for
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.transports.aiohttp_connector import WatchedConnector
from bridge.sinks.transports.aiohttp_errors import as_httpx
from bridge.sinks.transports.deadline import Deadlines
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.response import EXCERPT_BYTES, MOST_READ_BYTES, Response

IDLE_SECONDS = 8.0
"""Idle connections are closed after this: a Knative ingress closes them at 10."""

CONNECT_SHARE = 2 / 3
"""How much of the time of an attempt may go into connecting."""

_UNKNOWN = (URL("http://unknown.invalid"), URL("https://unknown.invalid"))
_WRITTEN_AT_ONCE = 1 << 20
_MOST_FIELD_BYTES = 32768
_FAULTS = (aiohttp.ClientError, TimeoutError, OSError, UnicodeError)
_SET_BY_HTTPX = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


@dataclass(frozen=True, slots=True)
class _Route:
    """How requests get to an origin."""

    proxy: URL | None
    needs_tls: bool


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends requests to one sink over connections that it keeps."""

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

    async def post(
        self,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        fields: Sequence[tuple[bytes, bytes]] = (),
    ) -> Response:
        """POST and return the answer: the fast path.

        Args:
            url: Where to.
            headers: Fields of all requests.
            body: Sent in one piece.
            fields: Those of this event alone, which replace others of the same name.

        Raises:
            httpx.TransportError: There was no answer; see `transports.errors`.
            UnusableError: The TLS files cannot be used.
        """
        began = time.perf_counter()
        route = self._find_way(url)
        context = self._context(route)
        try:
            with self._deadlines.attempt():
                answer = await self._session().post(
                    url,
                    data=_payload(body),
                    headers=joined(headers, fields),
                    allow_redirects=False,
                    proxy=route.proxy,
                    ssl=context,
                    server_hostname=self._tls.server_name,
                )
                try:
                    excerpt = await _read_excerpt(answer.content)
                finally:
                    # After its last byte it has let go of the connection by itself.
                    if not answer.closed:
                        answer.close()
        except _FAULTS as error:
            raise as_httpx(error, url, seconds=self._seconds) from error
        duration = time.perf_counter() - began
        return Response(answer.status, answer.headers, excerpt, duration)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send any request and return the answer, its body still to be read.

        Raises:
            httpx.TransportError: There was no answer; see `transports.errors`.
            UnusableError: The TLS files cannot be used.
        """
        # Encoded by httpx already: to encode it again could change it.
        url = URL(str(request.url), encoded=True)
        route = self._find_way(url)
        headers = CIMultiDict(request.headers.multi_items())
        # The body is sent in one piece, so its length is known.
        headers.popall("Transfer-Encoding", None)
        try:
            answer = await self._session().request(
                request.method,
                url,
                data=_payload(await request.aread()),
                headers=headers,
                skip_auto_headers=_SET_BY_HTTPX,
                allow_redirects=False,
                proxy=route.proxy,
                ssl=self._context(route),
                server_hostname=self._tls.server_name,
                timeout=self._timeout(request.extensions.get("timeout", {})),
            )
        except _FAULTS as error:
            raise as_httpx(error, url, seconds=self._seconds) from error
        return httpx.Response(
            answer.status,
            headers=answer.raw_headers,
            stream=_AnswerStream(answer, url, self._seconds),
            extensions={
                "http_version": b"HTTP/1.1",
                "reason_phrase": (answer.reason or "").encode(),
            },
        )

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

    def _timeout(self, asked: Mapping[str, float | None]) -> ClientTimeout:
        """Return httpx's timeouts, which may only be shorter than the sink's."""
        connect = asked.get("connect") or self._connect_seconds
        return ClientTimeout(
            total=self._seconds,
            connect=min(connect, self._connect_seconds),
            sock_read=asked.get("read"),
        )

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


class _AnswerStream(httpx.AsyncByteStream):
    """The body of an answer, read as it comes."""

    def __init__(
        self, answer: aiohttp.ClientResponse, url: URL, seconds: float
    ) -> None:
        self._answer = answer
        self._url = url
        self._seconds = seconds

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except _FAULTS as error:
            raise as_httpx(error, self._url, seconds=self._seconds) from error

    async def aclose(self) -> None:
        if not self._answer.closed:
            self._answer.close()


def joined(
    headers: CIMultiDict[str], fields: Sequence[tuple[bytes, bytes]]
) -> CIMultiDict[str]:
    """Return the fields of all requests and those of one, which replace the others."""
    if not fields:
        return headers
    both = headers.copy()
    both.update((name.decode(), value.decode()) for name, value in fields)
    return both


def _payload(body: bytes) -> bytes | BytesIO | None:
    """Return what aiohttp sends; it writes a file in pieces, between other work."""
    return (body or None) if len(body) <= _WRITTEN_AT_ONCE else BytesIO(body)


async def _read_excerpt(content: StreamReader) -> bytes:
    """Read a bounded part of a body and return how it begins."""
    excerpt, total = b"", 0
    while total < MOST_READ_BYTES and not content.at_eof():
        chunk = await content.readany()
        excerpt += chunk[: EXCERPT_BYTES - len(excerpt)]
        total += len(chunk)
    return excerpt
