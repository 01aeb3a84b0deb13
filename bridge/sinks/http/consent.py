"""Read and write the header fields of the handshake.

"HTTP 1.1 Web Hooks for Event Delivery" 1.0.2, 4: abuse protection. The rules have the
numbers of docs/webhooks.md.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.sinks.http.settings import HandshakeConfig
from bridge.sinks.text import one_line_excerpt

ORIGIN = "WebHook-Request-Origin"
RATE = "WebHook-Request-Rate"
CALLBACK = "WebHook-Request-Callback"
ALLOWED_ORIGIN = "WebHook-Allowed-Origin"
ALLOWED_RATE = "WebHook-Allowed-Rate"

ANY = "*"

ENDING_STATUSES = frozenset({401, 403, 405, 410})
"""Answers to an event after which consent has to be asked for again (S18)."""

_POSITIVE = re.compile(r"0*[1-9][0-9]{0,17}", re.ASCII)


def request_fields(settings: HandshakeConfig, *, sink: str, key: str) -> dict[str, str]:
    """Return the header fields of an OPTIONS request (S12 to S14).

    Args:
        settings: What is asked for.
        sink: Name of the sink, part of the callback.
        key: Hard to guess; a holder of the key may agree for the receiver.
    """
    fields = delivery_fields(settings)
    if settings.rate is not None:
        fields[RATE] = str(settings.rate)
    if settings.callback is not None:
        base = settings.callback.rstrip("/")
        fields[CALLBACK] = f"{base}/api/v1/handshakes/{sink}/{key}"
    return fields


@dataclass(slots=True, kw_only=True, eq=False)
class ConsentState:
    """The consent that a receiver gave, or has not given yet.

    Attributes:
        requests_per_minute: Most requests in a minute; None: no limit.
        until: When it has to be asked again, by a clock that never goes back.
        pending: Why nothing may be sent yet; empty: something may.
        by_callback: Whether the receiver agreed by calling back.
    """

    requests_per_minute: float | None
    until: float
    pending: str = ""
    by_callback: bool = False

    def answered(self, status: int) -> None:
        """End the consent if the status of an event says that it was withdrawn."""
        if status in ENDING_STATUSES:
            self.until, self.by_callback = float("-inf"), False


@dataclass(frozen=True, slots=True)
class ConsentGranted:
    """The receiver agrees.

    Attributes:
        requests_per_minute: Most requests in a minute; None: as many as we like.
    """

    requests_per_minute: float | None


@dataclass(frozen=True, slots=True)
class ConsentRefused:
    """The receiver does not agree, or its answer is malformed.

    Attributes:
        why: The expected and the actual field, for people.
        is_silent: Whether the field was absent, so that consent may still come.
    """

    why: str
    is_silent: bool = False


def delivery_fields(settings: HandshakeConfig) -> dict[str, str]:
    """Return the header fields of every request with events (S11); off: none."""
    if settings.mode == "off" or settings.origin is None:
        return {}
    return {ORIGIN: settings.origin}


def read_consent(
    headers: Mapping[str, str],
    *,
    origin: str,
    requested_rate: int | None,
    is_asked_for: bool = True,
) -> ConsentGranted | ConsentRefused:
    """Return the consent in header fields; a status gives none (S15, S16).

    Args:
        headers: Of an answer to OPTIONS, or of a request to our callback.
        origin: Who asks.
        requested_rate: Requests per minute that were asked for, which count where the
            receiver names no rate; None: no limit was.
        is_asked_for: Whether the origin has to be there; the callback's key says it,
            too.
    """
    allowed = headers.get(ALLOWED_ORIGIN)
    if allowed is None and is_asked_for:
        return ConsentRefused(f"{_wanted(origin)}, got none", is_silent=True)
    if allowed is not None and allowed.strip().lower() not in (ANY, origin.lower()):
        return ConsentRefused(_mismatch(origin, allowed.strip()))
    rate = headers.get(ALLOWED_RATE)
    if rate is None:
        return ConsentGranted(requested_rate)
    if rate.strip() == ANY:
        return ConsentGranted(None)
    if not _POSITIVE.fullmatch(rate.strip()):
        got = one_line_excerpt(rate)
        return ConsentRefused(f"expected {ALLOWED_RATE} '*' or 1 and more, got '{got}'")
    return ConsentGranted(int(rate))


def _wanted(origin: str) -> str:
    return f"expected {ALLOWED_ORIGIN} '{origin}' or '*'"


def _mismatch(origin: str, got: str) -> str:
    text = f"{_wanted(origin)}, got '{one_line_excerpt(got)}'"
    if got and origin.lower().startswith(got.lower()):
        # The Go SDK answers with the entry of its allow-list that matched.
        text += ": it names a prefix of the origin, not the origin"
    return text
