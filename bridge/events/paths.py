"""Reads and writes paths, the places in an object: ``spec.containers[0].image``.

A member stands behind a dot, an item of a list in brackets, from 0. A name that could
be mistaken is quoted as JSON: ``metadata.annotations["example.com/a"]``. No path has a
comma, nor anything but printable ASCII, so that paths can be listed in an attribute.
"""

import json
import re
from bisect import bisect
from collections.abc import Iterable, Sequence
from typing import Final

from bridge.errors import FilterError

# All of U+0021 to U+007E but double quote, comma, dot, backslash and brackets.
_PLAIN_NAME: Final = r"[!#-+\-/-Z^-~]+"
_QUOTED: Final = r'\["(?:[^"\\]|\\.)*"\]'
_is_plain = re.compile(_PLAIN_NAME).fullmatch
_SEGMENT = re.compile(rf"(?:\A|\.){_PLAIN_NAME}|\[[0-9]+\]|{_QUOTED}")
_PATH = re.compile(
    rf"(?:{_PLAIN_NAME}|{_QUOTED})(?:\.{_PLAIN_NAME}|\[[0-9]+\]|{_QUOTED})*"
)


def member(parent: str, name: str) -> str:
    """Return the path of a member of `parent`; an empty parent is the object itself."""
    if _is_plain(name):
        return f"{parent}.{name}" if parent else name
    quoted = json.dumps(name).replace(",", "\\u002c").replace("\x7f", "\\u007f")
    return f"{parent}[{quoted}]"


def item(parent: str, index: int) -> str:
    """Return the path of an item of the list at `parent`; `index` counts from 0."""
    return f"{parent}[{index}]"


def parse_path(text: str) -> str:
    """Return a path that a person wrote in the form that this module writes.

    Raises:
        FilterError: It is none.
    """
    if not _PATH.fullmatch(text):
        raise FilterError(
            "expected a path such as 'spec.replicas' or 'metadata.annotations[\"a/b\"]'"
        )
    path = ""
    for segment in _SEGMENT.findall(text):
        if segment.startswith('["'):
            path = member(path, _unquoted(segment))
        else:
            path += segment
    return path


def steps_of(path: str) -> tuple[str | int, ...]:
    """Return the names of members and the indexes of items that a path leads through.

    Raises:
        FilterError: It is no path.
    """
    segments = _SEGMENT.findall(parse_path(path))
    return tuple(map(_step, segments))


def _step(segment: str) -> str | int:
    if segment.startswith('["'):
        return _unquoted(segment)
    if segment.startswith("["):
        return int(segment[1:-1])
    return segment.removeprefix(".")


def lies_under(paths: Iterable[str], parents: Sequence[str]) -> bool:
    """Return whether each of `paths` is one of `parents` or below one of them."""
    return all(any(_is_at(path, parent) for parent in parents) for path in paths)


def list_paths(paths: Iterable[str], *, longest: int) -> str:
    """Return the paths in order, with commas between, in at most `longest` characters.

    When they are too long, each is shortened to its first segments, to fewer and fewer
    until all fit. If even one segment of each is too much, the last paths are left out.
    """
    text = ",".join(sorted(paths))
    if len(text) <= longest:
        return text
    split = [_SEGMENT.findall(path) for path in text.split(",")]
    depths = range(1, max(map(len, split)))
    fitting = bisect(depths, longest, key=lambda depth: len(_shorten(split, depth)))
    text = _shorten(split, max(1, fitting))
    if len(text) <= longest:
        return text
    return text[: longest + 1].rpartition(",")[0] or text[:longest]


def _shorten(split: Iterable[Sequence[str]], depth: int) -> str:
    return ",".join(sorted({"".join(segments[:depth]) for segments in split}))


def _is_at(path: str, parent: str) -> bool:
    return path.startswith(parent) and path[len(parent) : len(parent) + 1] in ".["


def _unquoted(segment: str) -> str:
    try:
        name: str = json.loads(segment[1:-1])
    except ValueError as error:
        raise FilterError(f"expected a quoted name as in JSON: {error}") from error
    return name
