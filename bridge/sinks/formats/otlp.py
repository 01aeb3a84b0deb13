"""OpenTelemetry: logs over HTTP in JSON, ``POST http://<collector>:4318/v1/logs``.

A log record for each event (opentelemetry.io/docs/specs/otlp, 1.x; names by the
semantic conventions of Kubernetes and CloudEvents). The answer is 200;
``partialSuccess`` says how many records were refused, but not which.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from pydantic import Field
from yarl import URL

from bridge import __version__
from bridge.errors import PermanentSinkError, SinkError
from bridge.events import EncodedEvent
from bridge.settings.model import Model
from bridge.settings.values import Count
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.formats.message import Message, message_of
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import EXCERPT_BYTES, Response

_SEVERITIES: Final = {
    "info": (9, "INFO"),
    "warning": (13, "WARN"),
    "error": (17, "ERROR"),
}
_NAMES: Final = {
    "cluster": "k8s.cluster.name",
    "namespace": "k8s.namespace.name",
    "node": "k8s.node.name",
    "kind": "k8s.object.kind",
    "name": "k8s.object.name",
    "uid": "k8s.object.uid",
    "reason": "k8s.event.reason",
    "action": "k8s.event.action",
    "component": "k8s.event.reporting_component",
    "id": "cloudevents.event_id",
    "source": "cloudevents.event_source",
    "type": "cloudevents.event_type",
    "subject": "cloudevents.event_subject",
}
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class OtlpConfig(Model):
    """A log record."""

    type: Literal["otlp"]
    """Name of the format."""

    body: Literal["message", "event"] = "message"
    """Body of a record: the sentence, or the whole CloudEvent as JSON text."""

    batch: Annotated[Count, Field(le=1000)] = 100
    """Most events of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtlpFormat:
    """Log records of one resource; partial success is reported, not repeated.

    Attributes:
        classifier: Says what a status means.
        sink: Its name, for messages.
        body: Body of a record.
        max_batch: Most events of one request.
    """

    classifier: ResponseClassifier
    sink: str
    body: Literal["message", "event"]
    max_batch: int
    content_type: ClassVar = "application/json"
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        scope = {
            "scope": {"name": "kubebridge", "version": __version__},
            "logRecords": [self._record(event) for event in events],
        }
        resource = {"attributes": _attributes({"service.name": "kubebridge"})}
        logs = {"resourceLogs": [{"resource": resource, "scopeLogs": [scope]}]}
        return SinkRequest(url=url, body=msgspec.json.encode(logs))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`; a batch of which some was refused is sent one by one."""
        taken = self.classifier.accepted(response, events=len(events))
        if not _rejected(response.body):
            return taken
        raise PermanentSinkError(
            f"sink {self.sink} refused records of {len(events)} events",
            reason="batch-size" if len(events) > 1 else "status",
            status=response.status,
            duration_seconds=response.duration_seconds,
            excerpt=response.excerpt,
        )

    def _record(self, event: EncodedEvent) -> dict[str, Any]:
        message = message_of(event)
        number, text = _SEVERITIES[message.severity]
        named = {
            _NAMES[name]: str(value)
            for name, value in message.event.items()
            if name in _NAMES
        }
        record: dict[str, Any] = {
            "severityNumber": number,
            "severityText": text,
            "body": {"stringValue": self._body(message, event)},
            "attributes": _attributes(named),
        }
        if message.time is not None:
            record["timeUnixNano"] = _nanoseconds(message.time)
        return record

    def _body(self, message: Message, event: EncodedEvent) -> str:
        if self.body == "event":
            return event.body.decode()
        return message.text or message.title


def _attributes(named: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": one}} for key, one in named.items()]


def _nanoseconds(time: str) -> str:
    since = datetime.fromisoformat(time) - _EPOCH
    seconds = since.days * 86_400 + since.seconds
    return str(seconds * 10**9 + since.microseconds * 1000)


def _rejected(body: bytes) -> int:
    """Return how many records an answer says were refused."""
    try:
        answer = msgspec.json.decode(body or b"{}")
        partial = answer.get("partialSuccess") or {}
        return int(partial.get("rejectedLogRecords") or 0)
    except (msgspec.DecodeError, AttributeError, TypeError, ValueError):
        return 0
