"""Reads attributes of an event, and places in its `data`, for filters.

A place is written as `bridge.events.paths` says, below ``data``: ``data.message``,
``data.spec.containers[0].image``, ``data.metadata.labels["app.kubernetes.io/name"]``.
A missing place, a list, an object and null have no text and no number, nor has any
place of an event whose `data` cannot be decoded.
"""

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any, Final

import msgspec

from bridge.errors import FilterError
from bridge.events import CloudEvent
from bridge.events.paths import steps_of
from bridge.events.validation import (
    CORE_ATTRIBUTES,
    NOT_JSON,
    canonical,
    is_attribute_name,
)

Path = tuple[str | int, ...]
"""The way to a part of a filter, for messages."""

ReadText = Callable[[CloudEvent], str | None]
ReadNumber = Callable[[CloudEvent], float | None]
"""Returns a text, a number of an event; None: it has none."""

_DATA: Final = "data"
_EXPECTED: Final = (
    "expected the name of an attribute, of a-z and 0-9, or a place in data such as "
    "data.message"
)
_LONGEST_NUMBER: Final = 40
_is_number = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?").fullmatch
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Payloads:
    """Decodes the data of an event once for all filters; remembers the last event."""

    def __init__(self) -> None:
        """Remember no event yet."""
        self._last: tuple[CloudEvent | None, Any] = (None, None)

    def of(self, event: CloudEvent) -> Any:
        """Return the decoded data of an event; None: no data, or not decodable."""
        last, data = self._last
        if last is event:
            return data
        data = _decoded(event.data)
        self._last = (event, data)
        return data

    def forget(self) -> None:
        """Free the last event and its data."""
        self._last = (None, None)


payloads: Final = Payloads()
"""Shared by all filters."""


def is_place(name: str) -> bool:
    """Return whether a filter that reads this reads `data`, not an attribute."""
    return name[len(_DATA) : len(_DATA) + 1] in {".", "["} and name.startswith(_DATA)


def place_of(name: str) -> Path:
    """Return the steps of a place in `data`.

    Raises:
        FilterError: It is no place.
    """
    try:
        return steps_of(name)[1:]
    except FilterError:
        raise FilterError(
            "expected a place in data such as data.message or "
            f"data.metadata.labels[\"example.com/team\"], got '{name}'"
        ) from None


def text_reader(name: object, path: Path) -> ReadText:
    """Return the reader of an attribute or a place as text.

    Raises:
        FilterError: It is the name of neither.
    """
    if not isinstance(name, str):
        raise FilterError(f"{_EXPECTED}, got {name!r}", path=path)
    if is_place(name):
        find = _finder(name, path)
        return lambda event: _text(find(event))
    if not is_attribute_name(name):
        hint = f", did you mean 'data.{name}'?" if _may_be_place(name) else ""
        raise FilterError(f"{_EXPECTED}, got {name!r}{hint}", path=path)
    if name == "specversion":
        return lambda _: "1.0"
    if name in CORE_ATTRIBUTES:
        return attrgetter(name)
    return _extension_reader(name)


def number_reader(name: object, path: Path) -> ReadNumber:
    """Return the reader of an attribute or a place as a number.

    Raises:
        FilterError: It is the name of neither.
    """
    if isinstance(name, str) and is_place(name):
        find = _finder(name, path)
        return lambda event: _number(find(event))
    read = text_reader(name, path)
    return lambda event: _number(read(event))


def _may_be_place(name: str) -> bool:
    try:
        return name != _DATA and bool(steps_of(name))
    except FilterError:
        return False


def _finder(name: str, path: Path) -> Callable[[CloudEvent], Any]:
    try:
        steps = place_of(name)
    except FilterError as error:
        raise FilterError(str(error), path=path) from None
    read = payloads.of

    def find(event: CloudEvent) -> Any:
        value = read(event)
        for step in steps:
            if value.__class__ is dict:
                value = value.get(step)
            elif value.__class__ is list and step.__class__ is int:
                value = value[step] if step < len(value) else None
            else:
                return None
        return value

    return find


def _extension_reader(name: str) -> ReadText:
    def read(event: CloudEvent) -> str | None:
        value = event.extensions.get(name)
        if value is None or value.__class__ is str:
            return value
        return canonical(value)

    return read


def _decoded(data: bytes | None) -> Any:
    try:
        return None if data is None else _decode(data)
    except NOT_JSON:
        return None


def _text(value: Any) -> str | None:
    """Return a scalar as JSON writes it, a text without its quotes."""
    if value is None or value.__class__ is str:
        return value
    if value.__class__ in {dict, list}:
        return None
    return _encode(value).decode()


def _number(value: Any) -> float | None:
    if value.__class__ in {int, float}:
        return value
    if value.__class__ is not str or len(value) > _LONGEST_NUMBER:
        return None
    return float(value) if _is_number(value) else None
