"""Elasticsearch and OpenSearch: the bulk API, ``POST http://<host>/_bulk``.

Each event is a document. An index takes the same document twice as one, for its ``_id``
is the event's; a data stream is only ever added to, and answers 409 to what it has. The
answer is 200 with a status for each document (elastic.co/docs, Bulk API).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from pydantic import Field
from yarl import URL

from bridge.errors import PermanentSinkError, SinkError, TemporarySinkError
from bridge.events import EncodedEvent
from bridge.events.encode import attributes
from bridge.settings.model import Model
from bridge.settings.values import Count, checked
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import MOST_READ_BYTES, Response

_LONGEST_ID: Final = 512
_EXISTS: Final = 409
_ANSWER: Final = "errors,items.*.status,items.*.error.type,items.*.error.reason"
"""The parts of an answer that are read; the rest would only make it longer."""

IndexName = Annotated[
    str, *checked("[a-z0-9][a-z0-9._-]{0,200}", "an index, in lower case")
]
"""In lower case, as their documentation wants it."""


class ElasticsearchConfig(Model):
    """A document of an index or a data stream."""

    type: Literal["elasticsearch"]
    """Name of the format."""

    index: IndexName = "kubernetes-events"
    """Index or data stream."""

    data_stream: bool = False
    """Whether `index` is a data stream: then documents are created, never replaced, and
    have `@timestamp`."""

    batch: Annotated[Count, Field(le=1000)] = 100
    """Most events of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ElasticsearchFormat:
    """Documents, each with an answer of its own.

    Attributes:
        classifier: Says what a status means.
        sink: Its name, for messages.
        index: Where to.
        is_stream: Whether that is a data stream.
        max_batch: Most events of one request.
    """

    classifier: ResponseClassifier
    sink: str
    index: str
    is_stream: bool
    max_batch: int
    content_type: ClassVar = "application/x-ndjson"
    secrets: ClassVar = ()
    answer_bytes: ClassVar = MOST_READ_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        lines = [line for event in events for line in self._lines(event)]
        url = url.update_query(filter_path=_ANSWER)
        return SinkRequest(url=url, body=b"\n".join([*lines, b""]))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`; the status of each document is judged as one of HTTP."""
        taken = self.classifier.accepted(response, events=len(events))
        answer = _decoded(response.body)
        if answer.get("errors") is False:
            return taken
        items = answer.get("items")
        if not isinstance(items, list) or len(items) != len(events):
            raise self._unreadable(response, events=len(events))
        return [self._result(item, response) for item in items]

    def _unreadable(self, response: Response, *, events: int) -> SinkError:
        """Return what to do without an answer to each event: ask for less of it."""
        kind = PermanentSinkError if events > 1 else TemporarySinkError
        return kind(
            f"sink {self.sink}: expected an answer of the bulk API for {events} events",
            reason="batch-size" if events > 1 else "bad-answer",
            status=response.status,
            duration_seconds=response.duration_seconds,
            excerpt=response.excerpt,
        )

    def _result(self, item: Any, response: Response) -> Accepted | SinkError:
        found = next(iter(item.values()), None) if isinstance(item, dict) else None
        status = found.get("status") if isinstance(found, dict) else None
        if not isinstance(found, dict) or not isinstance(status, int):
            return self._unreadable(response, events=1)
        if status == _EXISTS and self.is_stream:
            status = HTTPStatus.OK
        error = msgspec.json.encode(found.get("error")) if status >= 300 else b""
        return self.classifier.result(
            Response(
                status=status,
                headers=response.headers,
                body=error,
                duration_seconds=response.duration_seconds,
            )
        )

    def _lines(self, event: EncodedEvent) -> Iterator[bytes]:
        found = attributes(event)
        name = f"{found['source']} {event.id}"
        if len(name) > _LONGEST_ID:
            name = hashlib.sha256(name.encode()).hexdigest()
        action = "create" if self.is_stream else "index"
        yield msgspec.json.encode({action: {"_index": self.index, "_id": name}})
        time = found.get("time") or found.get("recordedtime")
        stamp = b'{"@timestamp":' + msgspec.json.encode(time) + b","
        yield stamp + event.body[1:]


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
