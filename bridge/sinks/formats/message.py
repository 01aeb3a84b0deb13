"""The message that people read about an event: what, where, how often, since when.

All formats for people, and for alerts, are made of the same few texts, so that a person
meets the same words in each receiver.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import msgspec
from yarl import URL

from bridge.errors import PermanentSinkError, SinkError
from bridge.events import EncodedEvent
from bridge.events.encode import attributes
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.secrets import Secret
from bridge.sinks.transports import EXCERPT_BYTES, Response

Severity = Literal["info", "warning", "error"]

_WORDS: Final = {"added": "was created", "modified": "changed", "deleted": "is gone"}

_FACTS: Final = (
    ("Cluster", "cluster"),
    ("Namespace", "namespace"),
    ("Node", "node"),
    ("From", "component"),
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """An event in words.

    Attributes:
        title: What and where, on one line: ``BackOff: Pod shop/web-0``.
        text: The sentence of whoever reported it; may have several lines, may be empty.
        severity: info for what is normal.
        facts: Further names and values, all short.
        time: RFC 3339; None: unknown.
        key: Equal for all repeats of one problem of one object.
        event: The attributes of the CloudEvent.
        data: The object, decoded; None: there is none.
    """

    title: str
    text: str
    severity: Severity
    facts: tuple[tuple[str, str], ...]
    time: str | None
    key: str
    event: Mapping[str, str | int | bool]
    data: Any

    def attribute(self, name: str) -> str:
        """Return an attribute as text; empty: there is none."""
        return str(self.event.get(name, ""))


Body = Callable[[Message], Any]
"""Returns the body of a request, to be encoded as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFormat:
    """A request with a JSON body for each event; a status is the answer.

    Attributes:
        classifier: Says what a status means.
        body: Returns the body for a message, to be encoded as JSON.
        secrets: Those that stand in bodies.
    """

    classifier: ResponseClassifier
    body: Body
    secrets: Sequence[Secret] = ()
    content_type: ClassVar = "application/json"
    max_batch: ClassVar = 1
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        (event,) = events
        return SinkRequest(url=url, body=_encode(self.body(message_of(event))))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))


def message_of(event: EncodedEvent) -> Message:
    """Return the message about an event.

    Raises:
        PermanentSinkError: Its data cannot be read.
    """
    found = attributes(event)
    data = data_of(event)
    kept = data if isinstance(data, dict) else {}
    reason = str(found.get("reason") or kept.get("reason") or "")
    return Message(
        title=_title(found, reason),
        text=str(kept.get("message") or kept.get("note") or ""),
        severity=_severity(found, kept),
        facts=tuple(_facts(found, kept)),
        time=str(found["time"]) if "time" in found else None,
        key=f"{found['source']}/{found.get('uid') or found.get('subject')}/{reason}",
        event=found,
        data=data,
    )


def data_of(event: EncodedEvent) -> Any:
    """Return the decoded data of an event; None: there is none.

    Raises:
        PermanentSinkError: It cannot be read.
    """
    if not event.data_offset:
        return None
    try:
        return _decode(event.body[event.data_offset : -1])
    except (msgspec.DecodeError, RecursionError) as error:
        raise PermanentSinkError(
            f"event {event.id}: its data cannot be read: {type(error).__name__}",
            reason="format",
        ) from None


def shortened(text: str, most: int) -> str:
    """Return at most so many characters, the last of them an ellipsis if it was cut."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _title(found: Mapping[str, Any], reason: str) -> str:
    kind = str(found.get("kind") or "object")
    name = str(found.get("name") or found.get("subject") or "")
    namespace = found.get("namespace")
    where = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}".strip()
    if reason:
        return f"{reason}: {where}"
    change = str(found["type"]).split(".")
    word = next((_WORDS[one] for one in change if one in _WORDS), None)
    if word is not None:
        return f"{where} {word}"
    if "digest" in change:
        return "Events were held back"
    return "Events may be missing" if "gap" in change else f"{found['type']}: {where}"


def _severity(found: Mapping[str, Any], data: Mapping[str, Any]) -> Severity:
    if ".gap." in str(found["type"]):
        return "error"
    is_warning = data.get("type") == "Warning" or found.get("severitytext") in {
        "WARN",
        "Warning",
    }
    return "warning" if is_warning else "info"


def _facts(
    found: Mapping[str, Any], data: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    for name, attribute in _FACTS:
        if found.get(attribute):
            yield name, str(found[attribute])
    series = data.get("series")
    count = series.get("count") if isinstance(series, dict) else data.get("count")
    if isinstance(count, int) and count > 1:
        yield "Times", str(count)
        if isinstance(data.get("firstTimestamp"), str):
            yield "Since", data["firstTimestamp"]
