"""In what two states of an object differ, as paths; see `bridge.events.paths`.

managedFields and kubectl's last-applied annotation are not looked at: they are in no
event. resourceVersion and generation are told like the rest, for `ignore` to name them,
but they are not noteworthy.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw

from bridge.errors import InvalidEventError
from bridge.events.objects import LAST_APPLIED
from bridge.events.paths import item, lies_under, member
from bridge.events.rules import NOT_JSON

__all__ = ["differences", "lies_under", "noteworthy"]

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode = msgspec.json.Decoder().decode

_COUNTERS: Final = frozenset({"metadata.generation", "metadata.resourceVersion"})

_ABSENT: Final = object()
"""Stands for a member that is not there."""

_Place = tuple["_Place", str | int] | None
"""A place, as that of what it is in and the last step; None: the object itself."""

_Pair = tuple[_Place, Any, Any]
"""A place, and what was and is there."""


def differences(before: bytes, after: bytes) -> tuple[str, ...]:
    """Return the paths of all that differs, in order; none: nothing does.

    What came or went is told by its innermost members, so that the first label is told
    like any other. Items of lists are compared by their place; when the lengths differ
    the list itself is told too.

    Args:
        before: The object as JSON.
        after: The same at another time.

    Raises:
        InvalidEventError: One of them is not an object in JSON.
    """
    try:
        found = [_write(place) for place in _compare(_changed_members(before, after))]
    except NOT_JSON as error:
        raise InvalidEventError(f"expected two objects in JSON: {error}") from error
    return tuple(sorted(found))


def noteworthy(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths but those that count writes: they go with every other change."""
    return tuple(path for path in paths if path not in _COUNTERS)


def _changed_members(before: bytes, after: bytes) -> Iterator[_Pair]:
    """Yield the members whose bytes differ; of most objects that is half of them."""
    old, new = _members(before), _members(after)
    for name in {**old, **new}:
        was, now = old.get(name), new.get(name)
        if was is None or now is None or bytes(was) != bytes(now):
            yield (None, name), _read(name, was), _read(name, now)


def _read(name: str, value: Raw | None) -> Any:
    if value is None:
        return _ABSENT
    read = _decode(value)
    if name == "metadata" and isinstance(read, dict):
        read.pop("managedFields", None)
        annotations = read.get("annotations")
        if isinstance(annotations, dict):
            annotations.pop(LAST_APPLIED, None)
            if not annotations:
                del read["annotations"]
    return read


def _compare(pairs: Iterable[_Pair]) -> Iterator[_Place]:
    """Yield the places that differ. Without recursion, however deep they are."""
    left = list(pairs)
    while left:
        place, old, new = left.pop()
        if isinstance(old, list) and isinstance(new, list):
            if len(old) != len(new):
                yield place
            inner = zip(range(len(old)), old, new, strict=False)
            left.extend(((place, i), was, now) for i, was, now in inner)
        elif names := _names(old, new):
            old, new = (one if isinstance(one, dict) else {} for one in (old, new))
            left.extend(
                ((place, name), old.get(name, _ABSENT), new.get(name, _ABSENT))
                for name in names
            )
        elif not _is_same(old, new):
            yield place


def _names(old: Any, new: Any) -> set[str]:
    """Return the members to compare; none: these are to be compared as a whole."""
    sides = [one for one in (old, new) if one is not _ABSENT]
    if all(isinstance(one, dict) for one in sides):
        return {name for one in sides for name in one}
    return set()


def _is_same(old: Any, new: Any) -> bool:
    # True equals 1.
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def _write(place: _Place) -> str:
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    path = ""
    for step in reversed(steps):
        path = item(path, step) if isinstance(step, int) else member(path, step)
    return path
