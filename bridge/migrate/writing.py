"""Writes a configuration of ours as YAML, with comments.

A key that is a `Comment` is a line of its own, so that a tree of mappings and lists
holds what a person should read beside what is said.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*", re.ASCII)
_WORDS: Final = frozenset(
    ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"]
)
_UNREADABLE: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\x85"
)


class Comment(str):
    """A line that is no setting, as a key of a mapping; its value does not count."""

    __slots__ = ()


def write(tree: dict[str, Any]) -> str:
    """Return a mapping as YAML that this bridge and others read alike."""
    return "".join(f"{line}\n" for line in _mapping(tree))


def _mapping(tree: dict[str, Any]) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(key, Comment):
            yield f"# {_printable(' '.join(key.split()))}".rstrip()
            continue
        inner = _nested(value)
        if inner is None:
            yield f"{_scalar(key)}: {_scalar(value)}"
        else:
            yield f"{_scalar(key)}:"
            yield from (f"  {line}" for line in inner)


def _list(items: list[Any]) -> Iterator[str]:
    for one in items:
        inner = _nested(one)
        if inner is None:
            yield f"- {_scalar(one)}"
            continue
        begun = False
        for line in inner:
            if not begun and line.startswith("#"):
                yield line
            else:
                yield f"  {line}" if begun else f"- {line}"
                begun = True


def _nested(value: Any) -> Iterator[str] | None:
    """Return the lines of a mapping or a list; None: one line is enough."""
    if isinstance(value, dict) and any(not isinstance(key, Comment) for key in value):
        return _mapping(value)
    return _list(value) if isinstance(value, list) and value else None


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _is_plain(value):
        return value
    return _printable(
        json.dumps(value if value or value == 0 else _empty(value), ensure_ascii=False)
    )


def _empty(value: Any) -> Any:
    return {} if isinstance(value, dict) else value


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS


def _printable(text: str) -> str:
    """Return text in which YAML finds nothing that it may not hold."""
    return _UNREADABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
