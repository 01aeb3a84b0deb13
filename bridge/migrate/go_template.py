"""Go templates (text/template, sprig) become templates of MiniJinja, or are refused.

A text that is one ``{{ … }}`` becomes an expression whose value keeps its type; others
become texts with ``{% if %}`` and ``{% for %}``.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from bridge.migrate.go_functions import call, condition, joined_text
from bridge.migrate.go_values import (
    EVENT,
    METHODS,
    GoTemplateError,
    GoValue,
    field_of,
    quoted,
)
from bridge.migrate.reading import references

_ACTION: Final = re.compile(
    r"\{\{(?P<left>- )?(?P<text>(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)"
    r"(?P<right> -)?\}\}",
    re.DOTALL,
)
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<field>\$?(?:\.[A-Za-z_]\w*)+)|(?P<dot>\$|\.)"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<sign>[|()]))(?P<space>\s*)"""
)
_COMMENT: Final = re.compile(r"/\*.*\*/", re.DOTALL)
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_OPENING: Final = re.compile(r"\{[{%#]|\{$")


class _Token(NamedTuple):
    kind: str
    value: str
    has_space: bool
    """Whether a space follows."""


class _Block(NamedTuple):
    word: str
    dots: list[GoValue]
    """What ``.`` is within it, and what it was around it."""


class GoConversion(NamedTuple):
    """A template of ours that makes the same text, or nearly.

    Attributes:
        text: The template.
        is_value: Whether it is one expression, which keeps its type.
        notes: How its value differs.
    """

    text: str
    is_value: bool
    notes: list[str]


def convert_template(text: str, *, cluster: str) -> GoConversion:
    """Return a template of ours that makes the same text.

    Args:
        text: A template of theirs.
        cluster: The expression for the name of the cluster.

    Raises:
        GoTemplateError: Something of it has no equivalent.
    """
    if names := references(text):
        raise GoTemplateError(
            f"${names[0]} is replaced there from the environment before it is read"
        )
    translation = _Translation(cluster)
    made, is_value = translation.run(text)
    return GoConversion(made, is_value, translation.notes)


class _Translation:
    """Translates one text."""

    def __init__(self, cluster: str) -> None:
        self._root = GoValue("object", "struct", EVENT)
        self._dots = [self._root]
        self._blocks: list[_Block] = []
        self._cluster = cluster
        self._loops = 0
        self.notes: list[str] = []

    def run(self, text: str) -> tuple[str, bool]:
        pieces = list(_pieces(text))
        if len(pieces) == 1 and pieces[0][0] == "action":
            return self._whole(pieces[0][1])
        if len(pieces) == 1 and _OPENING.search(text) is None:
            return text, False
        made = "".join(self._piece(kind, one) for kind, one in pieces)
        literals = [one for kind, one in pieces if kind == "text"]
        if len(pieces) == len(literals) + 1 and "".join(literals).isspace():
            # A single expression between spaces would be a value without them.
            made = f"{made}{{{{ '' }}}}"
        if self._blocks:
            raise GoTemplateError(f"{{{{ {self._blocks[-1].word} }}}} without an end")
        return made, False

    def _whole(self, action: str) -> tuple[str, bool]:
        if _COMMENT.fullmatch(action):
            return "", False
        value = self._pipeline(action)
        self._note(value)
        if value.kind in {"map", "list", "struct"}:
            self.notes.append(f"is a {value.kind} in JSON, not in Go's own notation")
        elif value.kind in {"bool", "number"}:
            self.notes.append(f"is a {value.kind}, where theirs is a text")
        return f"{{{{ {_unwrapped(value.text)} }}}}", True

    def _note(self, value: GoValue) -> None:
        if value.kind == "time":
            self.notes.append("is RFC 3339, not Go's own notation of a time")

    def _piece(self, kind: str, text: str) -> str:
        if kind == "text":
            return _OPENING.sub(lambda found: f"{{{{ {quoted(found[0])} }}}}", text)
        if _COMMENT.fullmatch(text):
            return ""
        word, _, rest = text.partition(" ")
        statement = getattr(self, f"_{word}_statement", None)
        if statement is not None:
            return str(statement(rest.strip()))
        if word in {"define", "template", "block", "break", "continue"}:
            raise GoTemplateError(f"{{{{ {word} }}}} has no equivalent")
        value = self._pipeline(text)
        if value.kind in {"map", "list", "struct"}:
            raise GoTemplateError(
                f"{{{{ {text} }}}} within a text is Go's own notation of a "
                f"{value.kind}; a value of its own or toJson can be converted"
            )
        self._note(value)
        shown = joined_text(value) if value.kind == "bool" else value.shown
        return f"{{{{ {_unwrapped(shown)} }}}}"

    def _if_statement(self, rest: str) -> str:
        self._open("if", self._dots[-1])
        return f"{{% if {_unwrapped(condition(self._pipeline(rest)))} %}}"

    def _with_statement(self, rest: str) -> str:
        value = self._pipeline(rest)
        self._open("with", value)
        return f"{{% if {_unwrapped(condition(value))} %}}"

    def _range_statement(self, rest: str) -> str:
        value = self._pipeline(rest)
        self._loops += 1
        name = f"item{self._loops}"
        if value.kind == "map":
            self._open("range", GoValue(f"{name}[1]", "text"))
            return f"{{% for {name} in ({value.text} or {{}})|dictsort %}}"
        if value.kind != "list":
            raise GoTemplateError(f"range over a {value.kind} has no equivalent")
        self._open("range", GoValue(name, "text"))
        return f"{{% for {name} in ({value.text} or []) %}}"

    def _else_statement(self, rest: str) -> str:
        if not self._blocks:
            raise GoTemplateError("{{ else }} without a beginning")
        self._dots[-1] = self._blocks[-1].dots[0]
        word, _, inner = rest.partition(" ")
        if word == "if" and self._blocks[-1].word == "if":
            return f"{{% elif {_unwrapped(condition(self._pipeline(inner)))} %}}"
        if word:
            raise GoTemplateError(f"{{{{ else {word} }}}} has no equivalent")
        return "{% else %}"

    def _end_statement(self, _: str) -> str:
        if not self._blocks:
            raise GoTemplateError("{{ end }} without a beginning")
        self._dots.pop()
        return "{% endfor %}" if self._blocks.pop().word == "range" else "{% endif %}"

    def _open(self, word: str, dot: GoValue) -> None:
        self._blocks.append(_Block(word, [self._dots[-1]]))
        self._dots.append(dot)

    def _pipeline(self, action: str) -> GoValue:
        tokens = list(_tokens(action))
        value, end = self._read_pipeline(tokens, 0)
        if end != len(tokens):
            raise GoTemplateError(f"cannot read '{action}'")
        return value

    def _read_pipeline(self, tokens: list[_Token], place: int) -> tuple[GoValue, int]:
        value: GoValue | None = None
        while True:
            value, place = self._read_command(tokens, place, value)
            if place >= len(tokens) or tokens[place].value != "|":
                return value, place
            place += 1

    def _read_command(
        self, tokens: list[_Token], place: int, piped: GoValue | None
    ) -> tuple[GoValue, int]:
        if place >= len(tokens):
            raise GoTemplateError("an action or a pipe is empty")
        first = tokens[place]
        is_call = first.kind == "name" and first.value not in {"true", "false", "nil"}
        arguments: list[GoValue] = []
        place += is_call
        while place < len(tokens) and tokens[place].value not in {"|", ")"}:
            value, place = self._read_operand(tokens, place)
            arguments.append(value)
        if is_call:
            given = [*arguments, piped] if piped is not None else arguments
            return call(first.value, given), place
        if len(arguments) != 1 or piped is not None:
            raise GoTemplateError(f"'{first.value}' with arguments has no equivalent")
        return arguments[0], place

    def _read_operand(self, tokens: list[_Token], place: int) -> tuple[GoValue, int]:
        token = tokens[place]
        if token.value == "(" and token.kind == "sign":
            value, place = self._read_pipeline(tokens, place + 1)
            if place >= len(tokens) or tokens[place].value != ")":
                raise GoTemplateError("expected ')'")
            closing, place = tokens[place], place + 1
            follows = place < len(tokens) and tokens[place].kind == "field"
            if follows and not closing.has_space:
                return self._fields(value, tokens[place].value), place + 1
            return value, place
        return self._operand(token), place + 1

    def _operand(self, token: _Token) -> GoValue:
        match token.kind:
            case "text":
                return GoValue(quoted(_unquoted(token.value)), "text")
            case "number":
                return GoValue(token.value, "number")
            case "dot":
                return self._root if token.value == "$" else self._dots[-1]
            case "field":
                is_root = token.value.startswith("$")
                start = self._root if is_root else self._dots[-1]
                return self._fields(start, token.value.removeprefix("$"))
            case "name" if token.value in {"true", "false"}:
                return GoValue(token.value, "bool")
            case "name":
                # A function without arguments, as an argument.
                return call(token.value, [])
            case _:
                raise GoTemplateError(f"cannot read '{token.value}'")

    def _fields(self, value: GoValue, path: str) -> GoValue:
        names = path.removeprefix(".").split(".")
        for place, name in enumerate(names):
            special = self._special(value, name)
            if special is not None and place == len(names) - 1:
                return special
            value = field_of(value, name)
        return value

    def _special(self, value: GoValue, name: str) -> GoValue | None:
        """Return what they add to an Event; None: it is a field."""
        if value is not self._root:
            return None
        if name == "ClusterName":
            return GoValue(self._cluster, "text")
        return METHODS.get(name)


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield literal texts and actions, trimmed as ``{{-`` and ``-}}`` say."""
    place = 0
    is_trimmed = False
    for found in _ACTION.finditer(text):
        literal = text[place : found.start()]
        literal = literal.lstrip() if is_trimmed else literal
        literal = literal.rstrip() if found["left"] else literal
        if literal:
            yield "text", literal
        yield "action", found["text"].strip()
        is_trimmed, place = found["right"] is not None, found.end()
    rest = text[place:].lstrip() if is_trimmed else text[place:]
    if "{{" in rest:
        raise GoTemplateError("{{ without }}")
    if rest or not place:
        yield "text", rest


def _tokens(action: str) -> Iterator[_Token]:
    place = 0
    while place < len(action):
        found = _TOKEN.match(action, place)
        if found is None:
            raise GoTemplateError(f"cannot read '{action[place:].strip()[:30]}'")
        kind = next(
            one
            for one in ("text", "number", "field", "dot", "name", "sign")
            if found[one] is not None
        )
        yield _Token(kind, found[kind], bool(found["space"]))
        place = found.end()


def _unquoted(literal: str) -> str:
    if literal.startswith("`"):
        return literal[1:-1]

    def escaped(found: re.Match[str]) -> str:
        if found[1] not in _ESCAPES:
            raise GoTemplateError(f"the escape '{found[0]}' cannot be read")
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.)", escaped, literal[1:-1], flags=re.DOTALL)


def _unwrapped(text: str) -> str:
    """Return an expression without the brackets around all of it."""
    if not text.startswith("(") or not text.endswith(")"):
        return text
    depth, quote, place = 0, "", 0
    while place < len(text) - 1:
        sign = text[place]
        if quote:
            place += sign == "\\"
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        else:
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if depth == 0:
                return text
        place += 1
    return text[1:-1]
