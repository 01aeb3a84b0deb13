"""The part of MiniJinja's syntax that a template may use; the rest is refused.

Fuel bounds what filters and loops do, but not all: a list that is multiplied, or put
twice into itself in a variable again and again, costs little until it is written out.
So there is no ``*``, no variable that is set, and loops stand in one other at most. No
method is called, so that no code of Python can be reached.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from bridge.errors import TemplateError

FILTERS: Final = frozenset(
    [
        "abs",
        "batch",
        "bool",
        "capitalize",
        "chain",
        "count",
        "d",
        "default",
        "dictsort",
        "filesizeformat",
        "first",
        "float",
        "format",
        "groupby",
        "indent",
        "int",
        "items",
        "join",
        "last",
        "length",
        "lines",
        "list",
        "lower",
        "map",
        "max",
        "min",
        "pluralize",
        "reject",
        "rejectattr",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "slice",
        "sort",
        "split",
        "string",
        "striptags",
        "sum",
        "title",
        "tojson",
        "trim",
        "truncate",
        "unique",
        "unixms",
        "upper",
        "urlencode",
        "wordwrap",
        "zip",
    ]
)
"""The filters of MiniJinja 3 without those for HTML, debugging and Python; and
``unixms``, the milliseconds since 1970 of a time in RFC 3339."""

TESTS: Final = frozenset(
    [
        "boolean",
        "defined",
        "divisibleby",
        "endingwith",
        "eq",
        "equalto",
        "even",
        "false",
        "float",
        "ge",
        "greaterthan",
        "gt",
        "in",
        "integer",
        "iterable",
        "le",
        "lessthan",
        "lower",
        "lt",
        "mapping",
        "ne",
        "none",
        "number",
        "odd",
        "sequence",
        "startingwith",
        "string",
        "true",
        "undefined",
        "upper",
    ]
)
"""The tests of MiniJinja 3: ``object.count is odd``."""

FUNCTIONS: Final = frozenset({"range"})

LONGEST: Final = 8192
"""Most characters of one text."""

_DEEPEST_LOOPS: Final = 2
_KEYWORDS: Final = frozenset(
    ["and", "or", "not", "in", "is", "if", "else", "elif", "for"]
)
_STATEMENTS: Final = frozenset(["if", "elif", "else", "endif", "for", "endfor"])
_TOKEN: Final = re.compile(
    r"""(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<name>[^\W\d]\w*)"""
    r"""|(?P<number>\d[\w.]*)|(?P<sign>\S)""",
    re.DOTALL,
)
_OPENING: Final = re.compile(r"\{[{%#]")
_CLOSING: Final = {"{{": "}}", "{%": "%}"}
_BRACKETS: Final = {")": "(", "]": "[", "}": "{"}


class Lexeme(NamedTuple):
    """A word of an expression: `kind` is text, name, number or sign."""

    kind: str
    value: str
    place: int


class TemplateTag(NamedTuple):
    """``{{ an expression }}`` or ``{% a statement %}``, from `begin` to `end`."""

    opening: str
    tokens: list[Lexeme]
    begin: int
    end: int


def check(text: str) -> list[TemplateTag]:
    """Return the tags of a text.

    Raises:
        TemplateError: It holds what no template may, or a tag that does not end.
    """
    if len(text) > LONGEST:
        raise TemplateError(
            f"expected a text of at most {LONGEST} characters, got {len(text)}"
        )
    tags = list(_tags(text))
    depth = 0
    for tag in tags:
        tokens = tag.tokens
        if tag.opening == "{%":
            depth += _check_statement(text, tag)
            tokens = tokens[1:]
        if depth > _DEEPEST_LOOPS:
            raise refused(text, tag.begin, "expected no loop in a loop in a loop")
        _check_expression(text, tokens)
    return tags


def whole(text: str) -> str | None:
    """Return the expression if it is all of a checked text, else None."""
    tags = check(text)
    if len(tags) != 1 or tags[0].opening != "{{":
        return None
    [tag] = tags
    if text[: tag.begin].strip() or text[tag.end :].strip():
        return None
    return text[tag.begin + 2 : tag.end - 2].strip().strip("-+").strip()


def check_expression(text: str) -> None:
    """Check an expression that stands alone, as in ``when: object.count > 3``.

    Raises:
        TemplateError: It holds what no template may.
    """
    if len(text) > LONGEST:
        raise TemplateError(
            f"expected an expression of at most {LONGEST} characters, got {len(text)}"
        )
    tokens, end = _tokens(text, 0, closing="")
    if end != len(text):
        raise refused(text, end, f"expected one expression, got '{text[end]}'")
    _check_expression(text, tokens)


def refused(text: str, place: int, problem: str) -> TemplateError:
    """Return an error that says where in a text it is: 1:1 is its first letter."""
    line = text.count("\n", 0, place) + 1
    column = place - text.rfind("\n", 0, place)
    return TemplateError(f"{problem} at {line}:{column} of the text")


def _tags(text: str) -> Iterator[TemplateTag]:
    place = 0
    while found := _OPENING.search(text, place):
        opening = found[0]
        if opening == "{#":
            place = text.find("#}", found.end()) + 2
            if place == 1:
                raise refused(text, found.start(), "expected '#}' after '{#'")
            continue
        closing = _CLOSING[opening]
        tokens, end = _tokens(text, found.end(), closing=closing)
        if not text.startswith(closing, end):
            raise refused(
                text, found.start(), f"expected '{closing}' after '{opening}'"
            )
        place = end + 2
        yield TemplateTag(opening, _without_trimming(tokens), found.start(), place)


def _tokens(text: str, begin: int, *, closing: str) -> tuple[list[Lexeme], int]:
    """Return the words up to where a tag closes, or up to the end of the text."""
    tokens: list[Lexeme] = []
    open_brackets: list[str] = []
    place = begin
    while found := _TOKEN.search(text, place):
        start = found.start()
        if closing and not open_brackets and text.startswith(closing, start):
            return tokens, start
        kind, value = str(found.lastgroup), found[0]
        if value in _BRACKETS.values():
            open_brackets.append(value)
        elif value in _BRACKETS and (
            not open_brackets or open_brackets.pop() != _BRACKETS[value]
        ):
            return tokens, start
        tokens.append(Lexeme(kind, value, start))
        place = found.end()
    return tokens, len(text)


def _without_trimming(tokens: list[Lexeme]) -> list[Lexeme]:
    """Drop the signs of ``{%- … -%}`` that trim white space around a tag."""
    if tokens and tokens[0].value in {"-", "+"} and len(tokens) > 1:
        tokens = tokens[1:] if tokens[1].kind == "name" else tokens
    if tokens and tokens[-1].value in {"-", "+"}:
        tokens = tokens[:-1]
    return tokens


def _check_statement(text: str, tag: TemplateTag) -> int:
    """Return by how much the depth of loops changes."""
    word = tag.tokens[0].value if tag.tokens else ""
    if word not in _STATEMENTS:
        raise refused(text, tag.begin, f"expected if or for, got '{word}'")
    return {"for": 1, "endfor": -1}.get(word, 0)


def _check_expression(text: str, tokens: list[Lexeme]) -> None:
    previous = before = ""
    for index, token in enumerate(tokens):
        following = tokens[index + 1].value if index + 1 < len(tokens) else ""
        problem = _problem(token, previous, before, following)
        if problem:
            raise refused(text, token.place, problem)
        before, previous = previous, token.value


def _problem(token: Lexeme, previous: str, before: str, following: str) -> str | None:
    value = token.value
    if token.kind != "name":
        return "expected no '*'" if token.kind == "sign" and value == "*" else None
    if previous == "|":
        return _unknown("filter", value, FILTERS)
    if _is_test(value, previous, before):
        return _unknown("test", value, TESTS)
    if following != "(" or value in _KEYWORDS:
        return None
    if previous == ".":
        return f"expected a filter, got a call of '.{value}()'"
    return _unknown("function", value, FUNCTIONS)


def _unknown(kind: str, name: str, known: frozenset[str]) -> str | None:
    return None if name in known else f"unknown {kind} '{name}'"


def _is_test(value: str, previous: str, before: str) -> bool:
    if previous == "is":
        return value != "not"
    return previous == "not" and before == "is"
