"""Classify answers: what each status means, unless the operator configures another.

======================  =======================================================
2xx                     delivered
400, 422, other 4xx     the event is refused for good; 20 events running pause
401 403 405 407         paused: an operator has to mend something
404                     tried again for 10 minutes, then paused
408 421 425, 5xx        tried again
409                     tried again, 5 attempts in all
410                     stopped: the receiver is retired, an operator has to resume
413                     too large: a batch is halved, one event is refused
415                     refused if another event was taken in this form, else paused
429, 503                tried again, not before Retry-After, nor is any other event
501 505, 3xx            paused; redirects are never followed
======================  =======================================================
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Literal

import httpx

from bridge.errors import (
    OUR_FAULT,
    PermanentSinkError,
    SinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.net.urls import HIDDEN
from bridge.sinks import Accepted
from bridge.sinks.http.settings import OutcomesConfig
from bridge.sinks.text import one_line_excerpt, place
from bridge.sinks.transports import Response
from bridge.sinks.transports.errors import (
    CutAnswerError,
    DeniedError,
    DnsError,
    ProxyStatusError,
    TlsError,
    TokenUnavailableError,
    is_ours,
)


class Verdict(Enum):
    """The meaning of a status by itself."""

    TAKEN = auto()
    RETRY = auto()
    WAIT = auto()
    CONFLICT = auto()
    MISSING = auto()
    REFUSED = auto()
    DEAD_LETTER = auto()
    TOO_LARGE = auto()
    WRONG_FORM = auto()
    PAUSE = auto()
    RETIRED = auto()
    NOT_HTTP = auto()


_BY_STATUS = {
    401: Verdict.PAUSE,
    403: Verdict.PAUSE,
    404: Verdict.MISSING,
    405: Verdict.PAUSE,
    407: Verdict.PAUSE,
    408: Verdict.RETRY,
    409: Verdict.CONFLICT,
    410: Verdict.RETIRED,
    413: Verdict.TOO_LARGE,
    415: Verdict.WRONG_FORM,
    421: Verdict.RETRY,
    425: Verdict.RETRY,
    429: Verdict.WAIT,
    501: Verdict.PAUSE,
    503: Verdict.WAIT,
    505: Verdict.PAUSE,
}

_BY_CLASS = {
    2: Verdict.TAKEN,
    3: Verdict.PAUSE,
    4: Verdict.REFUSED,
    5: Verdict.RETRY,
}

TEMPORARY = frozenset({Verdict.RETRY, Verdict.WAIT, Verdict.CONFLICT, Verdict.NOT_HTTP})
"""Statuses that may change in a while, from sinks and token endpoints alike."""

StatusRule = Literal["success", "retry", "dead_letter", "pause"]
"""Meanings that an operator may give a status."""

_BY_WORD: Mapping[StatusRule, Verdict] = {
    "success": Verdict.TAKEN,
    "retry": Verdict.RETRY,
    "dead_letter": Verdict.DEAD_LETTER,
    "pause": Verdict.PAUSE,
}


def verdict(status: int) -> Verdict:
    """Return the usual meaning of a status."""
    by_class = _BY_CLASS.get(status // 100, Verdict.NOT_HTTP)
    return _BY_STATUS.get(status, by_class)


class StatusRules:
    """Looks up what statuses mean to one sink."""

    def __init__(self, settings: OutcomesConfig) -> None:
        """Compile the operator's lists of statuses and classes; a status wins."""
        said: dict[StatusRule, Sequence[int | str]] = {
            "success": settings.success,
            "retry": settings.retry,
            "dead_letter": settings.dead_letter,
            "pause": settings.pause,
        }
        # A class stands under its first digit.
        self._words = {
            status if isinstance(status, int) else int(status[0]): word
            for word, statuses in said.items()
            for status in statuses
        }
        self._error_attempts = settings.error_attempts

    def verdict(self, status: int) -> Verdict:
        """Return the meaning of a status to this sink."""
        usual = verdict(status)
        if usual is Verdict.TAKEN or not self._words:
            return usual
        word = self._words.get(status) or self._words.get(status // 100)
        if word is None or (word == "retry" and usual is Verdict.WAIT):
            return usual  # to wait is how 429 and 503 are tried again
        return _BY_WORD[word]

    def most_attempts(self, status: int) -> int | None:
        """Return how often an event may be answered so; None: the policy says."""
        return self._error_attempts if status == 500 else None


MISSING_SECONDS = 600.0
"""A 404 may be a pod that starts; after this the URL is wrong."""

MOST_REFUSALS = 20
"""Events refused in a row after which the sink is at fault, not the event."""

CONFLICT_ATTEMPTS = 5
MOST_RETRY_AFTER_SECONDS = 3600.0

STARVED_SECONDS = 1.0
"""How long a sink rests when we are out of files."""

_OURS = StatusRules(OutcomesConfig())
_EVENTS_OWN = (Verdict.TOO_LARGE, Verdict.DEAD_LETTER)
_OPERATORS = (Verdict.PAUSE, Verdict.RETIRED, Verdict.WRONG_FORM)
_WORDS = {Verdict.CONFLICT: "conflict", Verdict.NOT_HTTP: "bad-answer"}

_REASONS: tuple[tuple[type[httpx.TransportError], str], ...] = (
    (DnsError, "dns"),
    (httpx.ConnectError, "refused"),
    (httpx.ProxyError, "refused"),
    (httpx.ConnectTimeout, "timeout-connect"),
    (httpx.PoolTimeout, "timeout-connect"),
    (httpx.TimeoutException, "timeout-answer"),
    (CutAnswerError, "cut-answer"),
    (httpx.ProtocolError, "bad-answer"),
)
"""The first that fits; what is left is a connection that was cut."""


def retry_after(
    value: str | None,
    *,
    now: datetime,
    most_seconds: float = MOST_RETRY_AFTER_SECONDS,
) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110, 10.2.3).

    At most so many; None if there is no such header, or nothing of use in it.
    """
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        seconds = float(value)
    else:
        try:
            until = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        # A date without a zone is in UTC, as every date in HTTP.
        seconds = (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds()
    return min(seconds, most_seconds) if seconds >= 0 else None


class ResponseClassifier:
    """Classifies the answers of one sink in one content mode."""

    def __init__(
        self,
        sink: str,
        *,
        outcomes: StatusRules = _OURS,
        retry_after_max_seconds: float = MOST_RETRY_AFTER_SECONDS,
        hide: Callable[[str], str] = str,
        now: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Know nothing of the sink yet.

        Args:
            sink: Its name, for messages.
            outcomes: Meanings of statuses to this sink.
            retry_after_max_seconds: Longest rest that Retry-After can ask for.
            hide: Takes the secrets out of a message.
            now: A clock in seconds that never goes back.
            utc_now: The time of day, which Retry-After may name.
        """
        self._sink = sink
        self._outcomes = outcomes
        self._most_rest_seconds = retry_after_max_seconds
        self._hide = hide
        self._now = now
        self._utc_now = utc_now
        self._has_taken = False
        self._refusals = 0
        self._missing_since: float | None = None

    def accepted(self, response: Response, *, events: int) -> Sequence[Accepted]:
        """Return a result for each of so many events that were taken, by status alone.

        Raises:
            SinkError: The status says otherwise; that holds for all of them.
        """
        result = self.result(response, events=events)
        if isinstance(result, Accepted):
            return [result] * events
        try:
            raise result
        finally:
            # Or this frame, and with it the events, and the error would keep each
            # other until the garbage collector comes by.
            del result

    def result(self, response: Response, *, events: int = 1) -> Accepted | SinkError:
        """Return the result of an answer to so many events.

        Bulk receivers answer with a status for each event: a format judges each of
        them as an answer of its own.
        """
        fault = self.fault(response, events=events)
        if fault is not None:
            return fault
        return Accepted(**_facts(response))

    def fault(self, reply: Response, *, events: int) -> SinkError | None:
        """Return the error of an answer to so many events; None: they were taken."""
        meaning = self._outcomes.verdict(reply.status)
        if meaning is Verdict.MISSING:
            return self._missing(reply)
        self._missing_since = None
        if meaning is Verdict.TAKEN:
            self._has_taken, self._refusals = True, 0
            return None
        if meaning is Verdict.REFUSED:
            return self._refused(reply, events)
        # A form in which others were taken is refused for this event alone.
        is_own = meaning is Verdict.WRONG_FORM and self._has_taken
        if is_own or meaning in _EVENTS_OWN:
            return self._permanent(reply)
        if meaning in _OPERATORS:
            is_retired = meaning is Verdict.RETIRED
            return self._paused(reply, _moved(reply), until_resumed=is_retired)
        return self._temporary(reply, meaning)

    def starved(self, error: Exception, *, seconds: float) -> TemporarySinkError:
        """Return the error of an attempt for which this process had no file left."""
        return TemporarySinkError(
            self._hide(f"sink {self._sink}: {error}"),
            reason=OUR_FAULT,
            retry_after_seconds=STARVED_SECONDS,
            scope="sink",
            duration_seconds=seconds,
        )

    def unreachable(self, error: httpx.TransportError, *, seconds: float) -> SinkError:
        """Return the error of an attempt without an answer after so many seconds."""
        if is_ours(error):
            return self.starved(error, seconds=seconds)
        message = self._hide(f"sink {self._sink}: {error}")
        if isinstance(error, TokenUnavailableError):
            return TemporarySinkError(
                message,
                reason="token",
                retry_after_seconds=error.retry_after_seconds,
                scope="sink",
                duration_seconds=seconds,
            )
        if isinstance(error, TlsError | DeniedError):
            reason = "tls" if isinstance(error, TlsError) else "denied"
            return SinkPausedError(message, reason=reason, duration_seconds=seconds)
        if isinstance(error, ProxyStatusError) and _is_refusal(error.status):
            return SinkPausedError(
                message, reason="status", status=error.status, duration_seconds=seconds
            )
        reason = next((word for kind, word in _REASONS if isinstance(error, kind)), "")
        return TemporarySinkError(
            message, reason=reason or "reset", duration_seconds=seconds
        )

    def _missing(self, reply: Response) -> SinkError:
        now = self._now()
        if self._missing_since is None:
            self._missing_since = now
        if now - self._missing_since < MISSING_SECONDS:
            return self._temporary(reply, Verdict.MISSING)
        return self._paused(reply, " for 10 minutes")

    def _refused(self, reply: Response, events: int) -> SinkError:
        # A batch is refused for one of its events; halved, it will say for which.
        self._refusals += events == 1
        if self._refusals < MOST_REFUSALS:
            return self._permanent(reply)
        return self._paused(reply, f" to {self._refusals} events running")

    def _temporary(self, reply: Response, meaning: Verdict) -> TemporarySinkError:
        asked = None
        if meaning is Verdict.WAIT:
            asked = retry_after(
                reply.headers.get("Retry-After"),
                now=self._utc_now(),
                most_seconds=self._most_rest_seconds,
            )
        most = CONFLICT_ATTEMPTS if meaning is Verdict.CONFLICT else None
        return TemporarySinkError(
            self._answered(reply),
            reason=_WORDS.get(meaning, "status"),
            retry_after_seconds=asked,
            scope="sink" if meaning is Verdict.WAIT else "event",
            max_attempts=most or self._outcomes.most_attempts(reply.status),
            **_facts(reply),
        )

    def _permanent(self, reply: Response) -> PermanentSinkError:
        why = self._answered(reply)
        return PermanentSinkError(why, reason="status", **_facts(reply))

    def _paused(
        self, reply: Response, more: str, *, until_resumed: bool = False
    ) -> SinkPausedError:
        return SinkPausedError(
            self._answered(reply, more),
            reason="status",
            until_resumed=until_resumed,
            **_facts(reply),
        )

    def _answered(self, reply: Response, more: str = "") -> str:
        text = one_line_excerpt(reply.excerpt.decode("utf-8", "replace"))
        status = f"{reply.status} {_phrase(reply.status)}".strip()
        said = f": {text}" if text else ""
        return self._hide(f"sink {self._sink} answered {status}{more}{said}")


def _facts(reply: Response) -> dict[str, Any]:
    """Return the parts of an answer that results keep."""
    return {
        "status": reply.status,
        "duration_seconds": reply.duration_seconds,
        "excerpt": reply.excerpt,
    }


def _is_refusal(status: int) -> bool:
    """Whether a proxy that answers CONNECT so will go on doing it."""
    return status < 500 and verdict(status) not in TEMPORARY


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _moved(reply: Response) -> str:
    """Return where a redirect leads; it is not followed (Web Hooks, 2.1)."""
    location = reply.headers.get("Location")
    if location is None:
        return ""
    shown = place(location)
    if shown in ("", HIDDEN):
        return " (redirect to something that is not a URL)"
    return f" (redirect to {shown}, not followed)"
