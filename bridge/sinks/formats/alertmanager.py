"""Alertmanager: alerts, ``POST http://<alertmanager>/api/v2/alerts``.

Labels tell alerts apart, so they hold only what stays the same for all repeats; the
text is an annotation (prometheus.io/docs/alerting/latest/alerts_api). An alert that is
not sent again ends by itself after `endsAfter`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final, Literal

import msgspec
from pydantic import Field
from yarl import URL

from bridge.errors import SinkError
from bridge.events import EncodedEvent
from bridge.settings.model import Model, written
from bridge.settings.units import PositiveDuration
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.formats.message import Message, message_of, shortened
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import EXCERPT_BYTES, Response

_LABELS: Final = ("cluster", "namespace", "kind", "name", "reason", "component")
_MAX_BATCH: Final = 64


class AlertmanagerConfig(Model):
    """An alert, which ends by itself unless its problem is reported again."""

    type: Literal["alertmanager"]
    """Name of the format."""

    ends_after: PositiveDuration = written("10m")
    """How long an alert lasts after the last report of its problem."""

    labels: dict[str, str] = Field(default_factory=dict)
    """Further labels of each alert, as in `{team: shop}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerFormat:
    """Alerts in an array; a status is the answer to all.

    Attributes:
        classifier: Says what a status means.
        ends_after_seconds: How long an alert lasts.
        labels: Further labels.
    """

    classifier: ResponseClassifier
    ends_after_seconds: float
    labels: dict[str, str]
    content_type: ClassVar = "application/json"
    max_batch: ClassVar = _MAX_BATCH
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        alerts = [self._alert(message_of(event)) for event in events]
        return SinkRequest(url=url, body=msgspec.json.encode(alerts))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))

    def _alert(self, message: Message) -> dict[str, Any]:
        labels = {
            name: message.attribute(name) for name in _LABELS if message.attribute(name)
        }
        labels["alertname"] = message.attribute("reason") or message.attribute("type")
        labels["severity"] = message.severity
        annotations = {"summary": shortened(message.title, 500)}
        if message.text:
            annotations["description"] = shortened(message.text, 10_000)
        alert: dict[str, Any] = {
            "labels": {**labels, **self.labels},
            "annotations": {**annotations, **_facts(message)},
        }
        if message.time is not None:
            begin = datetime.fromisoformat(message.time).astimezone(UTC)
            end = begin + timedelta(seconds=self.ends_after_seconds)
            alert["startsAt"] = begin.isoformat()
            alert["endsAt"] = end.isoformat()
        return alert


def _facts(message: Message) -> dict[str, str]:
    named = {"Times": "count", "Since": "since", "Node": "node"}
    return {named[name]: value for name, value in message.facts if name in named}
