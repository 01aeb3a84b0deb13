"""Explains where an event goes: for each route and each filter, whether it matches.

`explain_filter` asks the compiled filters, part by part; the texts say what a part
expected and what the event has. That an explanation and a running bridge agree is
tested over generated filters.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from bridge.errors import TemplateError
from bridge.events import CloudEvent
from bridge.filters.expressions import event_context
from bridge.filters.labels import compile_labels
from bridge.filters.reading import number_reader, payloads, text_reader
from bridge.filters.settings import RouteConfig
from bridge.filters.subscriptions import compile_filters
from bridge.operate.sample import GivenEvent
from bridge.templates import Expression

_LONGEST: Final = 256
"""Most characters that are shown of a value."""


class FilterExplanation(msgspec.Struct, frozen=True):
    """Whether a condition of a route is met, and why.

    Attributes:
        matched: Whether it is met.
        text: The condition, what it expected and what the event has.
        parts: The conditions that it is made of.
    """

    matched: bool
    text: str
    parts: tuple["FilterExplanation", ...] = ()


class RouteExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a route takes an event, and why.

    Attributes:
        name: As in the configuration.
        matched: Whether it takes the event.
        sinks: Names of the sinks that it leads to.
        conditions: Its sources, filters and labels.
    """

    name: str
    matched: bool
    sinks: tuple[str, ...]
    conditions: tuple[FilterExplanation, ...]


class EventExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event goes.

    Attributes:
        event: Its attributes.
        sources: Names of the sources that read such events; empty: none does, so it
            goes nowhere.
        routes: All routes, in their order.
        sinks: Names of the sinks that get it.
    """

    event: Mapping[str, str | int | bool]
    sources: tuple[str, ...]
    routes: tuple[RouteExplanation, ...]
    sinks: tuple[str, ...]


def explain_event(
    given: GivenEvent, routes: Sequence[RouteConfig], *, sinks: tuple[str, ...]
) -> EventExplanation:
    """Return where an event goes, and why.

    Args:
        given: The event, and who read it.
        routes: The routes; empty: every event goes to every sink.
        sinks: Names of all sinks.
    """
    written = tuple(routes) or (RouteConfig(name="all"),)
    try:
        explained = tuple(_route(one, given, sinks) for one in written)
    finally:
        payloads.forget()
    return EventExplanation(
        event=given.event.attributes(),
        sources=given.sources,
        routes=explained,
        sinks=tuple(
            dict.fromkeys(
                sink for one in explained if one.matched for sink in one.sinks
            )
        ),
    )


def explain_filter(spec: Mapping[str, Any], event: CloudEvent) -> FilterExplanation:
    """Return whether a filter passes an event, and why.

    Args:
        spec: A filter that compiles.
        event: The event in our form.
    """
    [(dialect, argument)] = spec.items()
    match dialect:
        case "all" | "any":
            parts = tuple(explain_filter(one, event) for one in argument)
            return _combined(dialect, parts, all if dialect == "all" else any)
        case "not":
            inner = explain_filter(argument, event)
            return FilterExplanation(not inner.matched, "not", (inner,))
        case "when":
            return _expression(argument, event)
        case _:
            terms = tuple(
                _term(dialect, name, value, event) for name, value in argument.items()
            )
            return terms[0] if len(terms) == 1 else _combined(dialect, terms, all)


def _route(
    route: RouteConfig, given: GivenEvent, sinks: tuple[str, ...]
) -> RouteExplanation:
    conditions = tuple(_conditions(route, given))
    return RouteExplanation(
        name=route.name,
        matched=all(one.matched for one in conditions),
        sinks=sinks if route.sinks is None else route.sinks,
        conditions=conditions,
    )


def _conditions(route: RouteConfig, given: GivenEvent) -> Iterator[FilterExplanation]:
    if route.sources is not None or not given.sources:
        wanted = "any" if route.sources is None else _listed(route.sources)
        got = _listed(given.sources) or "none that reads such events"
        read = set(given.sources).intersection(route.sources or given.sources)
        yield FilterExplanation(bool(read), f"sources: expected {wanted}, got {got}")
    for one in route.filters:
        yield explain_filter(one, given.event)
    if route.labels:
        matched = compile_labels(route.labels)(given.labels)
        pairs = [f"{name}={value}" for name, value in sorted(given.labels.items())]
        got = _cut(",".join(pairs)) or "none (they are not looked up here)"
        text = f"labels: expected {_cut(route.labels)}, got {got}"
        yield FilterExplanation(matched, text)


def _combined(
    dialect: str,
    parts: tuple[FilterExplanation, ...],
    decide: Callable[[Iterator[bool]], bool],
) -> FilterExplanation:
    passed = sum(one.matched for one in parts)
    matched = decide(one.matched for one in parts)
    text = f"{dialect}: {passed} of {len(parts)} match"
    return FilterExplanation(matched, text, parts)


def _expression(text: str, event: CloudEvent) -> FilterExplanation:
    try:
        value = Expression(text).evaluate(event_context(event))
    except TemplateError as error:
        return FilterExplanation(False, f"when {_cut(text)}: fails: {error}")
    got = "" if isinstance(value, bool) else f", got {_quoted(value)}"
    words = "true" if value else "not true"
    return FilterExplanation(bool(value), f"when {_cut(text)}: {words}{got}")


def _term(dialect: str, name: str, value: Any, event: CloudEvent) -> FilterExplanation:
    passes = compile_filters([{dialect: {name: value}}])
    got: str | float | None = text_reader(name, ())(event)
    if dialect in {"min", "max"}:
        number = number_reader(name, ())(event)
        got = got if number is None else _rounded(number)
    expected = _EXPECTED[dialect](value)
    shown = "none" if got is None else _quoted(got)
    text = f"{dialect} {name}: expected {expected}, got {shown}"
    return FilterExplanation(passes(event), text)


def _rounded(number: float) -> float:
    return int(number) if float(number).is_integer() else number


def _one_of(value: Any) -> str:
    if isinstance(value, str) or len(value) == 1:
        return _quoted(value if isinstance(value, str) else value[0])
    return f"one of {_cut(', '.join(map(repr, value)))}"


_EXPECTED: Final[Mapping[str, Callable[[Any], str]]] = {
    "exact": _one_of,
    "prefix": lambda value: f"a text that begins with {_quoted(value)}",
    "suffix": lambda value: f"a text that ends with {_quoted(value)}",
    "regex": lambda value: f"a text with {_quoted(value)}",
    "min": lambda value: f"at least {value}",
    "max": lambda value: f"at most {value}",
}


def _listed(names: Sequence[str]) -> str:
    return _cut(", ".join(names))


def _quoted(value: object) -> str:
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
