"""The CloudEvent: frozen, and checked when it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """One occurrence, by CloudEvents 1.0.2.

    Attributes:
        id: Stable: the same change gives the same id on every reading.
        source: URI-reference of the cluster.
        type: Reverse-DNS type.
        subject: What it is about; None: not said.
        time: RFC 3339 timestamp; None: not known.
        datacontenttype: Media type of `data`.
        extensions: Further attributes; str, int (signed 32 bit) or bool.
        data: The payload as JSON bytes; None: there is none.
    """

    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = "application/json"
    extensions: Mapping[str, str | int | bool] = field(default_factory=dict)
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedEvent:
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
