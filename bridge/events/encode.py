"""Encodes a CloudEvent once; all three HTTP modes are cut from these bytes.

The rules are those of the CloudEvents 1.0.2 JSON format and HTTP protocol binding::

    structured   {"specversion":"1.0","id":...,"data":{...}}    stored and sent as it is
    binary       ce-id: ...                                     the head, as headers
                 {...}                                          a slice: the data
    batched      [{...},{...}]                                  joined

A batch is sent only to a sink that asks for it (HTTP binding 3.3).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bridge.events.cloudevent import CloudEvent, EncodedEvent
from bridge.events.validation import canonical

STRUCTURED_TYPE: Final = b"application/cloudevents+json"
"""Content-Type of one event in the structured form."""

BATCH_TYPE: Final = b"application/cloudevents-batch+json"
"""Content-Type of a batch."""

_DATA: Final = b',"data":'
_FIELDS: Final = tuple(
    name for name in CloudEvent.__struct_fields__ if name not in {"extensions", "data"}
)

# All of U+0021 to U+007E but the double quote and the percent sign.
_ESCAPED = re.compile("[^!#$&-~]")
_UNESCAPED: Final = "!#$&'()*+,/:;<=>?@[\\]^`{|}"

_encode = msgspec.json.Encoder().encode
_decode_head = msgspec.json.Decoder(dict[str, str | int | bool]).decode

Header = tuple[bytes, bytes]
"""Name in lower case, and value, as they go over the wire."""


class _Core(Struct, omit_defaults=True, gc=False):
    """The attributes of the specification, in the order in which they are written."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None


def encode(event: CloudEvent) -> EncodedEvent:
    """Return the event in the JSON format, `data` last."""
    core = _Core(
        "1.0",
        event.id,
        event.source,
        event.type,
        event.subject,
        event.time,
        event.datacontenttype,
        event.dataschema,
    )
    head = _encode(core)[:-1]
    if event.extensions:
        head = b"%b,%b" % (head, _encode(event.extensions)[1:-1])
    if event.data is None:
        return EncodedEvent(id=event.id, body=head + b"}", data_offset=0)
    return EncodedEvent(
        id=event.id,
        body=b"".join((head, _DATA, event.data, b"}")),
        data_offset=len(head) + len(_DATA),
    )


def decode(encoded: EncodedEvent) -> CloudEvent:
    """Return the event of its bytes: the inverse of `encode`."""
    found: dict[str, Any] = attributes(encoded)
    del found["specversion"]
    known = {name: found.pop(name, None) for name in _FIELDS}
    return CloudEvent(**known, extensions=found, data=_data(encoded))


def without_data(encoded: EncodedEvent) -> EncodedEvent:
    """Return the event without its data; only the bytes before the data are read."""
    if not encoded.data_offset:
        return encoded
    head = encoded.body[: encoded.data_offset - len(_DATA)]
    return EncodedEvent(id=encoded.id, body=head + b"}", data_offset=0)


def attributes(encoded: EncodedEvent) -> dict[str, str | int | bool]:
    """Return all context attributes of a stored event; its data stays unread."""
    if not encoded.data_offset:
        return _decode_head(encoded.body)
    head = encoded.body[: encoded.data_offset - len(_DATA)]
    return _decode_head(head + b"}")


def binary(encoded: EncodedEvent) -> tuple[list[Header], bytes]:
    """Return headers and body of a request in binary mode.

    An event without data goes in structured mode: a delivery must have a payload
    (HTTP 1.1 Web Hooks for Event Delivery, 2.1). One that does not name the type of
    its data gets the one that the JSON format implies.
    """
    data = _data(encoded)
    if data is None:
        return [(b"content-type", STRUCTURED_TYPE)], encoded.body
    found = attributes(encoded)
    content_type = str(found.pop("datacontenttype", "application/json"))
    headers = [(b"content-type", content_type.encode())]
    headers += [
        (_header_name(name), _header_value(value)) for name, value in found.items()
    ]
    return headers, data


def batch(events: Iterable[EncodedEvent]) -> bytes:
    """Return the body of a request in batched mode."""
    return b"[" + b",".join([event.body for event in events]) + b"]"


def _data(encoded: EncodedEvent) -> bytes | None:
    return encoded.body[encoded.data_offset : -1] if encoded.data_offset else None


@lru_cache(maxsize=1024)
def _header_name(attribute: str) -> bytes:
    return f"ce-{attribute}".encode()


def _header_value(value: str | int | bool) -> bytes:
    """Return the canonical text, percent-encoded (HTTP binding 3.1.3.2)."""
    text = canonical(value)
    if _ESCAPED.search(text):
        text = quote(text, safe=_UNESCAPED)
    return text.encode()
