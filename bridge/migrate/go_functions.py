"""Functions of Go templates and of sprig, as expressions of MiniJinja.

In this table are those alone that mean the same here; what is not is refused by name.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

from bridge.migrate.go_values import GoTemplateError, GoValue, quoted

Arguments = list[GoValue]
Function = Callable[[Arguments], GoValue]

_VERB: Final = re.compile(r"%(.)", re.DOTALL)
_LITERAL: Final = re.compile(r"'(?:\\.|[^'\\])*'")
_SPACED: Final = " ~ ' ' ~ "
_UNTRUE: Final = {"struct", "time"}
"""Kinds that are always true in Go."""


def call(name: str, arguments: Arguments) -> GoValue:
    """Return the expression for a call.

    Raises:
        GoTemplateError: There is nothing that means the same.
    """
    function = _FUNCTIONS.get(name)
    if function is None:
        hint = _HINTS.get(name, "")
        raise GoTemplateError(f"the function {name} has no equivalent{hint}")
    try:
        return function(arguments)
    except (IndexError, ValueError) as error:
        if isinstance(error, GoTemplateError):
            raise
        raise GoTemplateError(f"the function {name} got other arguments") from error


def condition(value: GoValue) -> str:
    """Return a value as a condition.

    Raises:
        GoTemplateError: It is always true in Go.
    """
    if value.kind in _UNTRUE:
        raise GoTemplateError("a condition on a whole struct or time is always true")
    return value.shown


def joined_text(value: GoValue) -> str:
    """Return a value that is joined to texts, or stands within one.

    Raises:
        GoTemplateError: Go writes it in a way of its own.
    """
    if value.kind in {"map", "list", "struct"}:
        raise GoTemplateError("a map, list or struct as text is Go's own notation")
    if value.kind == "bool":
        return f"('true' if {value.text} else 'false')"
    return value.text


def _filter(name: str) -> Function:
    return lambda given: GoValue(f"({joined_text(_only(given))}|{name})", "text")


def _only(given: Arguments) -> GoValue:
    [one] = given
    return one


def _default(given: Arguments) -> GoValue:
    instead, value = given
    kind = value.kind if value.kind == instead.kind else "any"
    return GoValue(f"({condition(value)} or {instead.text})", kind)


def _coalesce(given: Arguments) -> GoValue:
    return GoValue(f"({' or '.join(condition(one) for one in given)})", given[0].kind)


def _join_by(word: str) -> Function:
    def joined(given: Arguments) -> GoValue:
        parts = [condition(one) for one in given[:-1]] + [given[-1].text]
        return GoValue(f"({f' {word} '.join(parts)})", given[-1].kind)

    return joined


def _not(given: Arguments) -> GoValue:
    return GoValue(f"(not {condition(_only(given))})", "bool")


def _eq(given: Arguments) -> GoValue:
    first, *others = given
    if not others:
        raise ValueError
    same = " or ".join(f"{first.text} == {one.text}" for one in others)
    return GoValue(f"({same})", "bool")


def _compare(sign: str) -> Function:
    def compared(given: Arguments) -> GoValue:
        left, right = given
        return GoValue(f"({left.text} {sign} {right.text})", "bool")

    return compared


def _sum(sign: str) -> Function:
    def computed(given: Arguments) -> GoValue:
        numbers = f" {sign} ".join(f"({one.text}|int)" for one in given)
        return GoValue(f"({numbers})", "number")

    return computed


def _trunc(given: Arguments) -> GoValue:
    length, value = given
    most = int(length.text.strip("()"))
    part = f"{most}:" if most < 0 else f":{most}"
    return GoValue(f"({joined_text(value)}[{part}])", "text")


def _literal(value: GoValue) -> str:
    """Return the text of a literal, without quotes.

    Raises:
        ValueError: It is none, or has escapes.
    """
    if not _LITERAL.fullmatch(value.text) or "\\" in value.text:
        raise ValueError
    return value.text[1:-1]


def _trim_suffix(given: Arguments) -> GoValue:
    end, value = given
    text, length = joined_text(value), len(_literal(end))
    cut = f"{text}[:-{length}] if {text} is endingwith({end.text}) else {text}"
    return GoValue(f"({cut})" if length else text, "text")


def _trim_prefix(given: Arguments) -> GoValue:
    begin, value = given
    text, length = joined_text(value), len(_literal(begin))
    cut = f"{text}[{length}:] if {text} is startingwith({begin.text}) else {text}"
    return GoValue(f"({cut})" if length else text, "text")


def _replace(given: Arguments) -> GoValue:
    old, new, value = given
    return GoValue(f"({joined_text(value)}|replace({old.text}, {new.text}))", "text")


def _contains(given: Arguments) -> GoValue:
    part, value = given
    return GoValue(f"({part.text} in {joined_text(value)})", "bool")


def _test(name: str) -> Function:
    def tested(given: Arguments) -> GoValue:
        part, value = given
        return GoValue(f"({joined_text(value)} is {name}({part.text}))", "bool")

    return tested


def _length(given: Arguments) -> GoValue:
    value = _only(given)
    some = value.text if value.kind == "text" else f"({value.text} or [])"
    return GoValue(f"({some}|length)", "number")


def _ternary(given: Arguments) -> GoValue:
    yes, no, value = given
    kind = yes.kind if yes.kind == no.kind else "any"
    return GoValue(f"({yes.text} if {condition(value)} else {no.text})", kind)


def _int(given: Arguments) -> GoValue:
    value = _only(given)
    return GoValue(f"({value.text}|int)", "number")


def _to_json(given: Arguments) -> GoValue:
    return GoValue(f"({_only(given).text}|tojson)", "text")


def _to_pretty_json(given: Arguments) -> GoValue:
    return GoValue(f"({_only(given).text}|tojson(indent=2))", "text")


def _quote(given: Arguments) -> GoValue:
    text = f"({joined_text(_only(given))}|string)"
    for old, new in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\t", "\\t")):
        text += f"|replace({quoted(old)}, {quoted(new)})"
    return GoValue(f"('\"' ~ ({text}) ~ '\"')", "text")


def _squote(given: Arguments) -> GoValue:
    return GoValue(f'("\'" ~ {joined_text(_only(given))} ~ "\'")', "text")


def _index(given: Arguments) -> GoValue:
    value, *keys = given
    if value.kind not in {"map", "list"} or len(keys) != 1:
        raise ValueError
    inner = f"{value.shown}[{keys[0].text}]"
    return GoValue(f"({inner} or '')", "text", bare=inner)


def _get(given: Arguments) -> GoValue:
    return _index(given)


def _has_key(given: Arguments) -> GoValue:
    value, key = given
    return GoValue(f"({key.text} in ({value.text} or {{}}))", "bool")


def _list(given: Arguments) -> GoValue:
    return GoValue(f"[{', '.join(one.text for one in given)}]", "list")


def _join(given: Arguments) -> GoValue:
    sign, value = given
    return GoValue(f"(({value.text} or [])|join({sign.text}))", "text")


def _split_list(given: Arguments) -> GoValue:
    sign, value = given
    return GoValue(f"({joined_text(value)}|split({sign.text}))", "list")


def _element(name: str) -> Function:
    return lambda given: GoValue(f"(({_only(given).text} or [])|{name} or '')", "text")


def _cat(given: Arguments) -> GoValue:
    return GoValue(f"({_SPACED.join(map(joined_text, given))})", "text")


def _printf(given: Arguments) -> GoValue:
    form, *values = given
    rest = iter(values)
    parts: list[str] = []
    place, text = 0, _literal(form)
    for found in _VERB.finditer(text):
        parts.append(quoted(text[place : found.start()]))
        place = found.end()
        if found[1] == "%":
            parts.append(quoted("%"))
        elif found[1] in "svd":
            parts.append(joined_text(next(rest, None) or _none()))
        else:
            raise GoTemplateError(f"printf with {found[0]} has no equivalent")
    parts.append(quoted(text[place:]))
    if next(rest, None) is not None:
        raise ValueError
    joined = " ~ ".join(one for one in parts if one != "''")
    return GoValue(f"({joined})", "text")


def _none() -> GoValue:
    raise ValueError


_NO_CLOCK: Final = ": templates have no clock and no calendar; event.time is RFC 3339"
_HINTS: Final = {
    **dict.fromkeys(("now", "date", "dateInZone", "ago", "unixEpoch"), _NO_CLOCK),
    "env": ": a template reads no environment",
    "expandenv": ": a template reads no environment",
    "title": ": the filter title also makes the other letters small",
}

_FUNCTIONS: Final[Mapping[str, Function]] = {
    "add": _sum("+"),
    "add1": lambda given: _sum("+")([*given, GoValue("1", "number")]),
    "and": _join_by("and"),
    "cat": _cat,
    "coalesce": _coalesce,
    "contains": _contains,
    "default": _default,
    "empty": _not,
    "eq": _eq,
    "first": _element("first"),
    "ge": _compare(">="),
    "get": _get,
    "gt": _compare(">"),
    "hasKey": _has_key,
    "hasPrefix": _test("startingwith"),
    "hasSuffix": _test("endingwith"),
    "index": _index,
    "int": _int,
    "int64": _int,
    "join": _join,
    "last": _element("last"),
    "le": _compare("<="),
    "len": _length,
    "list": _list,
    "lower": _filter("lower"),
    "lt": _compare("<"),
    "ne": _compare("!="),
    "not": _not,
    "or": _join_by("or"),
    "printf": _printf,
    "quote": _quote,
    "replace": _replace,
    "splitList": _split_list,
    "squote": _squote,
    "sub": _sum("-"),
    "ternary": _ternary,
    "toJson": _to_json,
    "toPrettyJson": _to_pretty_json,
    "toRawJson": _to_json,
    "toString": _filter("string"),
    "trim": _filter("trim"),
    "trimPrefix": _trim_prefix,
    "trimSuffix": _trim_suffix,
    "trunc": _trunc,
    "upper": _filter("upper"),
}
