"""The document as plain data, and the place of each part for messages."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from bridge.text.escaping import one_line

Spot = tuple[int, int]
"""Line and column, both from 1."""


class Node:
    """A value of the document, with its place.

    Attributes:
        data: What a scalar says; None for a list or a mapping.
        spot: Where it begins.
        size: How many values it holds, itself and those behind aliases included.
        height: How many levels it has; a scalar has 1.
    """

    __slots__ = ("data", "height", "size", "spot")

    def __init__(self, data: object, spot: Spot) -> None:
        """Take a scalar."""
        self.data = data
        self.spot = spot
        self.size = self.height = 1


class ListNode(Node):
    """A list of `parts`."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Node], spot: Spot) -> None:
        """Take the items."""
        super().__init__(None, spot)
        self.parts = parts
        _measure(self, parts)


class MappingNode(Node):
    """A mapping to `parts`, by their keys; `keys` says where each key stands."""

    __slots__ = ("keys", "parts")

    def __init__(
        self, parts: dict[str, Node], keys: dict[str, Spot], spot: Spot
    ) -> None:
        """Take the values, those of merged mappings included."""
        super().__init__(None, spot)
        self.parts = parts
        self.keys = keys
        _measure(self, parts.values())


def data_of(node: Node) -> Any:
    """Return mappings, lists and scalars; no two of them share a part."""
    match node:
        case MappingNode():
            return {key: data_of(part) for key, part in node.parts.items()}
        case ListNode():
            return [data_of(part) for part in node.parts]
        case _:
            return node.data


def find(node: Node | None, trail: tuple[str | int, ...]) -> Node | None:
    """Return the part of `node` to which a trail leads; None: there is none."""
    for step in trail:
        match node, step:
            case MappingNode(), str():
                node = node.parts.get(step)
            case ListNode(), int() if step < len(node.parts):
                node = node.parts[step]
            case _:
                return None
    return node


def _measure(node: Node, parts: Collection[Node]) -> None:
    node.size += sum(part.size for part in parts)
    node.height += max((part.height for part in parts), default=0)


_MOST_TOLD: Final = 100

_LONGEST_STEP = 60

Trail = tuple[str | int, ...]
"""The way to a part of the document: ``("sinks", 0, "url")``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A thing that is wrong.

    Attributes:
        trail: With which part.
        message: What is wrong with it.
        at_key: Whether the key itself is at fault, not its value.
    """

    trail: Trail
    message: str
    at_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DocumentPlace:
    """The place of a value in the document.

    Attributes:
        line: From 1; 0: not in a file.
        column: From 1; 0: not in a file.
        name: Of the file or the environment variable.
    """

    line: int = 0
    column: int = 0
    name: str

    def __str__(self) -> str:
        """Return ``bridge.yaml:4:5``, or the name alone."""
        return f"{self.name}:{self.line}:{self.column}" if self.line else self.name


@dataclass(slots=True, kw_only=True)
class ConfigDocument:
    """A document's values, and the place of each.

    Attributes:
        name: Name of the file.
        root: What was written, with the place of each part; None: nothing.
        data: Mappings, lists and scalars; None: nothing was written.
        values: Where values stand that are not in the text.
        keys: Where keys of mappings stand that are not in the text.
        faults: What YAML allows and a configuration does not.
    """

    name: str
    root: Node | None = None
    data: Any = None
    values: dict[Trail, DocumentPlace] = field(default_factory=dict)
    keys: dict[Trail, DocumentPlace] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def lines(self, faults: Iterable[Fault]) -> list[str]:
        """Return one line for each fault, in the order of the text.

        Of very many only the first are told, and then that there are more.
        """
        placed = sorted(
            ((self._place(one), one) for one in dict.fromkeys(faults)),
            key=lambda pair: pair[0],
        )
        lines = [
            one_line(f"{place}: {_show_trail(one.trail)}{one.message}")
            for place, one in placed[:_MOST_TOLD]
        ]
        if left := len(placed) - len(lines):
            lines.append(one_line(f"{self.name}: and {left} more, if not still more"))
        return lines

    def _place(self, fault: Fault) -> DocumentPlace:
        """Return the place of the part, else of what it should stand in."""
        key = self._place_of_key(fault.trail) if fault.at_key else None
        if key is not None:
            return key
        around = (fault.trail[:end] for end in range(len(fault.trail), -1, -1))
        places = filter(None, map(self._place_of_value, around))
        return next(places, DocumentPlace(name=self.name, line=1, column=1))

    def _place_of_key(self, trail: Trail) -> DocumentPlace | None:
        if trail in self.keys:
            return self.keys[trail]
        around = None if trail in self.values else find(self.root, trail[:-1])
        if isinstance(around, MappingNode) and trail[-1] in around.keys:
            return self.at(around.keys[str(trail[-1])])
        return None

    def _place_of_value(self, trail: Trail) -> DocumentPlace | None:
        if trail in self.values:
            return self.values[trail]
        found = find(self.root, trail)
        return None if found is None else self.at(found.spot)

    def at(self, spot: Spot) -> DocumentPlace:
        """Return a place in the text."""
        line, column = spot
        return DocumentPlace(name=self.name, line=line, column=column)


def _show_trail(trail: Trail) -> str:
    """Return ``sinks[0].headers["X Y"]: ``."""
    steps = "".join(map(_show_step, trail)).removeprefix(".")
    return f"{steps}: " if steps else ""


def _show_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    shown = step if len(step) <= _LONGEST_STEP else f"{step[: _LONGEST_STEP - 3]}..."
    return f".{shown}" if re.fullmatch(r"[\w-]+", step) else f"[{json.dumps(shown)}]"


def show_value(value: object, *, secret: bool) -> str:
    """Return a value in a few words; of a secret only its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if secret or value is None or isinstance(value, dict | list):
        return _KINDS.get(type(value), "a number")
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}...'"


_KINDS = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}
