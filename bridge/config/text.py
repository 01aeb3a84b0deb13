"""YAML text becomes a `Document`.

Scalars are read by YAML 1.2's core schema (10.3.2), not by the rules of 1.1 that PyYAML
has: `No`, `on` and `2024-01-01` are texts, as a person who filters for `reason: No`
means them.
"""

import re
from typing import Any

import yaml

from bridge.config.document import Document, Fault, Place, Trail

_DEEPEST = 64
_MOST_NODES = 20_000
_TAG = "tag:yaml.org,2002:"
_NUMBER = "-+.0123456789"


class NotYamlError(ValueError):
    """The text cannot be read as one YAML document; the message says where and why."""


class _CoreLoader(yaml.SafeLoader):
    """PyYAML's parser with the scalars of YAML 1.2."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  # PyYAML's own way to say it


for _kind, _pattern, _first in (
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", "true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", "[-+]?[0-9]{1,18}", _NUMBER),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", _NUMBER),
):
    _CoreLoader.add_implicit_resolver(
        _TAG + _kind, re.compile(rf"(?:{_pattern})\Z"), _first
    )


def read_document(text: str, *, name: str) -> Document:
    """Return what `text` says; `name` is that of its file, for messages.

    Raises:
        NotYamlError: It is not one YAML document, or one of absurd size.
    """
    document = Document(name=name)
    node = _compose(text, name=name)
    if node is not None:
        document.data = _Walk(document).value(node, ())
    return document


def _compose(text: str, *, name: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_CoreLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = error.problem or error.context
        raise NotYamlError(f"{_place(name, mark)}: not YAML: {reason}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise NotYamlError(f"{name}:{line}:1: not YAML: {error.reason}") from error
    except RecursionError:
        raise NotYamlError(f"{name}:1:1: not usable: nested too deeply") from None
    return node


def _place(name: str, mark: Any) -> Place:
    return Place(name=name, line=mark.line + 1, column=mark.column + 1)


class _Walk:
    """Turns nodes into data and notes where each stands."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def value(self, node: yaml.Node, trail: Trail) -> Any:
        """Return the data of `node`; faults are noted and their part left out."""
        self._guard(node, trail)
        self._document.values[trail] = self._place(node)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, trail)
            case yaml.SequenceNode():
                return [
                    self.value(one, (*trail, i)) for i, one in enumerate(node.value)
                ]
            case _:
                return self._scalar(node, trail)

    def _mapping(self, node: yaml.MappingNode, trail: Trail) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(trail, "expected texts as keys, got a list or mapping")
                continue
            key = key_node.value
            inner = (*trail, key)
            if key in data:
                first = self._document.keys[inner].line
                self._document.keys[inner] = self._place(key_node)
                self._fault(inner, f"duplicate key, first in line {first}", at_key=True)
                continue
            self._document.keys[inner] = self._place(key_node)
            data[key] = self.value(value_node, inner)
        return data

    def _scalar(self, node: yaml.Node, trail: Trail) -> object:
        text: str = node.value
        match node.tag.removeprefix(_TAG):
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text)
            case "float":
                return float(text)
            case other:
                self._fault(trail, f"expected a value without the tag '{other}'")
                return text

    def _guard(self, node: yaml.Node, trail: Trail) -> None:
        """Stop at what only aliases can make: endless depth, exploding size."""
        self._nodes += 1
        if len(trail) > _DEEPEST or self._nodes > _MOST_NODES:
            place = self._place(node)
            raise NotYamlError(f"{place}: not usable: nested too deeply or too large")

    def _fault(self, trail: Trail, message: str, *, at_key: bool = False) -> None:
        fault = Fault(trail=trail, message=message, at_key=at_key)
        self._document.faults.append(fault)

    def _place(self, node: yaml.Node) -> Place:
        return _place(self._document.name, node.start_mark)
