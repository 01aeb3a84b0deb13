"""The way to a sink: httpx's transport interface on llhttp."""

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
from bridge.sinks.transports.aiohttp import (
    CONNECT_SHARE,
    IDLE_SECONDS,
    AiohttpTransport,
)
from bridge.sinks.transports.deadline import Deadlines
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.llhttp.fields import ResponseFields
from bridge.sinks.transports.llhttp.heads import Fields, RequestHeads, whole
from bridge.sinks.transports.llhttp.pool import Peer, Pool
from bridge.sinks.transports.llhttp.stream import AnswerStream, ReadTimeouts, late
from bridge.sinks.transports.response import EXCERPT_BYTES, MOST_READ_BYTES, Response


class LlhttpTransport(httpx.AsyncBaseTransport):
    """Sends requests to one sink over connections that it keeps.

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

    async def post(
        self,
        url: URL,
        headers: CIMultiDict[str],
        body: bytes,
        fields: Fields = (),
    ) -> Response:
        """POST and return the answer: the fast path.

        Args:
            url: Where to.
            headers: Its fields; the same object means the same fields.
            body: Sent in one piece.
            fields: Those of this event alone, their names in lower case; they replace
                others of the same name.

        Raises:
            httpx.TransportError: There was no answer; see `transports.errors`.
            UnusableError: The TLS files cannot be used.
        """
        began = time.perf_counter()
        peer = self._find_peer(url)
        if peer is None:
            return await self._proxied.post(url, headers, body, fields)
        request = self._heads.post(url, headers, body, fields)
        try:
            with self._deadlines.attempt():
                connection = self._pool.find(peer) or await self._pool.take(peer)
                try:
                    await connection.ask(request, enough_bytes=MOST_READ_BYTES)
                finally:
                    self._pool.give_back(peer, connection)
        except TimeoutError as error:
            raise late(self._seconds) from error
        answer = connection.answer
        excerpt = b"".join(answer.chunks)[:EXCERPT_BYTES]
        duration = time.perf_counter() - began
        return Response(answer.status, ResponseFields(answer.fields), excerpt, duration)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send any request and return the answer, its body still to be read.

        Raises:
            httpx.TransportError: There was no answer; see `transports.errors`.
            UnusableError: The TLS files cannot be used.
        """
        # Encoded by httpx already: to encode it again could change it.
        url = URL(str(request.url), encoded=True)
        peer = self._find_peer(url)
        if peer is None:
            return await self._proxied.handle_async_request(request)
        await request.aread()
        patience = ReadTimeouts(self._seconds, request.extensions.get("timeout", {}))
        connection = await patience.connect(self._pool.take(peer), peer.origin)
        stream = AnswerStream(
            connection, patience, lambda: self._pool.give_back(peer, connection)
        )
        await stream.ask(whole(request, url), is_bodiless=request.method == "HEAD")
        answer = connection.answer
        return httpx.Response(
            answer.status,
            headers=answer.fields,
            stream=stream,
            extensions={"http_version": b"HTTP/1.1", "reason_phrase": answer.reason},
        )

    async def aclose(self) -> None:
        """Close all connections; requests under way fail."""
        self._deadlines.close()
        await self._pool.aclose()
        await self._proxied.aclose()

    def _find_peer(self, url: URL) -> Peer | None:
        """Return whom to connect to; None: a proxy leads there."""
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
