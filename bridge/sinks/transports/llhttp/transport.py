"""The way to a sink on llhttp: `LlhttpTransport`."""

import os
import time
from collections.abc import Mapping
from dataclasses import replace

import httpx
from multidict import CIMultiDict
from yarl import URL

from bridge.net.proxies import proxy_for
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.text import origin
from bridge.sinks.transports import CONNECT_SHARE, IDLE_SECONDS, Fields, Response
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.deadline import Deadlines
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.llhttp.answer import ResponseFields
from bridge.sinks.transports.llhttp.pool import Peer, Pool

_FRAMING = ("content-length", "transfer-encoding")
_WITHOUT_BODY = ("GET", "HEAD", "OPTIONS", "DELETE")
"""Methods of which a request without a body has no length (RFC 9110, 8.6)."""


class LlhttpTransport:
    """A `Transport` by llhttp.

    What a proxy leads to is left to `AiohttpTransport`.
    """

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
        """See `AiohttpTransport`.

        Raises:
            ConfigError: The proxy is not an HTTP proxy.
        """
        self._seconds = timeout_seconds
        self._tls = tls
        self._proxy = proxy
        self._environ = os.environ if environ is None else environ
        self._proxied = AiohttpTransport(
            url=url,
            concurrency=concurrency,
            timeout_seconds=timeout_seconds,
            tls=tls,
            proxy=proxy,
            environ=environ,
            egress=egress,
        )
        self._deadlines = Deadlines(timeout_seconds)
        self._heads = RequestHeads()
        self._peers: dict[URL, Peer | None] = {}
        self._pool = Pool(
            limit=concurrency,
            connect_seconds=timeout_seconds * CONNECT_SHARE,
            idle_seconds=IDLE_SECONDS,
            egress=egress,
        )

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
        peer = self._find_peer(url)
        if peer is None:
            return await self._proxied.request(method, url, headers, body, fields)
        request = self._heads.request(method, url, headers, body, fields)
        try:
            with self._deadlines.attempt():
                connection = self._pool.find(peer) or await self._pool.take(peer)
                try:
                    await connection.ask(request, is_bodiless=method == "HEAD")
                finally:
                    self._pool.give_back(peer, connection)
        except TimeoutError as error:
            late = f"no complete answer within {self._seconds:g} s"
            raise httpx.ReadTimeout(late) from error
        answer = connection.answer
        start = b"".join(answer.chunks)
        duration = time.perf_counter() - began
        return Response(answer.status, ResponseFields(answer.fields), start, duration)

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        self._deadlines.close()
        await self._pool.aclose()
        await self._proxied.aclose()

    def _find_peer(self, url: URL) -> Peer | None:
        """Return the peer of a URL; None: a proxy leads there."""
        place = url.origin()
        if place not in self._peers:
            self._peers[place] = self._describe(place)
        peer = self._peers[place]
        if peer is not None and peer.tls is not None:
            tls = self._tls.get()
            if tls is not peer.tls:
                peer = self._peers[place] = replace(peer, tls=tls)
        return peer

    def _describe(self, place: URL) -> Peer | None:
        if proxy_for(place, proxy=self._proxy, environ=self._environ) is not None:
            return None
        return Peer(
            origin=origin(place),
            host=place.raw_host or "",
            port=place.port or 0,
            tls=self._tls.get() if place.scheme == "https" else None,
            server_name=self._tls.server_name,
        )


class RequestHeads:
    """Prepares what stands before a body, once for as long as the fields stay."""

    def __init__(self) -> None:
        """Have seen none."""
        self._method = ""
        self._url: URL | None = None
        self._headers: CIMultiDict[str] | None = None
        self._lines: dict[bytes, bytes] = {}
        self._starts: dict[tuple[bytes, ...], bytes] = {}

    def request(
        self,
        method: str,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        fields: Fields = (),
    ) -> bytes:
        """Return a whole request; see `Transport.request`.

        Raises:
            ValueError: A field would end within its line.
        """
        if (
            url is not self._url
            or headers is not self._headers
            or method != self._method
        ):
            self._lines = _lines(method, url, list(headers.items()))
            self._starts = {}
            self._method, self._url, self._headers = method, url, headers
        start = self._start_without(
            tuple([name for name, _ in fields if name in self._lines])
        )
        own = _join(fields) if fields else b""
        if not body and method in _WITHOUT_BODY:
            return b"%b%b\r\n" % (start, own)
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (start, own, len(body), body)

    def _start_without(self, names: tuple[bytes, ...]) -> bytes:
        start = self._starts.get(names)
        if start is None:
            lines = [line for name, line in self._lines.items() if name not in names]
            start = self._starts[names] = b"".join(lines)
        return start


def _lines(method: str, url: URL, fields: list[tuple[str, str]]) -> dict[bytes, bytes]:
    """Return the lines of a head by the names of their fields, in lower case."""
    first = f"{method} {url.raw_path_qs} HTTP/1.1"
    if len(first.split()) != 3 or not first.isprintable():
        raise ValueError(f"request line: expected method and target, got {first!r}")
    lines = {b"": f"{first}\r\n".encode()}
    if not any(name.lower() == "host" for name, _ in fields):
        lines[b"host"] = f"Host: {url.host_port_subcomponent}\r\n".encode()
    for name, value in fields:
        if name.lower() not in _FRAMING:
            key, field = name.lower().encode(), (name.encode(), value.encode())
            lines[key] = lines.get(key, b"") + _join([field])
    return lines


def _join(fields: Fields) -> bytes:
    lines = b"".join([b"%b: %b\r\n" % field for field in fields])
    count = len(fields)
    if (lines.count(b"\r"), lines.count(b"\n"), lines.count(b"\0")) != (
        count,
        count,
        0,
    ):
        names = b", ".join(name for name, _ in fields)
        raise ValueError(f"header fields {names!r}: expected one line of text each")
    return lines
