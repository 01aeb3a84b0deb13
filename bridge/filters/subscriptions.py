"""Filters in the shape of the CloudEvents Subscriptions API, compiled to closures.

A filter is a mapping of one dialect: ``exact``, ``prefix`` and ``suffix`` compare
attributes (several are joined by and), ``all``, ``any`` and ``not`` combine filters.
Where CloudEvents Subscriptions 0.1 is silent:

- An attribute that an event does not have never compares; ``not`` of that is true, as
  in Knative.
- Attributes that are no text compare by their canonical text: ``true``, ``14``.
- An empty mapping or list, two dialects in one filter and a value that is no text are
  refused, never skipped.

Five things are ours: places in `data` stand where attributes do (see
`bridge.filters.reading`), ``exact`` takes a list of texts of which one is enough,
``regex`` is found somewhere in the text (RE2, linear in its length), ``min`` and
``max`` compare numbers, and ``when`` is an expression over the whole event.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

from bridge.errors import FilterError
from bridge.events import CloudEvent
from bridge.filters import Filter
from bridge.filters.expressions import compile_when
from bridge.filters.reading import Path, is_place, number_reader, text_reader
from bridge.filters.regex import compile_regex

_DEEPEST: Final = 32
_ATTRIBUTES: Final = re.compile(
    r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?<![\w.])event\.([a-z0-9]+)(?!\w)""",
    re.DOTALL,
)
"""Attributes that an expression reads; texts in quotes are passed over."""


def compile_filters(spec: Sequence[Mapping[str, object]]) -> Filter:
    """Return the filter that passes an event if all of `spec` do; none: every event.

    Raises:
        FilterError: One of them means nothing; its `path` leads there.
    """
    return _every(_compile_each(spec, ()))


def attributes_of(spec: Iterable[Mapping[str, object]]) -> frozenset[str]:
    """Return the names of the attributes and places that filters read.

    Args:
        spec: Filters that compile.
    """
    return frozenset(_names(spec))


def texts_of(spec: Iterable[Mapping[str, Any]]) -> Mapping[str, frozenset[str]]:
    """Return texts of which an event must have one to pass, by attribute.

    Args:
        spec: Filters that compile, of which an event must pass all.
    """
    found: dict[str, frozenset[str]] = {}
    for one in spec:
        for name, value in one.get("exact", {}).items():
            if not is_place(name):
                texts = frozenset({value} if isinstance(value, str) else value)
                found[name] = found.get(name, texts) & texts
        for name, texts in texts_of(one.get("all", ())).items():
            found[name] = found.get(name, texts) & texts
    return found


def _names(spec: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for dialect, argument in chain.from_iterable(one.items() for one in spec):
        match dialect:
            case "all" | "any":
                yield from _names(argument)
            case "not":
                yield from _names([argument])
            case "when":
                yield from filter(None, _ATTRIBUTES.findall(argument))
            case _:
                yield from argument


def _compile_each(spec: object, path: Path) -> list[Filter]:
    if isinstance(spec, str | bytes) or not isinstance(spec, Sequence):
        raise FilterError(f"expected a list of filters, got {spec!r}", path=path)
    return [_compile(part, (*path, place)) for place, part in enumerate(spec)]


def _compile(spec: object, path: Path) -> Filter:
    if len(path) > _DEEPEST:
        raise FilterError("expected filters nested less deeply", path=path)
    entries = _entries(spec, path, "a filter like {exact: {reason: BackOff}}")
    if len(entries) > 1:
        names = ", ".join(map(str, entries))
        raise FilterError(f"expected one dialect in a filter, got {names}", path=path)
    [(dialect, argument)] = entries.items()
    compile_dialect = DIALECTS.get(dialect)
    if compile_dialect is None:
        known = ", ".join(DIALECTS)
        raise FilterError(f"expected one of {known}, got {dialect!r}", path=path)
    return compile_dialect(argument, (*path, dialect))


def _exact(argument: object, path: Path) -> Filter:
    """Pass events in which each of these is this text, or one of these texts."""

    def compile_one(name: object, value: object, path: Path) -> Filter:
        read = text_reader(name, path)
        if isinstance(value, str) or not isinstance(value, Sequence):
            return _exact_term(read, _text(value, path))
        if not value:
            raise FilterError("expected at least one text, got none", path=path)
        texts = [_text(one, (*path, place)) for place, one in enumerate(value)]
        wanted = frozenset(texts)
        return lambda event: read(event) in wanted

    return _each(compile_one, argument, path)


def _exact_term(read: Callable[[CloudEvent], str | None], wanted: str) -> Filter:
    return lambda event: read(event) == wanted


def _prefix(argument: object, path: Path) -> Filter:
    """Pass events in which each of these begins with this text."""
    return _compare(str.startswith, argument, path)


def _suffix(argument: object, path: Path) -> Filter:
    """Pass events in which each of these ends with this text."""
    return _compare(str.endswith, argument, path)


def _regex(argument: object, path: Path) -> Filter:
    """Pass events in which each of these contains a match of this RE2 pattern."""

    def compile_one(name: object, value: object, path: Path) -> Filter:
        read, is_in = text_reader(name, path), compile_regex(_text(value, path), path)

        def passes(event: CloudEvent) -> bool:
            text = read(event)
            return text is not None and is_in(text)

        return passes

    return _each(compile_one, argument, path)


def _min(argument: object, path: Path) -> Filter:
    """Pass events in which each of these is a number, and at least this one."""
    return _bound(operator.ge, argument, path)


def _max(argument: object, path: Path) -> Filter:
    """Pass events in which each of these is a number, and at most this one."""
    return _bound(operator.le, argument, path)


def _all(argument: object, path: Path) -> Filter:
    """Pass events that all of these filters pass."""
    return _every(_compile_some(argument, path))


def _any(argument: object, path: Path) -> Filter:
    """Pass events that one of these filters passes."""
    filters = tuple(_compile_some(argument, path))

    def passes(event: CloudEvent) -> bool:
        for passes_one in filters:  # noqa: SIM110 - a generator takes twice as long
            if passes_one(event):
                return True
        return False

    return passes


def _not(argument: object, path: Path) -> Filter:
    """Pass events that this filter does not pass."""
    inner = _compile(argument, path)
    return lambda event: not inner(event)


DIALECTS: Final[Mapping[str, Callable[[object, Path], Filter]]] = {
    "exact": _exact,
    "prefix": _prefix,
    "suffix": _suffix,
    "regex": _regex,
    "min": _min,
    "max": _max,
    "all": _all,
    "any": _any,
    "not": _not,
    "when": compile_when,
}
"""Each dialect by its key; the schema shows the first line of its docstring."""


def _compile_some(argument: object, path: Path) -> list[Filter]:
    filters = _compile_each(argument, path)
    if not filters:
        raise FilterError("expected at least one filter, got none", path=path)
    return filters


def _every(filters: Sequence[Filter]) -> Filter:
    if len(filters) == 1:
        return filters[0]
    frozen = tuple(filters)

    def passes(event: CloudEvent) -> bool:
        for passes_one in frozen:  # noqa: SIM110 - a generator takes twice as long
            if not passes_one(event):
                return False
        return True

    return passes


def _compare(
    compare: Callable[[str, str], bool], argument: object, path: Path
) -> Filter:
    def compile_one(name: object, value: object, path: Path) -> Filter:
        read, wanted = text_reader(name, path), _text(value, path)

        def passes(event: CloudEvent) -> bool:
            text = read(event)
            return text is not None and compare(text, wanted)

        return passes

    return _each(compile_one, argument, path)


def _bound(
    compare: Callable[[float, float], bool], argument: object, path: Path
) -> Filter:
    def compile_one(name: object, value: object, path: Path) -> Filter:
        read, bound = number_reader(name, path), _number(value, path)

        def passes(event: CloudEvent) -> bool:
            number = read(event)
            return number is not None and compare(number, bound)

        return passes

    return _each(compile_one, argument, path)


def _each(
    compile_one: Callable[[object, object, Path], Filter], argument: object, path: Path
) -> Filter:
    entries = _entries(argument, path, "attributes and values")
    return _every(
        [compile_one(name, value, (*path, name)) for name, value in entries.items()]
    )


def _entries(spec: object, path: Path, expected: str) -> Mapping[str, object]:
    if not isinstance(spec, Mapping) or not spec:
        raise FilterError(f"expected {expected}, got {spec!r}", path=path)
    return spec


def _text(value: object, path: Path) -> str:
    if not isinstance(value, str) or not value:
        hint = f", write '{value}'" if type(value) is int else ""
        raise FilterError(f"expected text, got {value!r}{hint}", path=path)
    return value


def _number(value: object, path: Path) -> float:
    match value:
        case bool():
            pass
        case int() | float() if abs(value) < math.inf:
            return value
    raise FilterError(f"expected a number, got {value!r}", path=path)
