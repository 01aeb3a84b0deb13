"""The document as plain data, and the place of each part for messages."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Trail = tuple[str | int, ...]
"""The way to a part of the document: ``("sinks", 0, "url")``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong.

    Attributes:
        trail: With which part.
        message: What is wrong with it.
        at_key: Whether the key itself is at fault, not its value.
    """

    trail: Trail
    message: str
    at_key: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where something was written.

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
class Document:
    """What was written, and where.

    Attributes:
        name: Name of the file.
        data: Mappings, lists and scalars; None: nothing was written.
        values: Where each value stands.
        keys: Where each key of a mapping stands.
        faults: What YAML allows and a configuration does not.
    """

    name: str
    data: Any = None
    values: dict[Trail, Place] = field(default_factory=dict)
    keys: dict[Trail, Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def lines(self, faults: Iterable[Fault]) -> list[str]:
        """Return one line for each fault, in the order of the text."""
        return [
            f"{self._place(one)}: {_show_trail(one.trail)}{one.message}"
            for one in sorted(dict.fromkeys(faults), key=self._place)
        ]

    def _place(self, fault: Fault) -> Place:
        """Return the place of the part, else of what it should stand in."""
        if fault.at_key and fault.trail in self.keys:
            return self.keys[fault.trail]
        around = (fault.trail[:end] for end in range(len(fault.trail), -1, -1))
        whole = Place(name=self.name, line=1, column=1)
        return next((self.values[one] for one in around if one in self.values), whole)


def _show_trail(trail: Trail) -> str:
    """Return ``sinks[0].headers["X Y"]: ``."""
    steps = "".join(map(_show_step, trail)).removeprefix(".")
    return f"{steps}: " if steps else ""


def _show_step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if re.fullmatch(r"[\w-]+", step):
        return f".{step}"
    # Escaped where it could do something to a terminal.
    return f'["{step}"]' if step.isprintable() else f"[{step!r}]"


def show_value(value: object, *, secret: bool) -> str:
    """Return what was got in a few words; of a secret only its kind."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if secret or value is None or isinstance(value, dict | list):
        return _KINDS.get(type(value), "a number")
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}...'"


_KINDS = {dict: "a mapping", list: "a list", str: "text", type(None): "nothing"}
