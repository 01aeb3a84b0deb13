"""JSON that is nested deeper than a decoder reads, without recursion.

kube-apiserver takes custom resources that are nested 10,000 deep; msgspec, and the json
of Python, end with a RecursionError at about 1,000. What has to be known of such an
object stands near its top: `fold` puts the rest aside.
"""

import re
from typing import NamedTuple

import msgspec

# A text that does not end reaches to the end: the whole takes linear time.
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_TOKEN = re.compile(rb'[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_BRACKETS = b"[]{}"
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))
_OPENING = frozenset(b"[{")
_USUAL_DEPTH = 16


class Folded(NamedTuple):
    """JSON in which what is nested too deeply is put aside.

    Attributes:
        text: The JSON, with ``[0]``, ``[1]``, … for what was put aside.
        parts: What was put aside, as it was written; unchecked.
    """

    text: bytes
    parts: list[bytes]


def fold(value: bytes, *, depth: int) -> Folded:
    """Put each list and object aside that lies in so many others.

    Args:
        value: What should be JSON.
        depth: 1: the members of the outermost object, 2: the members of these.

    Raises:
        msgspec.DecodeError: Brackets are left open or were never opened.
    """
    kept: list[bytes] = []
    parts: list[bytes] = []
    level = begin = done = 0
    for token in _TOKEN.finditer(value):
        byte = value[token.start()]
        if byte in _OPENING:
            begin = token.start() if level == depth else begin
            level += 1
        elif byte in _BRACKETS:
            level -= 1
            if level == depth:
                kept += [value[done:begin], b"[%d]" % len(parts)]
                parts.append(value[begin : token.end()])
                done = token.end()
    if level:
        raise msgspec.DecodeError("expected as many brackets closed as opened")
    return Folded(b"".join([*kept, value[done:]]), parts)


def is_deeper(value: bytes, *, than: int) -> bool:
    """Return whether valid JSON is nested deeper than so many lists and objects.

    Next to nothing for all that has not that many brackets.
    """
    if value.count(b"{") + value.count(b"[") <= than:
        return False
    brackets = _TEXT.sub(b"", value).translate(None, _OTHERS)
    # Most of it is a few levels deep: that is found without looking at each bracket.
    left = brackets
    for _ in range(min(than, _USUAL_DEPTH) // 2):  # each takes two at most
        left = left.replace(b"{}", b"").replace(b"[]", b"")
    if not left:
        return False
    level = 0
    for byte in brackets:
        level += 1 if byte in _OPENING else -1
        if level > than:
            return True
    return False
