"""PagerDuty: Events API v2, ``POST https://events.pagerduty.com/v2/enqueue``.

An incident for each problem of an object, told apart by its deduplication key. A
message about something normal resolves the incident that `resolves` names for it.
Fields and limits are those of developer.pagerduty.com/docs/send-alert-event; the answer
is 202.
"""

import hashlib
from collections.abc import Callable
from typing import Any, Final, Literal

from pydantic import Field

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened
from bridge.sinks.secrets import SecretConfig

_SEVERITIES: Final = {"info": "info", "warning": "warning", "error": "critical"}


class PagerDutyConfig(Model):
    """An incident."""

    type: Literal["pagerduty"]
    """Name of the format."""

    routing_key: SecretConfig
    """The integration's key: `{file: path}` or `{env: NAME}`."""

    resolves: dict[str, str] = Field(
        default_factory=lambda: {
            "Started": "BackOff",
            "Scheduled": "FailedScheduling",
            "NodeReady": "NodeNotReady",
        }
    )
    """Reason of a normal event, and the reason of the same object whose incident it
    resolves."""


def pagerduty_body(
    message: Message,
    *,
    routing_key: Callable[[], str],
    resolves: dict[str, str],
) -> Any:
    """Return an event that opens an incident, counts it again or resolves it."""
    reason = message.attribute("reason")
    ended = resolves.get(reason) if message.severity == "info" else None
    return {
        "routing_key": routing_key(),
        "event_action": "resolve" if ended is not None else "trigger",
        "dedup_key": _dedup_key(message, ended or reason),
        "payload": _payload(message, reason),
    }


def _dedup_key(message: Message, reason: str) -> str:
    """Return what all reports of one problem of one object have in common."""
    whose = message.attribute("uid") or message.attribute("subject")
    key = f"{message.attribute('source')}/{whose}/{reason}"
    return key if len(key) <= 255 else hashlib.sha256(key.encode()).hexdigest()


def _payload(message: Message, reason: str) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "summary": shortened(message.title, 1024),
        "source": shortened(message.attribute("source"), 255),
        "severity": _SEVERITIES[message.severity],
        "component": message.attribute("name"),
        "group": message.attribute("namespace"),
        "class": reason,
        "custom_details": {"message": message.text, **dict(message.facts)},
    }
    if message.time is not None:
        payload["timestamp"] = message.time
    return payload
