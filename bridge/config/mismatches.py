"""Filters that can never match, though nothing is wrong with any of them by itself.

An attribute that no event has is refused (`check_names`): it is a name written wrong.
What depends on sources and on values is a warning (`find_mismatches`): there the bridge
runs, and only one route, or one part of it, is idle.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.config.document import Fault, Trail
from bridge.config.models import Config
from bridge.events import CloudEvent
from bridge.events.validation import CORE_ATTRIBUTES
from bridge.events.vocabulary import (
    FIELDS,
    OF_CHANGES,
    OF_OCCURRENCES,
    SAME_FIELD,
    TEXTS,
    types_of,
)
from bridge.filters.reading import is_place, place_of
from bridge.filters.settings import RouteConfig
from bridge.filters.subscriptions import attributes_of, compile_filters, texts_of
from bridge.ingest.settings import SourceConfig
from bridge.settings.model import did_you_mean

_FIELDS: Final = FIELDS[""] | FIELDS["events.k8s.io"] | {"spec", "status"}
_ADDED: Final = frozenset({"labels", "annotations"})
"""Asked for by `enrich` alone; `owner` a filter on ``ownername`` asks for too."""

_FLAT: Final = frozenset({"labels", "annotations"})
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class _Term:
    """A comparison of a filter; `is_needed` if the filter insists on it."""

    dialect: str
    name: str
    value: Any
    trail: Trail
    is_needed: bool


def check_names(
    spec: Mapping[str, Any], trail: Trail, extensions: Iterable[str]
) -> Iterator[Fault]:
    """Yield attributes that nothing sets.

    Args:
        spec: A filter that compiles.
        trail: Where it stands.
        extensions: Attributes that the configuration itself sets.
    """
    terms = list(_terms(spec, trail, is_needed=True))
    for term in terms:
        if message := why_unknown(term.name, extensions):
            yield Fault(trail=term.trail, message=message, at_key=True)
    of_expressions = attributes_of([spec]) - {term.name for term in terms}
    for name in sorted(of_expressions - set(CORE_ATTRIBUTES)):
        if message := why_unknown(name, extensions):
            yield Fault(trail=trail, message=f"when: {message}")


def why_unknown(name: str, extensions: Iterable[str]) -> str:
    """Return why nothing sets an attribute; empty: an event may have it.

    Args:
        name: Of an attribute, or a place in `data`.
        extensions: Attributes that the configuration itself sets.
    """
    known = {*OF_OCCURRENCES, *OF_CHANGES, *extensions}
    if is_place(name) or name in known:
        return ""
    hint = _hint(name, sorted(known))
    return f"expected an attribute that events have, got '{name}'{hint}"


def find_mismatches(config: Config) -> Iterator[Fault]:
    """Yield filters of a usable configuration that can never match."""
    judges = {one.name: _Judge(one, config) for one in config.sources}
    for index, route in enumerate(config.routes):
        names = judges if route.sources is None else route.sources
        yield from _mismatches(
            route, ("routes", index, "filters"), [judges[name] for name in names]
        )


def _mismatches(
    route: RouteConfig, trail: Trail, judges: list["_Judge"]
) -> Iterator[Fault]:
    terms = [
        term
        for index, spec in enumerate(route.filters)
        for term in _terms(spec, (*trail, index), is_needed=True)
    ]
    idle = False
    for term in terms:
        if reason := _why_never(term, judges):
            idle = True
            yield Fault(trail=term.trail, message=f"never matches: {reason}")
    for name, texts in texts_of(route.filters).items():
        if not texts:
            idle = True
            yield Fault(trail=trail, message=f"never match: '{name}' has one value")
    needed = [term for term in terms if term.is_needed]
    if not idle and judges and all(judge.refuses_one(needed) for judge in judges):
        message = "never match together: no source has what all of them ask for"
        yield Fault(trail=trail, message=message)


def _why_never(term: _Term, judges: Iterable["_Judge"]) -> str:
    """Return why no event of any source passes a term; empty: one may pass."""
    first = ""
    for judge in judges:
        reason = judge.why_never(term)
        if not reason:
            return ""
        first = first or reason
    return first


def _terms(
    spec: Mapping[str, Any], trail: Trail, *, is_needed: bool
) -> Iterator[_Term]:
    for dialect, argument in spec.items():
        inner: Trail = (*trail, dialect)
        match dialect:
            case "all" | "any":
                needed = is_needed and (dialect == "all" or len(argument) == 1)
                for index, one in enumerate(argument):
                    yield from _terms(one, (*inner, index), is_needed=needed)
            case "not":
                yield from _terms(argument, inner, is_needed=False)
            case "when":
                pass  # an attribute that is not there has a value, too: null
            case _:
                for name, value in argument.items():
                    yield _Term(dialect, name, value, (*inner, name), is_needed)


def _hint(name: str, known: Iterable[str]) -> str:
    if name in _FIELDS:
        return f", did you mean 'data.{name}'?"
    return did_you_mean(name, known)


class _Judge:
    """Judges which terms the events of one source can pass."""

    def __init__(self, source: SourceConfig, config: Config) -> None:
        self._source = source
        target = source.target
        self._is_occurrence = target.is_events
        self._fields = FIELDS.get(target.group) if target.is_events else None
        own = OF_OCCURRENCES if target.is_events else OF_CHANGES
        self._names = own | set(config.events.extensions)
        self._texts = {
            **TEXTS,
            "type": types_of(
                source.changes,
                prefix=config.events.type_prefix,
                occurrences=target.is_events,
            ),
            **({"cluster": {config.cluster.name}} if config.cluster.name else {}),
            **{name: {text} for name, text in config.events.extensions.items()},
        }

    def refuses_one(self, terms: Iterable[_Term]) -> bool:
        """Return whether one of some terms never matches."""
        return any(self.why_never(term) for term in terms)

    def why_never(self, term: _Term) -> str:
        """Return why no event of the source passes a term; empty: one may."""
        if is_place(term.name):
            return self._why_no_place([*map(str, place_of(term.name))])
        source = f"events of source '{self._source.name}'"
        if term.name not in self._names:
            return f"{source} have no attribute '{term.name}'"
        texts = self._texts.get(term.name)
        if texts is None or any(_passes(term, text) for text in texts):
            return ""
        shown = ", ".join(f"'{text}'" for text in sorted(texts)[:_SHOWN])
        return f"in {source} '{term.name}' is one of {shown}"

    def _why_no_place(self, steps: list[str]) -> str:
        source = f"source '{self._source.name}'"
        if self._source.previous:
            if steps[0] not in {"object", "previous"}:
                return f"{source} has previous: true, so write data.object.{steps[0]}"
            steps = steps[1:] or ["metadata"]
        if self._fields is not None and steps[0] not in self._fields:
            other = SAME_FIELD.get(steps[0], "")
            known = [other] if other in self._fields else sorted(self._fields)
            hint = did_you_mean(other if other in known else steps[0], known)
            return f"the Events of {source} have no field '{steps[0]}'{hint}"
        return self._why_nothing_below(steps[0], steps[1:])

    def _why_nothing_below(self, field: str, steps: list[str]) -> str:
        if field == "metadata" and len(steps) > 2 and steps[0] in _FLAT:
            key = ".".join(steps[1:])
            return f'{steps[0]} are not nested, write data.metadata.{steps[0]}["{key}"]'
        added = steps[0] if steps and steps[0] in _ADDED else ""
        is_about = self._is_occurrence and field in {"involvedObject", "regarding"}
        if is_about and added and not getattr(self._source.enrich, added, None):
            return f"source '{self._source.name}' has no enrich.{added}"
        return ""


def _passes(term: _Term, text: str) -> bool:
    """Return whether a term passes an event whose attribute is this text."""
    given: dict[str, Any] = {term.name: text}
    if term.name in CORE_ATTRIBUTES:
        given = {} if term.name == "specversion" else given
        event = CloudEvent(**{"id": "1", "source": "/", "type": "t"} | given)
    else:
        event = CloudEvent(id="1", source="/", type="t", extensions=given)
    return compile_filters([{term.dialect: {term.name: term.value}}])(event)
