"""What the CloudEvents SDK for Go makes of a request, as it was measured.

Knative's ingress and `event_display` both read with it and differ in what they answer.
The table that this follows was measured on knative/eventing 8cf4c4b; each of its rows
has a test in `test_broker.py`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

Attributes = dict[str, str]


class Fault(Enum):
    """Why it takes no event from a request."""

    BATCH = auto()
    UNKNOWN = auto()
    """Nothing says that it is an event."""
    INVALID = auto()
    """It was read, but breaks a rule."""
    UNREADABLE = auto()
    """It could not be read."""


class RefusedError(Exception):
    """A request without an event."""

    def __init__(self, fault: Fault, message: str) -> None:
        """Keep the fault."""
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An event as a receiver has it.

    Attributes:
        attributes: As they would stand in headers: what came percent-encoded in binary
            mode still is.
        body: The data as bytes; JSON data of structured mode, written anew.
        is_binary: How it came.
    """

    attributes: Attributes
    body: bytes
    is_binary: bool


def read(headers: Mapping[str, str], body: bytes) -> Taken:
    """Return the event in a request; header names in lower case.

    Raises:
        RefusedError: There is none.
    """
    kind = headers.get("content-type", "").lower()
    if kind.startswith("application/cloudevents-batch"):
        raise RefusedError(Fault.BATCH, "batches are not supported")
    if kind.startswith("application/cloudevents"):
        taken = _structured(body)
    elif "ce-specversion" in headers:
        taken = _binary(headers, body)
    else:
        raise RefusedError(Fault.UNKNOWN, "unknown encoding")
    _validate(taken.attributes)
    return taken


def _structured(body: bytes) -> Taken:
    try:
        members = json.loads(body)
    except ValueError as error:
        raise _unreadable(f"JSON: {error}") from error
    if not isinstance(members, dict):
        raise _unreadable("expected an object")
    found = {name: one for name, one in members.items() if one is not None}
    data = found.pop("data", None)
    for name in ("id", "source", "type", "specversion", "time"):
        if not isinstance(found.get(name, ""), str):
            raise _unreadable(f"{name} is text")
    attributes = {name.lower(): _text(name, one) for name, one in found.items()}
    _parse(attributes)
    is_text = isinstance(data, str) and "json" not in attributes.get(
        "datacontenttype", "json"
    )
    written = data if is_text else json.dumps(data)
    content = b"" if data is None else str(written).encode()
    return Taken(attributes=attributes, body=content, is_binary=False)


def _binary(headers: Mapping[str, str], body: bytes) -> Taken:
    attributes = {
        name.removeprefix("ce-"): value
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if "content-type" in headers:
        attributes["datacontenttype"] = headers["content-type"]
    if attributes.get("id") == "":
        raise _unreadable("empty id")
    for name in attributes:
        _check_name(name)
    _parse(attributes)
    return Taken(attributes=attributes, body=body, is_binary=True)


def _text(name: str, value: Any) -> str:
    _check_name(name.lower())
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        if not -(2**31) <= int(value) < 2**31:
            raise _unreadable(f"{name}: integer out of range")
        return str(int(value))  # 1.5 silently becomes 1
    if not isinstance(value, str):
        raise _unreadable(f"{name}: neither text nor number")
    return value


def _check_name(name: str) -> None:
    if not re.fullmatch("[a-z0-9]+", name):
        raise _unreadable(f"{name}: bad extension name")


def _parse(attributes: Attributes) -> None:
    """Refuse what has no value of its type."""
    if attributes.get("source") == ":":
        raise _unreadable("source is no URI")
    if "time" in attributes and not _is_time(attributes["time"]):
        raise _unreadable("time is no RFC 3339")


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _validate(attributes: Attributes) -> None:
    for name in ("specversion", "id", "source", "type"):
        if not attributes.get(name):
            raise RefusedError(Fault.INVALID, f"no {name}")
    if not re.match("[A-Za-z][A-Za-z0-9+.-]*:", attributes.get("dataschema", "x:")):
        raise RefusedError(Fault.INVALID, "dataschema is relative")
    if not re.match("[^/; ]+/[^/; ]+", attributes.get("datacontenttype", "a/b")):
        raise RefusedError(Fault.INVALID, "datacontenttype is no media type")


def _unreadable(message: str) -> RefusedError:
    return RefusedError(Fault.UNREADABLE, message)
