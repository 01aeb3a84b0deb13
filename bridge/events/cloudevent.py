"""The CloudEvent: frozen, and checked when it is made."""

from collections.abc import Mapping

import msgspec

from bridge.errors import InvalidEventError
from bridge.events import validation as rules


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An occurrence, by CloudEvents 1.0.2.

    The rules of the specification are checked here, once, so that nothing behind it
    has to. It is narrower in two ways: the payload is JSON, and ``T`` and ``Z`` in a
    timestamp are upper case.

    Attributes:
        id: Stable: the same change gives the same id on every reading.
        source: URI-reference of the cluster.
        type: Reverse-DNS type.
        subject: Object that the event is about; None: not said.
        time: RFC 3339 timestamp; None: not known.
        datacontenttype: Media type of `data`, one of JSON; None: not said, JSON.
        dataschema: Absolute URI of the schema of `data`; None: not said.
        extensions: Further attributes; str, int (signed 32 bit) or bool. Not to be
            changed once the event is made.
        data: The payload as JSON bytes; None: there is none.
    """

    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = "application/json"
    dataschema: str | None = None
    extensions: Mapping[str, str | int | bool] = msgspec.field(default_factory=dict)
    data: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse attributes and data that CloudEvents does not allow.

        Raises:
            InvalidEventError: Names the attribute, what was expected and what was got.
        """
        rules.check_source(self.source)
        rules.check_extension_names(tuple(self.extensions))
        if self.datacontenttype is not None:
            rules.check_json_type(self.datacontenttype)
        if self.dataschema is not None:
            rules.check_schema(self.dataschema)
        if self.time is not None:
            rules.check_time(self.time)
        self._check_texts()
        if self.data is not None:
            rules.check_json(self.data)

    def attributes(self) -> dict[str, str | int | bool]:
        """Return all context attributes by name, in the order of the JSON format."""
        found: dict[str, str | int | bool] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
        }
        if self.subject is not None:
            found["subject"] = self.subject
        if self.time is not None:
            found["time"] = self.time
        if self.datacontenttype is not None:
            found["datacontenttype"] = self.datacontenttype
        if self.dataschema is not None:
            found["dataschema"] = self.dataschema
        found.update(self.extensions)
        return found

    def _check_texts(self) -> None:
        if not self.id or not self.type or self.subject == "":
            raise InvalidEventError(
                "attributes 'id', 'type' and 'subject': expected text, "
                f"got {self.id!r}, {self.type!r} and {self.subject!r}"
            )
        texts = [self.id, self.type, self.subject or ""]
        for name, value in self.extensions.items():
            if value.__class__ is str:
                texts.append(value)
            else:
                rules.check_extension_type(name, value)
        if not rules.is_plain("".join(texts)):
            for name, value in self.attributes().items():
                rules.check_text(name, str(value))


class ConvertedEvent(CloudEvent, frozen=True, kw_only=True, gc=False):
    """A CloudEvent whose parts `bridge.events.convert` has checked one by one.

    Its texts are printable, its names and its source are those of an `Origin`, and its
    data was decoded before: to check all of it again would take longer than to make it.
    """

    def __post_init__(self) -> None:
        """Check nothing twice."""


class EncodedEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A CloudEvent in the JSON format, as it is stored and sent.

    Attributes:
        id: Its id attribute.
        body: The whole event in the structured form; `data` is the last member.
        data_offset: Where in `body` the value of `data` begins, in bytes; it ends
            before the last byte. 0: the event has no data.
    """

    id: str
    body: bytes
    data_offset: int
