"""Reads a file of theirs: values, their lines, references to the environment."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bridge.config.document import ListNode, MappingNode, Node, data_of

_REFERENCE: Final = re.compile(
    r"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*|[*#@!?0-9-]))"
)
"""What Go's os.ExpandEnv replaces: they expand their whole file before it is read."""

_WHOLE: Final = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of their file.

    Attributes:
        node: The part; None: it is not there.
        line: Where it begins, or what it should stand in; from 1.
        thing: How it is called in the report, e.g. ``receivers[0].slack``.
    """

    node: Node | None
    line: int
    thing: str = ""

    @property
    def data(self) -> Any:
        """The plain value; None: there is none."""
        return None if self.node is None else data_of(self.node)

    @property
    def text(self) -> str:
        """A scalar as text; empty: there is none."""
        data = None if isinstance(self.node, MappingNode | ListNode) else self.data
        if isinstance(data, bool):
            return str(data).lower()
        return "" if data is None else str(data)

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return isinstance(self.node, MappingNode)

    @property
    def is_list(self) -> bool:
        """Whether it has items."""
        return isinstance(self.node, ListNode)

    def __bool__(self) -> bool:
        """Return whether anything is written."""
        return self.node is not None and self.data is not None

    def get(self, key: str) -> "Section":
        """Return the part at a key, which may be missing."""
        thing = f"{self.thing}.{key}".removeprefix(".")
        if isinstance(self.node, MappingNode) and key in self.node.parts:
            line = self.node.keys[key][0] if key in self.node.keys else self.line
            return Section(self.node.parts[key], line, thing)
        return Section(None, self.line, thing)

    def entries(self) -> Iterator[tuple[str, "Section"]]:
        """Yield keys and values."""
        keys = self.node.parts if isinstance(self.node, MappingNode) else ()
        for key in keys:
            yield key, self.get(key)

    def items(self) -> Iterator["Section"]:
        """Yield the items of a list."""
        parts = self.node.parts if isinstance(self.node, ListNode) else ()
        for place, part in enumerate(parts):
            yield Section(part, part.spot[0], f"{self.thing}[{place}]")

    def names(self) -> list[str]:
        """Return the texts of a list of texts."""
        return [one.text for one in self.items()]


def references(text: str) -> list[str]:
    """Return the environment variables that they put into a text, by name."""
    return [found[1] or found[2] for found in _REFERENCE.finditer(text)]


def whole_reference(text: str) -> str | None:
    """Return the variable of a text that is nothing else; None: it is more."""
    found = _WHOLE.fullmatch(text)
    return None if found is None else found[1] or found[2]
