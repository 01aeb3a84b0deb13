"""Ask a receiver for its consent before events are sent.

::

               OPTIONS            WebHook-Allowed-Origin
    not asked ──────────▶ asking ────────────────────────▶ allowed
        ▲                 │    │ 2xx without a field,       ▲  │
        │    no, or other │    │ and it can call back       │  │
        │    values       ▼    ▼        called back         │  │
        │            refused  pending ──────────────────────┘  │
        └───── time is over, or 401 403 405 410 to an event ◀──┘

Consent is in memory: another process asks again. ("HTTP 1.1 Web Hooks for Event
Delivery" 1.0.2, 4.)
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping

import httpx
from yarl import URL

from bridge.errors import SinkError, SinkPausedError, TemporarySinkError
from bridge.logs import get_logger
from bridge.sinks.http.classify import ResponseClassifier, StatusRules
from bridge.sinks.http.consent import (
    ALLOWED_ORIGIN,
    ALLOWED_RATE,
    ConsentGranted,
    ConsentRefused,
    ConsentState,
    read_consent,
    request_fields,
)
from bridge.sinks.http.redaction import Redactor
from bridge.sinks.http.settings import HandshakeConfig, OutcomesConfig
from bridge.sinks.reloaded import SecretError
from bridge.sinks.text import place
from bridge.sinks.transports import Response
from bridge.sinks.transports.errors import fresh

SLOW_PER_MINUTE = 1.0
"""Requests in a minute to a receiver that has not agreed, where that is wanted."""

ASK_AGAIN_SECONDS = 600.0
"""How long a receiver that refused is left alone while it gets events slowly."""

PENDING_SECONDS = 3600.0
"""How long its callback is waited for before it is asked again: asking may send
a person a message."""

_TO_OPTIONS = StatusRules(
    OutcomesConfig(retry=(409,))
)  # a conflict ends no event's delivery

Ask = Callable[[Mapping[str, str]], Awaitable[Response]]
"""Sends OPTIONS with further header fields, as the sink's own requests go."""


class Handshake:
    """Asks one receiver for consent, once however many deliveries wait."""

    def __init__(
        self,
        settings: HandshakeConfig,
        *,
        sink: str,
        url: URL | None,
        ask: Ask,
        redactor: Redactor,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask nothing yet.

        Args:
            settings: What is asked for; the mode is not off.
            sink: Name of the sink, for messages and the callback.
            url: Where it is; over plain HTTP no handshake conforms (S1). None: that is
                a secret.
            ask: Sends OPTIONS.
            redactor: Hides secrets, and from now on the key of the callback.
            now: A clock in seconds that never goes back.
        """
        self._settings = settings
        self._sink = sink
        self._ask = ask
        self._hide = redactor.hide
        self._now = now
        self._judge = ResponseClassifier(
            f"{sink} (OPTIONS)", outcomes=_TO_OPTIONS, hide=redactor.hide, now=now
        )
        self._log = get_logger(sink=sink)
        self._lock = asyncio.Lock()
        self._flights = 0
        self._turns = 0.0
        self._standing: ConsentState | None = None
        self._failure: SinkError | SecretError | None = None
        self.key = secrets.token_urlsafe(32)
        self.callbacks = 0
        redactor.add(self.key)
        if url is not None and url.scheme != "https":
            self._log.warning(
                "Handshake without TLS does not conform.",
                url=place(str(url)),
                expected="https",
            )

    @property
    def requests_per_minute(self) -> float | None:
        """Requests per minute that are allowed; None: no limit, or not asked."""
        return None if self._standing is None else self._standing.requests_per_minute

    def ready(self) -> ConsentState | None:
        """Return the consent if events may be sent now; None: `ensure` has to ask."""
        standing = self._valid()
        return None if standing is None or standing.pending else standing

    async def ensure(self) -> ConsentState:
        """Return the consent, after asking for it if need be; see `ready`.

        Raises:
            SinkPausedError: The receiver does not agree, or not yet.
            TemporarySinkError: It gave no answer, or asks for a rest.
            SecretError: A secret or a TLS file cannot be read.
        """
        flights = self._flights
        async with self._lock:
            is_answered = flights != self._flights and self._failure is not None
            if self._valid() is None and not is_answered:
                await self._fly()
            if self._failure is not None:
                raise fresh(self._failure)
            standing = self._standing
            assert standing is not None  # noqa: S101  # there is one of the two
            if standing.pending:
                raise SinkPausedError(standing.pending, reason="handshake")
            self._take_turn(standing)
            return standing

    def call_back(self, key: str, headers: Mapping[str, str]) -> bool:
        """Take the consent that a receiver sends to our callback (S14).

        Args:
            key: What stood in the URL; compared in constant time.
            headers: Of its request.

        Returns:
            Whether it is one.
        """
        is_ours = hmac.compare_digest(key.encode(), self.key.encode())
        if not is_ours or self._settings.callback is None:
            return False
        found = self._read(headers, is_asked_for=False)
        if isinstance(found, ConsentRefused):
            self._log.warning("Callback without consent.", error=found.why)
            return False
        self._failure = None
        self.callbacks += 1
        self._allow(found, by_callback=True)
        return True

    def _valid(self) -> ConsentState | None:
        standing = self._standing
        return standing if standing and self._now() < standing.until else None

    def _take_turn(self, standing: ConsentState) -> None:
        """Let no more of those who waited go than may go in this minute.

        Who delivers reads the rate before it leases, so only they do not know it.
        """
        most = standing.requests_per_minute
        self._turns += 1
        if most is not None and self._turns > most:
            message = f"sink {self._sink} allows {most:g} requests in a minute"
            raise TemporarySinkError(
                message, reason="handshake", retry_after_seconds=60.0, scope="sink"
            )

    async def _fly(self) -> None:
        self._failure = None
        self._turns = 0.0
        began = time.perf_counter()
        try:
            self._learn(
                await self._ask(
                    request_fields(self._settings, sink=self._sink, key=self.key)
                )
            )
        except httpx.TransportError as error:
            seconds = time.perf_counter() - began
            self._fail(self._judge.unreachable(error, seconds=seconds))
        except (SinkError, SecretError) as error:
            self._fail(error)
        # Not reached when cancelled: then the next request in line asks again.
        self._flights += 1

    def _fail(self, error: SinkError | SecretError) -> None:
        if self._valid() is None:  # else it called back meanwhile
            self._failure = error

    def _read(
        self, headers: Mapping[str, str], *, is_asked_for: bool = True
    ) -> ConsentGranted | ConsentRefused:
        said = {
            name: self._hide(headers[name])
            for name in (ALLOWED_ORIGIN, ALLOWED_RATE)
            if name in headers
        }
        return read_consent(
            said,
            origin=self._settings.origin or "",
            requested_rate=self._settings.rate,
            is_asked_for=is_asked_for,
        )

    def _learn(self, reply: Response) -> None:
        """Take an answer to OPTIONS.

        Raises:
            SinkError: It leaves us without consent.
        """
        found = self._read(reply.headers)
        fault = self._judge.fault(reply, events=1)
        is_retired = isinstance(fault, SinkPausedError) and fault.until_resumed
        if isinstance(found, ConsentGranted):
            self._allow(found)
        elif fault and (is_retired or isinstance(fault, TemporarySinkError)):
            raise fault
        elif found.is_silent and self._standing and self._standing.by_callback:
            # A person who agreed is not asked again each day; and a program may have
            # called back before this answer was read.
            rate = self._standing.requests_per_minute
            self._allow(ConsentGranted(rate), by_callback=True)
        elif found.is_silent and fault is None and self._settings.callback is not None:
            self._await_callback()
        else:
            self._refuse(found.why, reply)

    def _allow(self, found: ConsentGranted, *, by_callback: bool = False) -> None:
        self._log.info(
            "Handshake: allowed.", requests_per_minute=found.requests_per_minute
        )
        self._standing = ConsentState(
            requests_per_minute=found.requests_per_minute,
            until=self._now() + self._settings.ttl,
            by_callback=by_callback,
        )

    def _await_callback(self) -> None:
        self._log.warning("Handshake: waiting for the callback.")
        until = self._now() + PENDING_SECONDS
        if self._settings.mode == "slow":
            self._standing = ConsentState(
                requests_per_minute=SLOW_PER_MINUTE, until=until
            )
            return
        why = f"sink {self._sink}: waiting for its consent, to be sent to our callback"
        self._standing = ConsentState(
            requests_per_minute=None, until=until, pending=why
        )

    def _refuse(self, why: str, reply: Response) -> None:
        self._standing = None
        said = f"sink {self._sink}: no consent: {why}, in an answer {reply.status}"
        may = "; it may still call back" if self._settings.callback else ""
        message = self._hide(f"{said} to OPTIONS{may}")
        if self._settings.mode == "require":
            raise SinkPausedError(
                message,
                reason="handshake",
                status=reply.status,
                duration_seconds=reply.duration_seconds,
                excerpt=reply.excerpt,
            )
        self._log.warning("Handshake: refused, delivering slowly.", error=message)
        until = self._now() + ASK_AGAIN_SECONDS
        self._standing = ConsentState(requests_per_minute=SLOW_PER_MINUTE, until=until)
