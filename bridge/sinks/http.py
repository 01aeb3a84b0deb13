"""Delivers events to a webhook: one POST for each attempt."""

import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import httpx
from multidict import CIMultiDict
from yarl import URL

from bridge import __version__
from bridge.errors import PermanentSinkError, SinkPausedError
from bridge.events import EncodedEvent
from bridge.events.encode import (
    BATCH_TYPE,
    STRUCTURED_TYPE,
    Header,
    batch,
    binary,
)
from bridge.sinks import Answer
from bridge.sinks.auth import BasicAuth, HeaderAuth, Secret, SecretText
from bridge.sinks.exchange import exchange
from bridge.sinks.files import UnusableError
from bridge.sinks.headers import RequestHeaders
from bridge.sinks.judge import Judge
from bridge.sinks.llhttp.transport import LlhttpTransport
from bridge.sinks.oauth2 import OAuth2Auth
from bridge.sinks.reply import EXCERPT_BYTES, Reply
from bridge.sinks.signing import Signer
from bridge.sinks.text import hide, redact
from bridge.sinks.tls import TlsContext, TlsFiles
from bridge.sinks.token_exchange import exchange_with_token
from bridge.sinks.transport import AiohttpTransport, joined

Mode = Literal["structured", "binary", "batch"]
"""How events stand in a request (CloudEvents 1.0.2 HTTP binding, 3)."""

Engine = Literal["aiohttp", "llhttp"]
"""Which client speaks HTTP."""

_ENGINES = {"aiohttp": AiohttpTransport, "llhttp": LlhttpTransport}

_DEFAULTS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"kubebridge/{__version__}",
}

_SALT = os.urandom(16)
"""Makes fingerprints useless outside this process."""


class HttpSink:
    """A webhook.

    Args:
        name: As in the configuration.
        url: Where to POST; http or https. User and password in it are sent as
            `BasicAuth` where there is no `auth`.
        mode: How events stand in a request.
        concurrency: Most connections at a time.
        timeout_seconds: Longest that one attempt may take, in all.
        headers: Further header fields; their values may be secrets.
        auth: How the sink knows us; None: it does not ask.
        sign: Signs what is sent; None: nothing does.
        tls: Authorities and client certificate; None: the system's, and none.
        proxy: URL of an HTTP proxy, or ``none``; None: as `environ` says.
        batch_size: Most events of one POST in mode batch.
        batch_bytes: Most bytes of such a POST; one event alone may have more.
        engine: Which of our own transports leads to the sink; behind a proxy it is
            aiohttp's in any case.
        transport: Another way to the sink; None: our own.
        environ: Where proxies are looked up; None: the process's environment.
        now: A clock in seconds that never goes back.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str,
        mode: Mode = "structured",
        concurrency: int,
        timeout_seconds: float,
        headers: Mapping[str, str | Secret] | None = None,
        auth: httpx.Auth | None = None,
        sign: Signer | None = None,
        tls: TlsFiles | None = None,
        proxy: str | None = None,
        batch_size: int = 1,
        batch_bytes: int = 1 << 20,
        engine: Engine = "aiohttp",
        transport: httpx.AsyncBaseTransport | None = None,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect nowhere yet.

        Raises:
            ConfigError: The proxy is not an HTTP proxy.
        """
        self._name = name
        self._url, known_by_url = _split(URL(url))
        auth = known_by_url if auth is None else auth
        self._mode = mode
        self._timeout_seconds = timeout_seconds
        self._batch_size = batch_size if mode == "batch" else 1
        self._batch_bytes = batch_bytes
        self._settings = repr((url, mode, proxy, concurrency, timeout_seconds))
        self._judge = Judge(name, hide=self._hide, now=now)
        self._headers = RequestHeaders(
            defaults=_DEFAULTS,
            configured=headers or {},
            auth=auth if isinstance(auth, HeaderAuth) else None,
            content_type=(BATCH_TYPE if mode == "batch" else STRUCTURED_TYPE).decode(),
        )
        self._flow = None if isinstance(auth, HeaderAuth) else auth
        self._sign = sign
        self._tls = TlsContext(tls or TlsFiles(), now=now)
        self._transport = transport or _ENGINES[engine](
            url=self._url,
            concurrency=concurrency,
            timeout_seconds=timeout_seconds,
            tls=self._tls,
            proxy=proxy,
            environ=environ,
        )

    @property
    def name(self) -> str:
        """See `Sink`."""
        return self._name

    @property
    def max_batch(self) -> int:
        """See `Sink`."""
        return self._batch_size

    @property
    def requests_per_minute(self) -> float | None:
        """See `Sink`."""
        return None

    async def send(self, events: Sequence[EncodedEvent]) -> Sequence[Answer]:
        """See `Sink`."""
        began = time.perf_counter()
        try:
            headers, fields, body = self._compose(events)
            fields = self._signed(events, fields, body)
            reply = await self._post(headers, fields, body)
        except UnusableError as error:
            message = self._hide(f"sink {self._name}: {error}")
            raise SinkPausedError(message, reason=error.reason) from error
        except httpx.TransportError as error:
            seconds = time.perf_counter() - began
            raise self._judge.unreachable(error, seconds=seconds) from error
        if reply.excerpt:
            is_cut = len(reply.excerpt) == EXCERPT_BYTES
            excerpt = redact(reply.excerpt, self._secrets(), is_cut=is_cut)
            reply = replace(reply, excerpt=excerpt)
        fault = self._judge.fault(reply, events=len(events))
        if fault is not None:
            raise fault
        answer = Answer(
            status=reply.status,
            duration_seconds=reply.duration_seconds,
            excerpt=reply.excerpt,
        )
        return [answer] * len(events)

    def fingerprint(self) -> str:
        """See `Sink`; it says nothing outside this process."""
        try:
            fields = repr([*self._headers.current().items(), *self._read_others()])
        except UnusableError as error:
            fields = str(error)
        what = f"{self._settings} {self._tls.signature()} {fields}"
        return hashlib.sha256(_SALT + what.encode()).hexdigest()

    async def aclose(self) -> None:
        """See `Sink`."""
        await self._transport.aclose()
        if isinstance(self._flow, OAuth2Auth):
            await self._flow.aclose()

    def _secrets(self) -> list[str]:
        """Return what must not be shown, as far as it was used."""
        known = self._headers.secrets()
        if self._sign is not None:
            known += self._sign.secrets()
        if isinstance(self._flow, OAuth2Auth):
            known += self._flow.secrets()
        return known

    def _read_others(self) -> list[str]:
        """Return the secrets that stand in no header field, as they are now."""
        found = [] if self._sign is None else self._sign.read()
        if isinstance(self._flow, OAuth2Auth):
            found.append(self._flow.read())
        return found

    def _hide(self, message: str) -> str:
        return hide(message, self._secrets())

    def _signed(
        self, events: Sequence[EncodedEvent], fields: Sequence[Header], body: bytes
    ) -> Sequence[Header]:
        if self._sign is None:
            return fields
        return [*fields, *self._sign.headers([event.id for event in events], body)]

    def _compose(
        self, events: Sequence[EncodedEvent]
    ) -> tuple[CIMultiDict[str], Sequence[Header], bytes]:
        """Return the fields of all requests, those of this one alone, and its body."""
        headers = self._headers.current()
        if self._mode == "batch":
            return headers, (), self._batch(events)
        (event,) = events
        if self._mode == "structured":
            return headers, (), event.body
        return headers, *binary(event)

    def _batch(self, events: Sequence[EncodedEvent]) -> bytes:
        body = batch(events)
        if len(body) > self._batch_bytes and len(events) > 1:
            # Whoever sends halves a batch that is refused for good.
            raise PermanentSinkError(
                f"sink {self._name}: expected a batch of at most "
                f"{self._batch_bytes} bytes, got {len(body)}",
                reason="batch-size",
            )
        return body

    async def _post(
        self, headers: CIMultiDict[str], fields: Sequence[Header], body: bytes
    ) -> Reply:
        transport, flow = self._transport, self._flow
        if isinstance(transport, AiohttpTransport | LlhttpTransport):
            if flow is None:
                return await transport.post(self._url, headers, body, fields)
            if isinstance(flow, OAuth2Auth):
                return await exchange_with_token(
                    lambda field: transport.post(
                        self._url, headers, body, [*fields, field]
                    ),
                    auth=flow,
                    timeout_seconds=self._timeout_seconds,
                )
        found = list(joined(headers, fields).items())
        return await exchange(
            transport,
            httpx.Request("POST", str(self._url), headers=found, content=body),
            auth=self._flow or httpx.Auth(),
            timeout_seconds=self._timeout_seconds,
        )


def _split(url: URL) -> tuple[URL, httpx.Auth | None]:
    """Return the URL without user and password, and what they come to."""
    if url.user is None:
        return url, None
    password = SecretText(url.password or "")
    return url.with_user(None), BasicAuth(username=url.user, password=password)
