"""Compares two states of an object; returns the differences as paths.

managedFields and kubectl's last-applied annotation are not looked at: they are in no
event. resourceVersion and generation are reported like the rest, for `ignore` to name
them, but they are not noteworthy. See `bridge.events.paths`.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec import Raw

from bridge.errors import InvalidEventError
from bridge.events.objects import shown_metadata
from bridge.events.paths import item, lies_under, member
from bridge.events.validation import NOT_JSON

__all__ = ["differences", "lies_under", "noteworthy"]

_LEVELS: Final = 3
"""How deep members are compared as bytes, unread. Each level reads what differs once
more, so deeper ones are read as a whole: then the time grows with the size alone."""

_MOST_CHARACTERS: Final = 16_384
"""Most characters of paths inside one place. An object of 1 MB, made for it, could have
paths of 10 GB."""

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_decode = msgspec.json.Decoder().decode

_COUNTERS: Final = frozenset({"metadata.generation", "metadata.resourceVersion"})

_ABSENT: Final = object()
"""The value of a member that is missing."""

_Place = tuple["_Place", str | int] | None
"""A place, as that of what it is in and the last step; None: the object itself."""

_OBJECT: Final = ord("{")

_METADATA: Final[_Place] = (None, "metadata")


def differences(before: bytes, after: bytes) -> tuple[str, ...]:
    """Return the paths of all that differs, in order; none: nothing does.

    A part that came or went is named by its innermost members, so that the first label
    is named like any other. Items of lists are compared by their place; when the
    lengths differ the list itself is named too. Too many differences in one place are
    named by the path of the place.

    Args:
        before: The object as JSON.
        after: The same at another time.

    Raises:
        InvalidEventError: One of them is not an object in JSON.
    """
    try:
        found = _compare_raw(None, Raw(before), Raw(after), _LEVELS)
    except NOT_JSON as error:
        raise InvalidEventError(f"expected two objects in JSON: {error}") from error
    return tuple(sorted(found))


def noteworthy(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths but those that count writes: they go with every other change."""
    return tuple(path for path in paths if path not in _COUNTERS)


def _compare_raw(
    place: _Place, old: Raw | None, new: Raw | None, levels: int
) -> list[str]:
    """Return the paths of differences at a place or below; None: no value is there."""
    if old == new:
        return []
    was, now = _open(place, old, levels), _open(place, new, levels)
    if was is None or now is None:
        return _tell(map(_write, _compare(place, _read(old), _read(new))), place)
    names = {**was, **now}
    if not names and (old is None or new is None):
        return [_write(place)]
    inner = (
        _compare_raw((place, name), was.get(name), now.get(name), levels - 1)
        for name in names
    )
    return _tell(chain.from_iterable(inner), place)


def _tell(paths: Iterable[str], place: _Place) -> list[str]:
    """Return the paths, or if that is too much, the one of the place they are in."""
    told = []
    left = _MOST_CHARACTERS
    for path in paths:
        left -= len(path)
        if left < 0 and place is not None:
            return [_write(place)]
        told.append(path)
    return told


def _open(place: _Place, raw: Raw | None, levels: int) -> dict[str, Raw] | None:
    """Return the members of an object; None: it is none, or too deep."""
    if raw is None:
        return {}
    if place is not None and (not levels or memoryview(raw)[0] != _OBJECT):
        return None
    if place != _METADATA:
        return _members(raw)
    metadata = shown_metadata(raw)
    if bytes(metadata.get("annotations", b"")) == b"{}":
        del metadata["annotations"]
    return metadata


def _read(raw: Raw | None) -> Any:
    return _ABSENT if raw is None else _decode(raw)


def _compare(place: _Place, old: Any, new: Any) -> Iterator[_Place]:
    """Yield the places below this one that differ. No recursion: it may be deep."""
    left = [(place, old, new)] if _may_differ(old, new) else []
    while left:
        place, old, new = left.pop()
        pairs: Iterable[tuple[str | int, Any, Any]]
        if isinstance(old, list) and isinstance(new, list):
            if len(old) != len(new):
                yield place
            pairs = zip(range(len(old)), old, new, strict=False)
        elif names := _names(old, new):
            was, now = (one if isinstance(one, dict) else {} for one in (old, new))
            pairs = ((n, was.get(n, _ABSENT), now.get(n, _ABSENT)) for n in names)
        else:
            yield place
            continue
        left.extend(((place, step), a, b) for step, a, b in pairs if _may_differ(a, b))


def _may_differ(old: Any, new: Any) -> bool:
    """Return whether these differ, or, being of one kind, may differ inside."""
    kind = old.__class__
    if kind is new.__class__ and (kind is dict or kind is list):
        return bool(old or new)
    # True equals 1.
    return bool(old != new) or isinstance(old, bool) != isinstance(new, bool)


def _names(old: Any, new: Any) -> set[str]:
    """Return the members to compare; none: these differ as a whole."""
    sides = [one for one in (old, new) if one is not _ABSENT]
    if all(isinstance(one, dict) for one in sides):
        return {name for one in sides for name in one}
    return set()


def _write(place: _Place) -> str:
    steps = []
    while place is not None:
        place, step = place
        steps.append(step)
    path = ""
    for step in reversed(steps):
        path = item(path, step) if isinstance(step, int) else member(path, step)
    return path
