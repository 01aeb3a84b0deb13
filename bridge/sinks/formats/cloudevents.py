"""The three modes of the CloudEvents HTTP protocol binding 1.0.2 as formats.

Structured is understood everywhere and cheapest; binary puts the attributes into header
fields; a batch is sent only to a receiver that asks for it (HTTP binding 3.3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from yarl import URL

from bridge.errors import PermanentSinkError
from bridge.events import EncodedEvent
from bridge.events.encode import BATCH_TYPE, STRUCTURED_TYPE, batch, binary
from bridge.sinks import Accepted
from bridge.sinks.formats import Format, SinkRequest
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.transports import EXCERPT_BYTES, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredFormat:
    """An event as it is stored; a status is the answer.

    Attributes:
        classifier: Says what a status means.
    """

    classifier: ResponseClassifier
    content_type: ClassVar = STRUCTURED_TYPE.decode()
    max_batch: ClassVar = 1
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        (event,) = events
        return SinkRequest(url=url, body=event.body)

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryFormat:
    """An event, its attributes as header fields, its data as the body.

    Attributes:
        classifier: Says what a status means.
    """

    classifier: ResponseClassifier
    content_type: ClassVar = STRUCTURED_TYPE.decode()
    max_batch: ClassVar = 1
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`; an event without data is structured, for it needs a body."""
        (event,) = events
        fields, body = binary(event)
        return SinkRequest(url=url, body=body, fields=fields)

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFormat:
    """Events in an array; a status is the answer to all of them.

    Attributes:
        classifier: Says what a status means.
        sink: Its name, for messages.
        max_batch: Most events of one request.
        most_bytes: Most bytes of a body with more than one event.
    """

    classifier: ResponseClassifier
    sink: str
    max_batch: int
    most_bytes: int
    content_type: ClassVar = BATCH_TYPE.decode()
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        body = batch(events)
        if len(body) > self.most_bytes and len(events) > 1:
            # `deliver` halves a batch that is refused for good.
            raise PermanentSinkError(
                f"sink {self.sink}: expected a batch of at most "
                f"{self.most_bytes} bytes, got {len(body)}",
                reason="batch-size",
            )
        return SinkRequest(url=url, body=body)

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))


def cloudevents_format(settings: HttpConfig, classifier: ResponseClassifier) -> Format:
    """Return the format that `mode` asks for.

    Args:
        settings: Those of the sink.
        classifier: Says what a status means.
    """
    if settings.mode == "structured":
        return StructuredFormat(classifier=classifier)
    if settings.mode == "binary":
        return BinaryFormat(classifier=classifier)
    return BatchFormat(
        classifier=classifier,
        sink=settings.name,
        max_batch=settings.batch.size,
        most_bytes=settings.batch.bytes,
    )
