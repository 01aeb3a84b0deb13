"""Splunk: the HTTP Event Collector, ``POST https://<host>:8088/services/collector/event``.

``Authorization: Splunk <token>`` is a header of the sink. Events of a request follow
each other without commas; the answer is 200 with code 0, else a status and a code that
says more (docs.splunk.com, Troubleshoot HTTP Event Collector).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

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

_FIELDS: Final = ("cluster", "namespace", "kind", "name", "reason", "type", "id")


class SplunkConfig(Model):
    """An event of an index: the CloudEvent."""

    type: Literal["splunk"]
    """Name of the format."""

    index: str | None = None
    """Index; null: the token's own."""

    sourcetype: str = "kubernetes:event"
    """How Splunk reads it."""

    batch: Annotated[Count, Field(le=1000)] = 100
    """Most events of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplunkFormat:
    """Events after each other; a status is the answer to all.

    Attributes:
        classifier: Says what a status means.
        index: Where to; None: the token's own.
        sourcetype: How Splunk reads it.
        max_batch: Most events of one request.
    """

    classifier: ResponseClassifier
    index: str | None
    sourcetype: str
    max_batch: int
    content_type: ClassVar = "application/json"
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        return SinkRequest(url=url, body=b"\n".join(map(self._line, events)))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`; a batch that is refused for one line is halved by `deliver`."""
        return self.classifier.accepted(response, events=len(events))

    def _line(self, event: EncodedEvent) -> bytes:
        found = attributes(event)
        line: dict[str, Any] = {
            "source": found["source"],
            "sourcetype": self.sourcetype,
            "fields": {name: str(found[name]) for name in _FIELDS if name in found},
            "event": msgspec.Raw(event.body),
        }
        if self.index is not None:
            line["index"] = self.index
        if found.get("node"):
            line["host"] = found["node"]
        if "time" in found:
            moment = datetime.fromisoformat(str(found["time"]))
            line["time"] = round(moment.timestamp(), 6)
        return msgspec.json.encode(line)
