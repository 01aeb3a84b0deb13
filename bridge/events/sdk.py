"""Converts events to and from the class of the `cloudevents` SDK, at the edges.

An edge is a place where other code has events of the SDK: an inbound endpoint, a test.
Nothing on the path of an event imports this module. The SDK takes several times longer,
and its JSON of booleans, of lists and of JSON texts is invalid (seen with 2.2.0).
"""

from datetime import datetime
from typing import Any

import msgspec
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.v1.event import CloudEvent as SdkEvent

from bridge.errors import InvalidEventError
from bridge.events.cloudevent import CloudEvent
from bridge.events.validation import NOT_JSON, timestamp

_CORE = ("id", "source", "type", "subject", "datacontenttype", "dataschema")


def to_sdk(event: CloudEvent) -> SdkEvent:
    """Return the event as an event of the SDK, its data decoded.

    The SDK keeps microseconds of `time`; it invents a `time` where there is none and
    cannot tell ``null`` as data from no data.

    Raises:
        InvalidEventError: Python has nothing for a leap second in `time`, or for a
            number beyond floating point in `data`.
    """
    found: dict[str, Any] = event.attributes()
    if event.time is not None:
        found["time"] = _datetime(event.time)
    return SdkEvent(found, _parse(event.data))


def from_sdk(event: BaseCloudEvent) -> CloudEvent:
    """Return an event of the SDK as ours, checked.

    Data that are bytes are taken for JSON already written; anything else is written as
    JSON here. Integers that came in headers are text, for the SDK left them so.

    Raises:
        InvalidEventError: It breaks a rule, or its data is not of JSON.
    """
    found = {k: v for k, v in event.get_attributes().items() if v is not None}
    version = found.pop("specversion", None)
    if version != "1.0":
        raise InvalidEventError(
            f"attribute 'specversion': expected '1.0', got {version!r}"
        )
    time = found.pop("time", None)
    known = {name: found.pop(name, None) for name in _CORE}
    return CloudEvent(
        **known,
        time=time and timestamp(time),
        extensions=found,
        data=_json(event.get_data()),
    )


def _parse(data: bytes | None) -> Any:
    try:
        return None if data is None else msgspec.json.decode(data)
    except NOT_JSON as error:
        raise InvalidEventError(f"data: {error}") from error


def _json(data: object) -> bytes | None:
    if data is None or isinstance(data, bytes):
        return data
    try:
        return msgspec.json.encode(data)
    except (TypeError, ValueError) as error:
        raise InvalidEventError(f"data: expected JSON: {error}") from error


def _datetime(time: str) -> datetime:
    try:
        return datetime.fromisoformat(time)
    except ValueError as error:
        raise InvalidEventError(f"attribute 'time': {error}: {time!r}") from error
