"""Delivers events to a webhook: one POST for each attempt."""

import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx
from multidict import CIMultiDict

from bridge import __version__
from bridge.errors import SinkError, SinkPausedError
from bridge.events import EncodedEvent
from bridge.sinks import Accepted, Sink
from bridge.sinks.formats import Format, SinkRequest
from bridge.sinks.formats.cloudevents import cloudevents_format
from bridge.sinks.formats.named import named_format
from bridge.sinks.http.auth import HeaderAuth, OAuth2Auth, exchange_with_token
from bridge.sinks.http.classify import (
    MOST_RETRY_AFTER_SECONDS,
    ResponseClassifier,
)
from bridge.sinks.http.consent import delivery_fields
from bridge.sinks.http.handshake import Handshake
from bridge.sinks.http.redaction import Redactor
from bridge.sinks.http.request import RequestBuilder, RequestHeaders, SinkUrl
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.http.signing import Signer
from bridge.sinks.http.size_limit import SizeLimit
from bridge.sinks.http.statuses import StatusRules
from bridge.sinks.http.tls import TlsContext
from bridge.sinks.reloaded import ReloadedFile, SecretError, refresh
from bridge.sinks.secrets import files_of
from bridge.sinks.transports import EXCERPT_BYTES, Response, Transport
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.errors import is_ours
from bridge.sinks.transports.llhttp.transport import LlhttpTransport

_ENGINES: Mapping[str, type[LlhttpTransport | AiohttpTransport]] = {
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
    """A webhook: events are sent in a format, by an engine, as the settings say."""

    def __init__(
        self,
        settings: HttpConfig,
        *,
        auth: HeaderAuth | OAuth2Auth | None = None,
        sign: Signer | None = None,
        timeout_seconds: float | None = None,
        retry_after_max_seconds: float = MOST_RETRY_AFTER_SECONDS,
        count_oversized: Callable[[], None] = lambda: None,
        environ: Mapping[str, str] | None = None,
        egress: Egress | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect nowhere yet.

        Args:
            settings: User and password in the URL are sent as `BasicAuth` where there
                is no `auth`.
            auth: How the sink knows us, see `build_auth`; None: it does not ask.
            sign: Signs what is sent, see `build_signer`; None: nothing does.
            timeout_seconds: Longest that one attempt may take; None: as `settings` say.
            retry_after_max_seconds: Longest rest that Retry-After can ask for.
            count_oversized: Called for each event that makes a request too large.
            environ: Where proxies are looked up; None: the process's environment.
            egress: Where connections may lead; None: the defaults.
            now: A clock in seconds that never goes back.

        Raises:
            ConfigError: The proxy is not an HTTP proxy.
        """
        self._settings = settings
        self._name = settings.name
        self._timeout_seconds = timeout_seconds or settings.timeout
        self._target = SinkUrl(settings.url)
        auth = self._target.auth if auth is None else auth
        self._tokens = auth if isinstance(auth, OAuth2Auth) else None
        self._sign = sign
        self._classifier = ResponseClassifier(
            self._name,
            outcomes=StatusRules(settings.outcomes),
            retry_after_max_seconds=retry_after_max_seconds,
            hide=self._hide,
            now=now,
        )
        self._format = self._build_format()
        self._headers = RequestHeaders(
            defaults=_DEFAULTS,
            configured=settings.headers | delivery_fields(settings.handshake),
            auth=None if isinstance(auth, OAuth2Auth) else auth,
            content_type=self._format.content_type,
        )
        self._request_builder = RequestBuilder(
            target=self._target,
            format_=self._format,
            headers=self._headers,
            sign=sign,
            tokens=self._tokens,
            size_limit=SizeLimit(settings.size, sink=self._name, count=count_oversized),
        )
        self._redactor = Redactor(
            self._headers,
            tokens=self._tokens,
            sign=sign,
            target=self._target,
            bodies=self._format.secrets,
            proxies=_proxies(
                settings.proxy, os.environ if environ is None else environ
            ),
        )
        self._handshake = self._build_handshake(now)
        self._tls = TlsContext(settings.tls, now=now)
        self._files = self._find_files()
        self._transport: Transport = _ENGINES[settings.engine](
            url=self._target.fixed,
            concurrency=settings.concurrency,
            timeout_seconds=self._timeout_seconds,
            tls=self._tls,
            proxy=settings.proxy,
            environ=environ,
            egress=egress,
        )

    def _build_format(self) -> Format:
        settings = self._settings
        if settings.format is None:
            return cloudevents_format(settings, self._classifier)
        return named_format(settings.format, self._classifier, sink=self._name)

    def _build_handshake(self, now: Callable[[], float]) -> Handshake | None:
        if self._settings.handshake.mode == "off":
            return None
        return Handshake(
            self._settings.handshake,
            sink=self._name,
            url=self._target.fixed,
            ask=self._ask_consent,
            redactor=self._redactor,
            now=now,
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

    def compose(
        self, events: Sequence[EncodedEvent]
    ) -> tuple[SinkRequest, CIMultiDict[str]]:
        """Return the request that `send` would send, and all its header fields.

        Nothing is sent: a token of OAuth 2.0 is left out, and so is the size limit.

        Raises:
            PermanentSinkError: The events cannot be rendered.
            SinkPausedError: A secret cannot be read.
        """
        try:
            fields = self._request_builder.headers.copy()
            request = self._request_builder.compose(events)
        except SecretError as error:
            raise self._unusable(error) from error
        fields.update({name.decode(): one.decode() for name, one in request.fields})
        return request, fields

    def _hide(self, message: str) -> str:
        return self._redactor.hide(message)

    def _unusable(self, error: SecretError) -> SinkError:
        """Return the error for a secret or a TLS file that cannot be used."""
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
        what = (
            f"{self._settings!r} {self._timeout_seconds} {self._tls.signature()} "
            f"{callbacks} {fields}"
        )
        return hashlib.sha256(_SALT + what.encode()).hexdigest()

    async def aclose(self) -> None:
        """See `Sink`."""
        await self._transport.aclose()
        if self._tokens is not None:
            await self._tokens.aclose()

    def _find_files(self) -> list[ReloadedFile[Any]]:
        """Return what is read again when it changes."""
        sources = [*self._headers.sources, *self._format.secrets]
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
        request = SinkRequest(method="OPTIONS", url=self._target.current(), body=b"")
        response = await self._exchange(request, headers)
        return self._redactor.redact(response, most_bytes=EXCERPT_BYTES)

    def _exchange(
        self, request: SinkRequest, headers: CIMultiDict[str]
    ) -> Awaitable[Response]:
        """Return the awaitable that sends a request; a coroutine less for each POST."""
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


def build_consent(
    sinks: Sequence[Sink],
) -> Callable[[str, str, Mapping[str, str]], bool]:
    """Return the function that takes a receiver's consent from our callback.

    It takes the name of a sink, the key of its callback, the header fields of the
    request, and returns whether that is consent.
    """
    by_name = {sink.name: sink for sink in sinks if isinstance(sink, HttpSink)}

    def call_back(name: str, key: str, headers: Mapping[str, str]) -> bool:
        sink = by_name.get(name)
        return sink is not None and sink.call_back(key, headers)

    return call_back
