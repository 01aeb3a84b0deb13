"""Loki: the push API in JSON, ``POST http://<loki>/loki/api/v1/push``.

A stream has few labels, each with few values (grafana.com/docs/loki, Labels); names and
reasons are structured metadata, which costs no stream. VictoriaLogs takes the same at
``/insert/loki/api/v1/push``. The answer is 204.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

import msgspec
from pydantic import Field
from yarl import URL

from bridge.errors import SinkError
from bridge.events import EncodedEvent
from bridge.events.encode import attributes
from bridge.settings.model import Model
from bridge.settings.values import Count
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import EXCERPT_BYTES, Response

Label = Literal["cluster", "namespace", "kind", "type", "severitytext", "component"]
"""Attributes of which a cluster has few values."""

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_METADATA: Final = ("id", "name", "reason", "node", "subject", "type", "count")
_LONGEST: Final = 256


class LokiConfig(Model):
    """A line of a stream: the CloudEvent as JSON."""

    type: Literal["loki"]
    """Name of the format."""

    labels: Annotated[list[Label], Field(max_length=6)] = Field(
        default_factory=lambda: list[Label](("cluster", "namespace", "kind"))
    )
    """Attributes that become labels, besides `job`: each set of values is a stream, so
    there is no choice of attributes with many values."""

    job: str = "kubebridge"
    """Value of the label `job`."""

    batch: Annotated[Count, Field(le=1000)] = 100
    """Most events of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LokiFormat:
    """Lines of streams; a status is the answer to all.

    Attributes:
        classifier: Says what a status means.
        labels: Attributes that become labels.
        job: Value of the label ``job``.
        max_batch: Most events of one request.
    """

    classifier: ResponseClassifier
    labels: Sequence[str]
    job: str
    max_batch: int
    content_type: ClassVar = "application/json"
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        streams: dict[tuple[str, ...], list[object]] = {}
        for event in events:
            found = attributes(event)
            key = tuple(str(found.get(name, "")) for name in self.labels)
            metadata = {
                name: str(found[name])[:_LONGEST] for name in _METADATA if name in found
            }
            line = [str(_nanoseconds(found)), event.body.decode(), metadata]
            streams.setdefault(key, []).append(line)
        body = {
            "streams": [
                {"stream": self._stream(key), "values": lines}
                for key, lines in streams.items()
            ]
        }
        return SinkRequest(url=url, body=msgspec.json.encode(body))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`; a batch that is refused for one line is halved by `deliver`."""
        return self.classifier.accepted(response, events=len(events))

    def _stream(self, key: tuple[str, ...]) -> dict[str, str]:
        """Return the labels; one without a value would be no label."""
        named = zip(self.labels, key, strict=True)
        return {"job": self.job, **{name: value for name, value in named if value}}


def _nanoseconds(found: Mapping[str, str | int | bool]) -> int:
    """Return the event's time since 1970."""
    time = found.get("time") or found.get("recordedtime")
    if not time:
        return 0
    since = datetime.fromisoformat(str(time)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
