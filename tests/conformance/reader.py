"""Reads CloudEvents as a strict stranger would: nothing of the bridge is used here.

Written from the CloudEvents 1.0.2 core specification, JSON format and HTTP binding, so
that what the bridge sends is judged by something that does not share its mistakes.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

REQUIRED = ("specversion", "id", "source", "type")
TEXTS = ("id", "source", "type", "subject", "datacontenttype", "dataschema", "time")

_URI_LETTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    "-._~:/?#[]@!$&'()*+,;=%"
)
_TOKEN_LETTERS = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)

Event = dict[str, Any]
"""Attributes, and `data` if there are any; `time` is an aware datetime in UTC."""


class NotAnEventError(ValueError):
    """What was read breaks a rule; the message says which."""


def read_event(text: bytes) -> Event:
    """Return the event in a text of the JSON format.

    Raises:
        NotAnEventError: It is none.
    """
    return check_event(_read_json(text))


def read_batch(text: bytes) -> list[Event]:
    """Return the events in a text of the JSON batch format.

    Raises:
        NotAnEventError: It is none, or one of its members is not an event.
    """
    found = _read_json(text)
    if not isinstance(found, list):
        raise NotAnEventError("a batch is an array")
    events = [check_event(one) for one in found]
    if len({one["specversion"] for one in events}) > 1:
        raise NotAnEventError("a batch has one specversion")
    return events


def read_request(headers: Mapping[str, str], body: bytes) -> list[Event]:
    """Return the events of a request (HTTP binding, 3); header names in lower case.

    Raises:
        NotAnEventError: There are none.
    """
    kind = headers.get("content-type", "").strip().lower()
    if kind.startswith("application/cloudevents-batch"):
        return read_batch(body)
    if kind.startswith("application/cloudevents"):
        return [read_event(body)]
    return [_read_binary(headers, body)]


def check_event(members: object) -> Event:
    """Return what the members of a JSON object mean.

    Raises:
        NotAnEventError: They are no event.
    """
    if not isinstance(members, dict):
        raise NotAnEventError("an event is an object")
    found = {name: value for name, value in members.items() if _is_set(name, value)}
    data = _take_data(found)
    for name, value in found.items():
        _check_attribute(name, value)
    for name in REQUIRED:
        if name not in found:
            raise NotAnEventError(f"{name} is required")
    if found["specversion"] != "1.0":
        raise NotAnEventError("specversion is 1.0")
    if "time" in found:
        found["time"] = read_time(found["time"])
    return found | data


def read_time(text: str) -> datetime:
    """Return the instant of an RFC 3339 timestamp, to the microsecond.

    Raises:
        NotAnEventError: It is none.
    """
    parts = re.fullmatch(
        r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:)(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})",
        text,
        re.ASCII,
    )
    if not parts:
        raise NotAnEventError(f"time is RFC 3339: {text!r}")
    date, clock, second, fraction, zone = parts.groups()
    zone = "+00:00" if zone in "Zz" else zone
    if zone[1:] > "23:59" or zone[-2:] > "59":
        raise NotAnEventError(f"no such zone: {text!r}")
    # A leap second is the first moment of the next minute.
    leap = timedelta(seconds=second == "60")
    try:
        moment = datetime.fromisoformat(
            f"{date}T{clock}{'59' if leap else second}{zone}"
        )
    except ValueError as error:
        raise NotAnEventError(f"no such time: {text!r}") from error
    microseconds = int((fraction or ".")[1:7].ljust(6, "0"))
    return (moment + leap + timedelta(microseconds=microseconds)).astimezone(UTC)


def _read_json(text: bytes) -> Any:
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_once)
    except ValueError as error:
        raise NotAnEventError(f"not JSON: {error}") from error


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotAnEventError("a member stands twice in an object")
    return found


def _is_set(name: str, value: object) -> bool:
    """Null is not set (JSON format, 2.2), but a payload may be null."""
    return value is not None or name == "data"


def _take_data(members: Event) -> Event:
    """Take the payload out of the members."""
    if "data" in members and "data_base64" in members:
        raise NotAnEventError("data and data_base64 exclude each other")
    if "data_base64" in members:
        try:
            return {"data": base64.b64decode(members.pop("data_base64"), validate=True)}
        except (TypeError, ValueError) as error:
            raise NotAnEventError(f"data_base64: {error}") from error
    if "data" not in members:
        return {}
    data = members.pop("data")
    kind = members.get("datacontenttype", "application/json")
    if not _is_json(kind) and not isinstance(data, str):
        raise NotAnEventError(f"data under {kind} is text")
    return {"data": data}


def _is_json(kind: object) -> bool:
    if not isinstance(kind, str):
        return True  # which is refused elsewhere
    essence = kind.partition(";")[0].strip().lower()
    return essence.endswith(("/json", "+json"))


def _check_attribute(name: str, value: object) -> None:
    if not name or set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789"):
        raise NotAnEventError(f"a name is of a-z and 0-9: {name!r}")
    if name in {*REQUIRED, *TEXTS} and not (isinstance(value, str) and value):
        raise NotAnEventError(f"{name} is text, and some")
    if isinstance(value, str):
        _check_text(name, value)
    elif not isinstance(value, bool) and not _is_integer(value):
        raise NotAnEventError(f"{name} is text, a Boolean or an integer of 32 bits")
    match name:
        case "source":
            _check_uri(value)
        case "dataschema":
            _check_absolute(value)
        case "datacontenttype":
            _check_media_type(value)


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and -(2**31) <= value < 2**31


def _check_text(name: str, value: str) -> None:
    for letter in value:
        code = ord(letter)
        if code < 32 or 0x7F <= code < 0xA0:
            raise NotAnEventError(f"{name} has a control character")
        if (
            0xD800 <= code < 0xE000
            or 0xFDD0 <= code < 0xFDF0
            or code & 0xFFFE == 0xFFFE
        ):
            raise NotAnEventError(f"{name} has no character at U+{code:04X}")


def _check_uri(value: Any) -> None:
    try:
        urlsplit(value)
    except ValueError as error:
        raise NotAnEventError(f"a URI-reference: {error}") from error
    if set(value) - _URI_LETTERS or value == ":":
        raise NotAnEventError(f"a URI-reference: {value!r}")


def _check_absolute(value: Any) -> None:
    _check_uri(value)
    if not re.match("[A-Za-z][A-Za-z0-9+.-]*:", value):
        raise NotAnEventError(f"an absolute URI: {value!r}")


def _check_media_type(value: Any) -> None:
    kind, _, parameters = value.partition(";")
    parts = kind.strip().split("/")
    if len(parts) != 2 or not all(map(_TOKEN_LETTERS.fullmatch, parts)):
        raise NotAnEventError(f"a media type: {value!r}")
    message = Message()
    message["Content-Type"] = value
    if parameters and not message.get_params():
        raise NotAnEventError(f"parameters of a media type: {value!r}")


def _read_binary(headers: Mapping[str, str], body: bytes) -> Event:
    if "ce-datacontenttype" in headers:
        raise NotAnEventError("datacontenttype is Content-Type (HTTP binding, 3.1.1)")
    found: Event = {
        name.removeprefix("ce-"): read_header(value)
        for name, value in headers.items()
        if name.startswith("ce-")
    }
    if "content-type" in headers:
        found["datacontenttype"] = headers["content-type"]
    if body and _is_json(found.get("datacontenttype", "")):
        found["data"] = _read_json(body)
    return check_event(found)


def read_header(value: str) -> str:
    """Return the text that a header value stands for (HTTP binding, 3.1.3.2).

    Raises:
        NotAnEventError: It has what must be percent-encoded, or is not UTF-8 behind it.
    """
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    if re.search("[^!-~]", value):
        raise NotAnEventError(f"expected percent-encoding: {value!r}")
    try:
        return unquote_to_bytes(value).decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotAnEventError(f"not UTF-8: {value!r}") from error


def written(value: str | int | bool) -> str:
    """Return the text of a value where types are lost (core, "Type System")."""
    if isinstance(value, bool):
        return ["false", "true"][value]
    return value if isinstance(value, str) else f"{value:d}"
