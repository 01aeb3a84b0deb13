"""Filters in the shape of the CloudEvents Subscriptions API, compiled to closures.

A filter is a mapping of one dialect: ``exact``, ``prefix`` and ``suffix`` compare
attributes (several are joined by and), ``all``, ``any`` and ``not`` combine filters.
Where CloudEvents Subscriptions 0.1 is silent:

- An attribute that an event does not have never compares; ``not`` of that is true, as
  in Knative.
- Attributes that are no text compare by their canonical text: ``true``, ``14``.
- An empty mapping or list, two dialects in one filter and a value that is no text are
  refused, never skipped.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, Final

from bridge.errors import FilterError
from bridge.events import CloudEvent
from bridge.events.rules import CORE_ATTRIBUTES, canonical, is_attribute_name
from bridge.filters import Filter

_DEEPEST: Final = 32

Path = tuple[str | int, ...]
Read = Callable[[CloudEvent], str | None]


def compile_filters(spec: Sequence[Mapping[str, object]]) -> Filter:
    """Return the filter that passes what all of `spec` pass; none: everything.

    Raises:
        FilterError: One of them means nothing; its `path` leads there.
    """
    return _every(_compile_each(spec, ()))


def attributes_of(spec: Iterable[Mapping[str, object]]) -> frozenset[str]:
    """Return the names of the attributes that filters read; they must compile."""
    return frozenset(_names(spec))


def _names(spec: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for dialect, argument in chain.from_iterable(one.items() for one in spec):
        match dialect:
            case "all" | "any":
                yield from _names(argument)
            case "not":
                yield from _names([argument])
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
    compile_dialect = _DIALECTS.get(dialect)
    if compile_dialect is None:
        known = ", ".join(_DIALECTS)
        raise FilterError(f"expected one of {known}, got {dialect!r}", path=path)
    return compile_dialect(argument, (*path, dialect))


def _exact(argument: object, path: Path) -> Filter:
    return _compare(str.__eq__, argument, path)


def _prefix(argument: object, path: Path) -> Filter:
    return _compare(str.startswith, argument, path)


def _suffix(argument: object, path: Path) -> Filter:
    return _compare(str.endswith, argument, path)


def _all(argument: object, path: Path) -> Filter:
    return _every(_compile_some(argument, path))


def _any(argument: object, path: Path) -> Filter:
    filters = tuple(_compile_some(argument, path))

    def passes(event: CloudEvent) -> bool:
        for passes_one in filters:  # noqa: SIM110 - a generator takes twice as long
            if passes_one(event):
                return True
        return False

    return passes


def _not(argument: object, path: Path) -> Filter:
    inner = _compile(argument, path)
    return lambda event: not inner(event)


_DIALECTS: Final[Mapping[str, Callable[[object, Path], Filter]]] = {
    "exact": _exact,
    "prefix": _prefix,
    "suffix": _suffix,
    "all": _all,
    "any": _any,
    "not": _not,
}


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
    entries = _entries(argument, path, "attributes and values")
    return _every(
        [
            _term(compare, _reader(name, (*path, name)), _text(value, (*path, name)))
            for name, value in entries.items()
        ]
    )


def _term(compare: Callable[[str, str], bool], read: Read, wanted: str) -> Filter:
    def passes(event: CloudEvent) -> bool:
        value = read(event)
        return value is not None and compare(value, wanted)

    return passes


def _entries(spec: object, path: Path, expected: str) -> Mapping[str, object]:
    if not isinstance(spec, Mapping) or not spec:
        raise FilterError(f"expected {expected}, got {spec!r}", path=path)
    return spec


def _text(value: object, path: Path) -> str:
    if not isinstance(value, str) or not value:
        raise FilterError(f"expected text, got {value!r}", path=path)
    return value


def _reader(name: object, path: Path) -> Read:
    """Return what reads one attribute as text; None: the event does not have it."""
    if not isinstance(name, str) or not is_attribute_name(name):
        raise FilterError(
            "expected the name of an attribute, of a-z and 0-9 and other than 'data', "
            f"got {name!r}",
            path=path,
        )
    if name == "specversion":
        return lambda _: "1.0"
    if name in CORE_ATTRIBUTES:
        return attrgetter(name)
    return _extension_reader(name)


def _extension_reader(name: str) -> Read:
    def read(event: CloudEvent) -> str | None:
        value = event.extensions.get(name)
        if value is None or value.__class__ is str:
            return value
        return canonical(value)

    return read
