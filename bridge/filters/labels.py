"""Compiles label selectors, in the syntax and with the meaning of Kubernetes.

Kubernetes API concepts, "Labels and selectors"; the grammar is that of
k8s.io/apimachinery/pkg/labels, ``Parse``::

    selector     = [ requirement { "," requirement } ]      all of them; none: all
    requirement  = key                                      has the label
                 | "!" key                                  has it not
                 | key ( "=" | "==" ) value
                 | key "!=" value                           or has it not
                 | key "in" "(" value { "," value } ")"
                 | key "notin" "(" value { "," value } ")"  or has it not
    key          = [ prefix "/" ] name                      value may be empty
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

from bridge.errors import FilterError

LabelSelector = Callable[[Mapping[str, str]], bool]
"""Says whether an object with these labels is selected; never raises."""

_TOKEN: Final = re.compile(r"==|!=|[=!(),<>]|[^=!(),<> \t\r\n]+")
_END: Final = ""

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PART: Final = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_PREFIX: Final = re.compile(rf"{_PART}(?:\.{_PART})*")
_LONGEST_PREFIX: Final = 253


def compile_labels(selector: str) -> LabelSelector:
    """Return the function of a label selector; an empty one selects every object.

    Raises:
        FilterError: It is no label selector; says what was expected where.
    """
    tokens = _Tokens(selector)
    requirements = []
    if tokens.next != _END:
        requirements.append(_requirement(tokens))
        while tokens.skip(","):
            requirements.append(_requirement(tokens))
        tokens.expect(_END, "',' or the end")
    return _every(requirements)


def is_label_key(text: str) -> bool:
    """Return whether a label may have this key: a name with or without a prefix.

    "Labels and selectors", "Syntax and character set": a name of 63 characters, before
    it a DNS subdomain of 253 and a slash.
    """
    prefix, slash, name = text.rpartition("/")
    if slash and (len(prefix) > _LONGEST_PREFIX or not _PREFIX.fullmatch(prefix)):
        return False
    return _NAME.fullmatch(name) is not None


class _Tokens:
    """The words and signs of a selector; `next` is the one to be read."""

    def __init__(self, selector: str) -> None:
        self._selector = selector
        self._rest = iter([*_TOKEN.findall(selector), _END])
        self.next: str = next(self._rest)

    def take(self) -> str:
        """Return the next one and go on; at the end stay there."""
        taken = self.next
        self.next = next(self._rest, _END)
        return taken

    def skip(self, token: str) -> bool:
        """Go on if this one is the next; return whether it was."""
        return self.next == token and self.take() == token

    def expect(self, token: str, expected: str) -> None:
        """Go on if this one is the next, else refuse the selector."""
        if not self.skip(token):
            self.refuse(expected, self.next)

    def refuse(self, expected: str, got: str) -> NoReturn:
        """Refuse the selector."""
        found = repr(got) if got else "the end"
        raise FilterError(
            f"label selector {self._selector!r}: expected {expected}, got {found}"
        )


def _requirement(tokens: _Tokens) -> LabelSelector:
    if tokens.skip("!"):
        return _has_not(_key(tokens))
    key = _key(tokens)
    if tokens.next in {",", _END}:
        return _has(key)
    if tokens.next not in _OPERATORS:
        expected = "=, ==, !=, in, notin, ',' or the end"
        tokens.refuse(f"{expected} after {key!r}", tokens.next)
    select, read_values = _OPERATORS[tokens.take()]
    return select(key, read_values(tokens))


def _key(tokens: _Tokens) -> str:
    key = tokens.take()
    if not is_label_key(key):
        tokens.refuse(
            "the key of a label, [prefix/]name with a name of at most 63 letters,"
            " digits, '-', '_' and '.'",
            key,
        )
    return key


def _one_value(tokens: _Tokens) -> frozenset[str]:
    return frozenset({_value(tokens)})


def _value(tokens: _Tokens) -> str:
    """Return a value, which is empty where another part of the selector follows."""
    value = "" if tokens.next in {",", ")"} else tokens.take()
    if value and not _NAME.fullmatch(value):
        tokens.refuse(
            "the value of a label, at most 63 letters, digits, '-', '_' and '.'", value
        )
    return value


def _values(tokens: _Tokens) -> frozenset[str]:
    tokens.expect("(", "'(' before values")
    values = [_value(tokens)]
    while tokens.skip(","):
        values.append(_value(tokens))
    tokens.expect(")", "',' or ')' after a value")
    return frozenset(values)


def _has(key: str) -> LabelSelector:
    return lambda labels: key in labels


def _has_not(key: str) -> LabelSelector:
    return lambda labels: key not in labels


def _is_among(key: str, values: frozenset[str]) -> LabelSelector:
    return lambda labels: labels.get(key) in values


def _is_not_among(key: str, values: frozenset[str]) -> LabelSelector:
    return lambda labels: labels.get(key) not in values


_OPERATORS: Final = {
    "=": (_is_among, _one_value),
    "==": (_is_among, _one_value),
    "!=": (_is_not_among, _one_value),
    "in": (_is_among, _values),
    "notin": (_is_not_among, _values),
}


def _every(requirements: list[LabelSelector]) -> LabelSelector:
    if len(requirements) == 1:
        return requirements[0]
    return lambda labels: all(selects(labels) for selects in requirements)
