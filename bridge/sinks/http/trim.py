"""JSON that is made smaller and stays JSON, the same way every time.

::

    long texts cut ──▶ every text at most 256 bytes ──▶ 4096, 1024, ... 4 items of
                                                       each list and mapping
                       ──▶ only which object it was ──▶ nothing

The first that fits is taken. A text is cut between two characters and says so; what
says which object it is stays whole.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from bridge.events.validation import NOT_JSON

SHORTEST_BYTES = 256
"""No text is cut below this: no name, uid or label is longer (DNS: 253)."""

_ITEMS = (4096, 1024, 256, 64, 16, 4)
_OBJECT = ("apiVersion", "kind")
_METADATA = ("namespace", "name", "uid", "resourceVersion")
_KEPT = frozenset({*_OBJECT, *_METADATA, "metadata", "object", "previous"})

# Numbers are written as they were read, with all their digits.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def shrink(data: bytes, most_bytes: int) -> bytes | None:
    """Return JSON of at most so many bytes; None: nothing of use is that small."""
    if len(data) <= most_bytes:
        return data
    try:
        tree = _decode(data)
        for smaller in _candidates(tree, most_bytes):
            encoded = _encode(smaller)
            if len(encoded) <= most_bytes:
                return encoded
    except NOT_JSON:
        # Too deep, too.
        return None
    return None


def _candidates(tree: Any, most_bytes: int) -> Iterator[Any]:
    yield tree
    excess = len(_encode(tree)) - most_bytes
    yield _cut_all(tree, _level(_lengths(tree), excess))
    shortest = _cut_all(tree, SHORTEST_BYTES)
    yield shortest
    for most in _ITEMS:
        yield _clip(shortest, most)
    reference = _reference(tree)
    if reference is not None:
        yield reference


def _lengths(tree: Any) -> list[int]:
    """Return how long the long texts are, longest first."""
    found, left = [], [tree]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left.extend(one.values())
        elif isinstance(one, list):
            left.extend(one)
        elif isinstance(one, str):
            found.append(_length(one))
    return sorted((size for size in found if size > SHORTEST_BYTES), reverse=True)


def _level(lengths: list[int], excess: int) -> int:
    """Return where to cut all longer texts, so that `excess` bytes are gone."""
    total = 0
    for count, next_one in enumerate([*lengths[1:], 0], 1):
        total += lengths[count - 1] if lengths else 0
        level = (total - excess) // count
        if level >= next_one:
            return max(level, SHORTEST_BYTES)
    return SHORTEST_BYTES


def _cut_all(tree: Any, most_bytes: int) -> Any:
    if isinstance(tree, dict):
        return {key: _cut_all(value, most_bytes) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_cut_all(one, most_bytes) for one in tree]
    return _cut(tree, most_bytes) if isinstance(tree, str) else tree


def _cut(text: str, most_bytes: int) -> str:
    """Return a text that takes at most so many bytes in JSON."""
    if _length(text) <= most_bytes:
        return text
    raw = text.encode()
    marker = f"\u2026[trimmed, {len(raw)} bytes]"
    most = keep = most_bytes - _length(marker)
    while True:
        begin = raw[:keep].decode(errors="ignore")
        length = _length(begin)
        if length <= most:
            return begin + marker
        # Some letters are written as several; this comes closer at every turn.
        keep = keep * most // length


def _length(text: str) -> int:
    return len(_encode(text)) - len('""')


def _clip(tree: Any, most: int) -> Any:
    """Return at most so many of the items of each list and mapping."""
    if isinstance(tree, list):
        return [_clip(one, most) for one in tree[:most]]
    if not isinstance(tree, dict):
        return tree
    others = [key for key in tree if key not in _KEPT]
    dropped = set(others[most:])
    return {key: _clip(one, most) for key, one in tree.items() if key not in dropped}


def _reference(tree: Any) -> dict[str, Any] | None:
    """Return which object it is, and which was there before, if both are told."""
    if not isinstance(tree, dict):
        return None
    if set(tree) == {"object", "previous"}:
        found = _reference(tree["object"])
        return found and {"object": found, "previous": _reference(tree["previous"])}
    metadata = tree.get("metadata")
    named = _texts(metadata, _METADATA) if isinstance(metadata, dict) else {}
    return {**_texts(tree, _OBJECT), "metadata": named} if named else None


def _texts(tree: dict[str, Any], keys: tuple[str, ...]) -> dict[str, str]:
    return {key: tree[key] for key in keys if isinstance(tree.get(key), str)}
