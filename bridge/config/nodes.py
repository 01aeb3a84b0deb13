"""A YAML document as a tree: what was written, and where."""

from collections.abc import Collection
from typing import Any

Spot = tuple[int, int]
"""Line and column, both from 1."""


class Node:
    """A value of the document; of a scalar `data` says which.

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
