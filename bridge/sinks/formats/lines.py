"""Lines of JSON: each event in its structured form, parted by newlines.

For receivers of logs that take ``application/x-ndjson``: VictoriaLogs'
``/insert/jsonline``, Vector's and Fluent Bit's HTTP inputs, ClickHouse.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from yarl import URL

from bridge.errors import SinkError
from bridge.events import EncodedEvent
from bridge.settings.model import Model
from bridge.settings.values import Count
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import EXCERPT_BYTES, Response


class LinesConfig(Model):
    """A line of JSON: the CloudEvent."""

    type: Literal["lines"]
    """Name of the format."""

    batch: Annotated[Count, Field(le=1000)] = 100
    """Most events of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesFormat:
    """Lines of a body; a status is the answer to all.

    Attributes:
        classifier: Says what a status means.
        max_batch: Most events of one request.
    """

    classifier: ResponseClassifier
    max_batch: int
    content_type: ClassVar = "application/x-ndjson"
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        return SinkRequest(
            url=url, body=b"".join([event.body + b"\n" for event in events])
        )

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))
