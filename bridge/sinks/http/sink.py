"""Delivers events to a webhook: one POST for each attempt."""

import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import httpx
from multidict import CIMultiDict

from bridge import __version__
from bridge.errors import SinkError, SinkPausedError
from bridge.events import EncodedEvent
from bridge.sinks import Accepted
from bridge.sinks.formats import Request
from bridge.sinks.formats.cloudevents import Mode, cloudevents_format
from bridge.sinks.http.auth import HeaderAuth, Secret, files_of
from bridge.sinks.http.classify import (
    MOST_RETRY_AFTER_SECONDS,
    ResponseClassifier,
    StatusRules,
)
from bridge.sinks.http.consent import HandshakeRules, delivery_fields
from bridge.sinks.http.handshake import Handshake
from bridge.sinks.http.oauth2 import OAuth2Auth, exchange_with_token
from bridge.sinks.http.redaction import Redactor
from bridge.sinks.http.request import RequestBuilder, RequestHeaders, SinkUrl
from bridge.sinks.http.signing import Signer
from bridge.sinks.http.size_limit import SizeLimit
from bridge.sinks.http.tls import TlsContext, TlsFiles
from bridge.sinks.reloaded import ReloadedFile, SecretError, refresh
from bridge.sinks.transports import EXCERPT_BYTES, Response, Transport
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.errors import is_ours
from bridge.sinks.transports.llhttp.transport import LlhttpTransport

Engine = Literal["llhttp", "aiohttp"]
"""Which client speaks HTTP."""

_ENGINES: Mapping[Engine, type[LlhttpTransport | AiohttpTransport]] = {
    "llhttp": LlhttpTransport,
    "aiohttp": AiohttpTransport,
}

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
            `BasicAuth` where there is no `auth`. As a secret it may change.
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
        size_limit: How large a request may be; None: 64 KiB, and larger ones are sent.
        outcomes: What statuses mean to it; None: what they usually do.
        retry_after_max_seconds: Longest rest that Retry-After can ask for.
        handshake: Which consent it has to give before anything is sent; None: none.
        engine: Which of our own transports leads to the sink; behind a proxy it is
            aiohttp's in any case.
        environ: Where proxies are looked up; None: the process's environment.
        egress: Where connections may lead; None: the defaults.
        now: A clock in seconds that never goes back.
    """

    def __init__(
        self,
        *,
        name: str,
        url: str | Secret,
        mode: Mode = "structured",
        concurrency: int,
        timeout_seconds: float,
        headers: Mapping[str, str | Secret] | None = None,
        auth: HeaderAuth | OAuth2Auth | None = None,
        sign: Signer | None = None,
        tls: TlsFiles | None = None,
        proxy: str | None = None,
        batch_size: int = 1,
        batch_bytes: int = 1 << 20,
        size_limit: SizeLimit | None = None,
        outcomes: StatusRules | None = None,
        retry_after_max_seconds: float = MOST_RETRY_AFTER_SECONDS,
        handshake: HandshakeRules | None = None,
        engine: Engine = "llhttp",
        environ: Mapping[str, str] | None = None,
        egress: Egress | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect nowhere yet.

        Raises:
            ConfigError: The proxy is not an HTTP proxy.
        """
        self._name = name
        self._target = SinkUrl(url)
        auth = self._target.auth if auth is None else auth
        self._timeout_seconds = timeout_seconds
        self._settings = repr(
            (mode, proxy, concurrency, timeout_seconds, outcomes, handshake)
        )
        self._classifier = ResponseClassifier(
            name,
            outcomes=outcomes or StatusRules(),
            retry_after_max_seconds=retry_after_max_seconds,
            hide=self._hide,
            now=now,
        )
        self._format = cloudevents_format(
            mode,
            self._classifier,
            sink=name,
            batch_size=batch_size,
            batch_bytes=batch_bytes,
        )
        self._tokens = auth if isinstance(auth, OAuth2Auth) else None
        self._headers = RequestHeaders(
            defaults=_DEFAULTS,
            configured={**(headers or {}), **delivery_fields(handshake)},
            auth=None if isinstance(auth, OAuth2Auth) else auth,
            content_type=self._format.content_type,
        )
        self._sign = sign
        self._request_builder = RequestBuilder(
            target=self._target,
            format_=self._format,
            headers=self._headers,
            sign=sign,
            tokens=self._tokens,
            size_limit=size_limit or SizeLimit(sink=name),
        )
        self._redactor = Redactor(
            self._headers,
            tokens=self._tokens,
            sign=sign,
            target=self._target,
            proxies=_proxies(proxy, os.environ if environ is None else environ),
        )
        self._handshake = None
        if handshake is not None:
            self._handshake = Handshake(
                handshake,
                sink=name,
                url=self._target.fixed,
                ask=self._ask_consent,
                redactor=self._redactor,
                now=now,
            )
        self._tls = TlsContext(tls or TlsFiles(), now=now)
        self._files = self._find_files()
        self._transport: Transport = _ENGINES[engine](
            url=self._target.fixed,
            concurrency=concurrency,
            timeout_seconds=timeout_seconds,
            tls=self._tls,
            proxy=proxy,
            environ=environ,
            egress=egress,
        )

    @property
    def name(self) -> str:
        """See `Sink`."""
        return self._name

    @property
    def max_batch(self) -> int:
        """See `Sink`."""
        return self._format.max_batch

    @property
    def requests_per_minute(self) -> float | None:
        """See `Sink`."""
        return None if self._handshake is None else self._handshake.requests_per_minute

    async def send(
        self, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Sink`."""
        began = time.perf_counter()
        consent = None
        if self._files:
            await refresh(self._files)
        try:
            if self._handshake is not None:
                consent = self._handshake.ready() or await self._handshake.ensure()
            headers = self._request_builder.headers
            request = self._request_builder.compose(events)
            if not self._request_builder.passes(events, request, headers):
                request = await self._request_builder.fit(events)
            response = await self._exchange(request, headers)
        except SecretError as error:
            raise self._unusable(error) from error
        except httpx.TransportError as error:
            seconds = time.perf_counter() - began
            raise self._classifier.unreachable(error, seconds=seconds) from error
        response = self._redactor.redact(response, most_bytes=self._format.answer_bytes)
        try:
            return self._format.judge(response, events)
        except SinkError:
            if consent is not None:
                consent.answered(response.status)
            raise

    def _hide(self, message: str) -> str:
        return self._redactor.hide(message)

    def _unusable(self, error: SecretError) -> SinkError:
        """Return what it means that a secret or a TLS file cannot be used."""
        if is_ours(error):
            return self._classifier.starved(error, seconds=0.0)
        message = self._redactor.hide(f"sink {self._name}: {error}")
        return SinkPausedError(message, reason=error.reason)

    def call_back(self, key: str, headers: Mapping[str, str]) -> bool:
        """Take what the receiver sends to our callback; see `Handshake.call_back`."""
        return self._handshake is not None and self._handshake.call_back(key, headers)

    async def refresh(self) -> None:
        """See `Sink`."""
        await refresh(self._files)

    def fingerprint(self) -> str:
        """See `Sink`; it says nothing outside this process."""
        try:
            fields = self._redactor.read()
        except SecretError as error:
            fields = str(error)
        callbacks = 0 if self._handshake is None else self._handshake.callbacks
        what = f"{self._settings} {self._tls.signature()} {callbacks} {fields}"
        return hashlib.sha256(_SALT + what.encode()).hexdigest()

    async def aclose(self) -> None:
        """See `Sink`."""
        await self._transport.aclose()
        if self._tokens is not None:
            await self._tokens.aclose()

    def _find_files(self) -> list[ReloadedFile[Any]]:
        """Return what is read again when it changes."""
        sources = [*self._headers.sources]
        if self._sign is not None:
            sources += self._sign.sources()
        if self._target.secret is not None:
            sources.append(self._target.secret)
        of_tokens = [] if self._tokens is None else self._tokens.files
        of_tls = [self._tls.files] if self._tls.is_of_files else []
        return [*files_of(sources), *of_tokens, *of_tls]

    async def _ask_consent(self, fields: Mapping[str, str]) -> Response:
        """Send OPTIONS as events are sent."""
        headers = self._headers.current().copy()
        headers.popall("Content-Type")
        headers.update(fields)
        request = Request(method="OPTIONS", url=self._target.current(), body=b"")
        response = await self._exchange(request, headers)
        return self._redactor.redact(response, most_bytes=EXCERPT_BYTES)

    def _exchange(
        self, request: Request, headers: CIMultiDict[str]
    ) -> Awaitable[Response]:
        """Return what sends it once it is awaited; a coroutine less for each POST."""
        method, url, body = request.method, request.url, request.body
        ask, fields = self._transport.request, request.fields
        if self._tokens is None:
            return ask(method, url, headers, body, fields)
        return exchange_with_token(
            lambda field: ask(method, url, headers, body, [*fields, field]),
            auth=self._tokens,
            timeout_seconds=self._timeout_seconds,
        )


def _proxies(proxy: str | None, environ: Mapping[str, str]) -> list[str]:
    """Return all proxies that are named anywhere."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    return [one for one in (proxy, *map(environ.get, names)) if one]
