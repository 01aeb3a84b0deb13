"""YAML text becomes a `ConfigDocument`.

Scalars are read by YAML 1.2's core schema (10.3.2), not by the rules of 1.1 that PyYAML
has: `No`, `on` and `2024-01-01` are texts, as a person who filters for `reason: No`
means them. One thing is taken from YAML 1.1, since 1.2 has nothing in its place: merge
keys (`<<: *defaults`, yaml.org/type/merge.html).

The text is read event by event, and reading stops where it becomes absurd: so a text
that means harm costs no more than a large one that means none.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from bridge.config.document import (
    ConfigDocument,
    DocumentPlace,
    Fault,
    ListNode,
    MappingNode,
    Node,
    Spot,
    data_of,
)
from bridge.settings.model import MOST_FOUND
from bridge.text.escaping import one_line

TAG: Final = "tag:yaml.org,2002:"
"""What the tags of YAML's own schemas begin with."""

_LONGEST_NUMBER: Final = 40
_MOST_DIGITS: Final = 18

_NULL: Final = {"", "~", "null", "Null", "NULL"}
_BOOLS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_BEGINS: Final = frozenset("-+.0123456789")
_is_int = re.compile("[-+]?[0-9]+").fullmatch
_is_float = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?").fullmatch


class UnusableScalarError(ValueError):
    """A scalar is none of its kind; the message says what was expected."""


def read_scalar(text: str, *, tag: str | None, is_plain: bool) -> object:
    """Return the value of a scalar.

    Args:
        text: As it is written.
        tag: The tag before it, in full; None: there is none.
        is_plain: Whether it stands without quotes and is no block.

    Raises:
        UnusableScalarError: It is not what its tag says, too large a number, or has a
            tag of another schema.
    """
    if tag is None:
        return _plain(text) if is_plain else text
    match tag.removeprefix(TAG):
        case "str" | "!":
            return text
        case "null" if text in _NULL:
            return None
        case "bool" if text in _BOOLS:
            return _BOOLS[text]
        case "int" if _is_int(text):
            return _number(text)
        case "float" if _is_float(text):
            return float(_number(text))
        case "null" | "bool" | "int" | "float" as kind:
            raise UnusableScalarError(f"expected a value that is one of '!!{kind}'")
        case other:
            raise UnusableScalarError(f"expected a value without the tag {other!r}")


def _plain(text: str) -> object:
    if text in _NULL:
        return None
    if text[0] in _NUMBER_BEGINS and _is_float(text):
        return _number(text)
    return _BOOLS.get(text, text)


def _number(text: str) -> int | float:
    number: int | float = math.inf
    if len(text) <= _LONGEST_NUMBER:
        number = int(text) if _is_int(text) else float(text)
    if math.isinf(number) or (
        type(number) is int and len(str(abs(number))) > _MOST_DIGITS
    ):
        raise UnusableScalarError(
            f"expected a number of at most {_MOST_DIGITS} digits, or text in quotes, "
            "got a larger one"
        )
    return number


MOST_BYTES: Final = 8 << 20
"""Longest text in bytes: room for more than 20,000 sinks."""

_DEEPEST: Final = 64
_MOST_NODES: Final = 250_000
_MERGE: Final = "<<"
_PLAIN_TAGS: Final = {None, "!", f"{TAG}map", f"{TAG}seq"}

_UNREADABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""What a YAML text may not hold (YAML 1.2, 5.1)."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads ten times faster than Python; PyYAML's wheels have it."""


class NotYamlError(ValueError):
    """The text cannot be read as one YAML document; the message says where and why."""


def decode_text(raw: bytes, *, name: str) -> str:
    """Return the text of a file.

    Raises:
        NotYamlError: It is too large, or not UTF-8.
    """
    if len(raw) > MOST_BYTES:
        message = f"{name}: expected at most {MOST_BYTES} bytes, got more"
        raise NotYamlError(one_line(message))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place(name, _spot_after(raw[: error.start].decode(errors="replace")))
        got = f"expected UTF-8, got something else at byte {error.start}"
        raise NotYamlError(one_line(f"{place}: {got}")) from error


def read_document(text: str, *, name: str) -> ConfigDocument:
    """Return the document in `text`; `name` is that of its file, for messages.

    Raises:
        NotYamlError: It is not one YAML document, or one of absurd size.
    """
    document = ConfigDocument(name=name)
    if found := _UNREADABLE.search(text):
        place = _place(name, _spot_after(text[: found.start()]))
        got = f"expected printable text, got U+{ord(found.group()):04X}"
        raise NotYamlError(one_line(f"{place}: not YAML: {got}"))
    document.root = _Composer(document, _events(text, name)).compose()
    if document.root is not None:
        document.data = data_of(document.root)
    return document


def _events(text: str, name: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        place = _place(name, _spot(error.problem_mark or error.context_mark))
        reason = error.problem or error.context
        raise NotYamlError(one_line(f"{place}: not YAML: {reason}")) from error


def _spot(mark: Any) -> Spot:
    return mark.line + 1, mark.column + 1


def _spot_after(text: str) -> Spot:
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _place(name: str, spot: Spot) -> DocumentPlace:
    return DocumentPlace(name=name, line=spot[0], column=spot[1])


@dataclass(slots=True)
class _Made:
    """A mapping that is still being read; of `merged` the strongest come first."""

    parts: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Spot] = field(default_factory=dict)
    merged: list[MappingNode] = field(default_factory=list)


class _Composer:
    """Makes a tree of events; what is wrong with a part is noted, and it is left out.

    An anchor that stands for None is still being read.
    """

    def __init__(self, document: ConfigDocument, events: Iterator[Any]) -> None:
        self._document = document
        self._next = events.__next__
        self._anchors: dict[str, Node | None] = {}
        self._trail: list[str | int] = []
        self._nodes = 0

    def compose(self) -> Node | None:
        """Return the one document; None: there is none."""
        self._next()  # the stream begins
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        root = self._node(self._next())
        self._next()  # the document ends
        if not isinstance(after := self._next(), yaml.StreamEndEvent):
            raise self._refusal(after, "not YAML: expected one document, got another")
        return root

    def _node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        self._count(event, 1)
        if event.anchor is None:
            return self._written(event)
        self._anchors[event.anchor] = None
        node = self._anchors[event.anchor] = self._written(event)
        return node

    def _alias(self, event: Any) -> Node:
        """Return the part that an alias refers to."""
        name = event.anchor
        if name not in self._anchors:
            raise self._refusal(event, f"not YAML: expected an anchor '{name}' before")
        node = self._anchors[name]
        if node is None:
            raise self._refusal(event, f"not usable: '{name}' stands in itself")
        self._count(event, node.size)
        if len(self._trail) + node.height > _DEEPEST:
            raise self._refusal(event, "not usable: nested too deeply")
        return node

    def _written(self, event: Any) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if event.tag not in _PLAIN_TAGS:
            tag = event.tag.removeprefix(TAG)
            self._fault(f"expected a value without the tag {tag!r}")
        if len(self._trail) >= _DEEPEST:
            raise self._refusal(event, "not usable: nested too deeply")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(event)
        return self._mapping(event)

    def _scalar(self, event: Any) -> Node:
        data: object = event.value
        try:
            data = read_scalar(event.value, tag=event.tag, is_plain=event.implicit[0])
        except UnusableScalarError as error:
            self._fault(str(error))
        return Node(data, _spot(event.start_mark))

    def _list(self, start: Any) -> Node:
        parts: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            self._trail.append(len(parts))
            parts.append(self._node(event))
            self._trail.pop()
        return ListNode(parts, _spot(start.start_mark))

    def _mapping(self, start: Any) -> Node:
        made = _Made()
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            self._entry(event, made)
        for mapping in made.merged:
            for name, part in mapping.parts.items():
                made.parts.setdefault(name, part)
                made.keys.setdefault(name, mapping.keys[name])
        return MappingNode(made.parts, made.keys, _spot(start.start_mark))

    def _entry(self, event: Any, made: _Made) -> None:
        """Take a key and its value."""
        spot, is_merge = _spot(event.start_mark), _is_merge(event)
        key = self._key(event)
        self._trail.append(key or "")
        if is_merge:
            made.merged += self._mappings(self._node(self._next()))
        else:
            value = self._node(self._next())
            if key in made.keys:
                self._duplicate(made.keys[key], spot)
            elif key is not None:
                made.parts[key], made.keys[key] = value, spot
        self._trail.pop()

    def _key(self, event: Any) -> str | None:
        """Return a key as it is written; None: it is none, which is noted."""
        if not isinstance(event, yaml.ScalarEvent):
            self._trail.append("")  # a key in a key in a key has a depth too
            node = self._node(event)
            self._trail.pop()
            if isinstance(node, ListNode | MappingNode):
                self._fault("expected texts as keys, got a list or mapping")
                return None
            return str(node.data)
        if event.anchor is not None:
            self._anchors[event.anchor] = Node(event.value, _spot(event.start_mark))
        return str(event.value)

    def _mappings(self, value: Node) -> Iterator[MappingNode]:
        """Yield the mappings that a merge key names, the strongest first."""
        if isinstance(value, ListNode):
            for index, part in enumerate(value.parts):
                self._trail.append(index)
                yield from self._to_merge(part)
                self._trail.pop()
        else:
            yield from self._to_merge(value)

    def _to_merge(self, part: Node) -> Iterator[MappingNode]:
        if isinstance(part, MappingNode):
            yield part
        else:
            self._document.values[tuple(self._trail)] = self._document.at(part.spot)
            self._fault("expected a mapping, or a list of them, to merge")

    def _duplicate(self, first: Spot, spot: Spot) -> None:
        self._document.keys[tuple(self._trail)] = self._document.at(spot)
        self._fault(f"duplicate key, first in line {first[0]}", at_key=True)

    def _count(self, event: Any, nodes: int) -> None:
        """Refuse documents larger than any person writes."""
        self._nodes += nodes
        if self._nodes > _MOST_NODES:
            raise self._refusal(event, f"not usable: more than {_MOST_NODES} values")

    def _fault(self, message: str, *, at_key: bool = False) -> None:
        if len(self._document.faults) < MOST_FOUND:
            trail = tuple(self._trail)
            fault = Fault(trail=trail, message=message, at_key=at_key)
            self._document.faults.append(fault)

    def _refusal(self, event: Any, message: str) -> NotYamlError:
        place = self._document.at(_spot(event.start_mark))
        return NotYamlError(one_line(f"{place}: {message}"))


def _is_merge(event: Any) -> bool:
    plain = isinstance(event, yaml.ScalarEvent) and event.implicit[0]
    return bool(plain and event.value == _MERGE)
