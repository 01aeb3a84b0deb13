"""Their tree of routes becomes a flat list of ours, with exactly their meaning.

A route of theirs ends for an event that one of its ``drop`` rules matches. Each
``match`` rule that matches sends to its receiver by itself; sub-routes are reached if
all of them match. So each rule with a receiver is a route of ours, whose filters are
the negated drop rules and the match rules on the way there, and the rule itself.

All texts of a rule are RE2 patterns that are searched for. A field that an event does
not have is the empty text there, and nothing here.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.errors import FilterError
from bridge.filters.regex import compile_regex
from bridge.migrate.reading import Section, references
from bridge.migrate.report import ConversionReport
from bridge.migrate.writing import Comment

_PLACES: Final = {
    "message": "data.message",
    "apiVersion": "data.involvedObject.apiVersion",
    "kind": "data.involvedObject.kind",
    "namespace": "data.metadata.namespace",
    "reason": "data.reason",
    "type": "data.type",
    "component": "data.source.component",
    "host": "data.source.host",
}
"""Where the fields of a rule stand in an Event; the namespace is the Event's own."""

_MAPS: Final = ("labels", "annotations")
_KEYS: Final = {*_PLACES, *_MAPS, "minCount", "receiver"}
_ANYTHING: Final = frozenset({".*", ".*?", "(.*)", "^", "$", "^.*"})
_NOT_EMPTY: Final = "(?s)."

Filters = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of theirs.

    Attributes:
        filters: Ours that all have to pass; empty: every event passes.
        never: Whether no event passes.
        receiver: Name of the receiver; empty: it only guards sub-routes.
        section: Where it stands.
    """

    filters: Filters
    never: bool
    receiver: str
    section: Section

    def negated(self) -> Filters | None:
        """Return filters that pass what the rule does not; None: nothing does."""
        if self.never:
            return []
        if not self.filters:
            return None
        [first, *more] = self.filters
        return [{"not": {"all": self.filters} if more else first}]


class RouteConverter:
    """Converts the tree of one file.

    Attributes:
        needs_labels: Whether a rule reads labels of the involved object.
        annotations: Names of the annotations that rules read.
    """

    def __init__(
        self,
        report: ConversionReport,
        *,
        sinks: Mapping[str, str],
        receivers: frozenset[str],
        has_lookup: bool,
    ) -> None:
        """Convert nothing yet.

        Args:
            report: What is told.
            sinks: Names of our sinks, by those of their receivers.
            receivers: Names of all their receivers.
            has_lookup: Whether labels and annotations are looked up there.
        """
        self._report = report
        self._sinks = sinks
        self._receivers = receivers
        self._has_lookup = has_lookup
        self.needs_labels = False
        self.annotations: dict[str, None] = {}

    def convert(self, route: Section) -> list[dict[str, Any]]:
        """Return routes of ours; at least one, for none would mean all of them."""
        merged: dict[str, tuple[Filters, dict[str, list[int]]]] = {}
        for filters, rule in self._walk(route, []):
            key = json.dumps(filters)
            _, sinks = merged.setdefault(key, (filters, {}))
            sinks.setdefault(self._sinks[rule.receiver], []).append(rule.section.line)
        names: set[str] = set()
        made = [_route(names, filters, sinks) for filters, sinks in merged.values()]
        self._tell_repeats(route, made)
        return made or [{"name": "nothing", "sinks": []}]

    def _tell_repeats(self, route: Section, made: list[dict[str, Any]]) -> None:
        reached = [sink for one in made for sink in one["sinks"]]
        for sink in dict.fromkeys(one for one in reached if reached.count(one) > 1):
            text = (
                f"several ways lead to '{sink}': an event that takes two of them is "
                "sent twice there, and once here"
            )
            self._report.add(route.line, "better", route.thing, text)

    def _walk(self, route: Section, before: Filters) -> Iterator[tuple[Filters, Rule]]:
        """Yield each rule that sends, with all that has to pass for it."""
        self._tell_unknown(route, {"drop", "match", "routes"})
        kept: Filters | None = list(before)
        for rule in map(self._rule, route.get("drop").items()):
            negated = rule.negated()
            if negated is None:
                text = "an empty rule drops every event: nothing of this route is sent"
                self._report.add(rule.section.line, "none", rule.section.thing, text)
            kept = None if kept is None or negated is None else [*kept, *negated]
        if kept is None:
            return
        below: Filters | None = kept
        for rule in map(self._rule, route.get("match").items()):
            if rule.receiver and not rule.never and self._is_sent(rule):
                yield [*kept, *rule.filters], rule
            below = None if rule.never or below is None else [*below, *rule.filters]
        if below is not None:
            for one in route.get("routes").items():
                yield from self._walk(one, below)

    def _is_sent(self, rule: Rule) -> bool:
        section = rule.section.get("receiver")
        if rule.receiver in self._sinks:
            text = f"route to sink '{self._sinks[rule.receiver]}'"
            self._report.add(section.line, "same", section.thing, text)
            return True
        text = (
            f"receiver '{rule.receiver}' is left out, see above: nothing is sent to it"
            if rule.receiver in self._receivers
            else f"there is no receiver '{rule.receiver}': nothing is sent there either"
        )
        self._report.add(section.line, "none", section.thing, text)
        return False

    def _rule(self, section: Section) -> Rule:
        self._tell_unknown(section, _KEYS)
        if drops := section.get("drop") or section.get("match"):
            text = "a rule within a rule is ignored there: it is no part of the route"
            self._report.add(drops.line, "none", drops.thing, text)
        terms = list(self._terms(section))
        plain: dict[str, str] = {}
        filters: Filters = []
        for term in terms:
            texts = (term or {}).get("regex")
            if isinstance(texts, dict):
                plain |= texts
            elif term:
                filters.append(term)
        return Rule(
            filters=[*([{"regex": plain}] if plain else []), *filters],
            never=None in terms,
            receiver=section.get("receiver").text,
            section=section,
        )

    def _terms(self, section: Section) -> Iterator[dict[str, Any] | None]:
        """Yield a filter for each field; empty: always passes; None: never passes."""
        for key, place in _PLACES.items():
            field = section.get(key)
            if field.text:
                yield self._pattern(field, place)
        for key in _MAPS:
            for name, field in section.get(key).entries():
                yield self._of_object(field, key, name)
        if least := section.get("minCount"):
            yield self._least(least)

    def _pattern(self, field: Section, place: str) -> dict[str, Any] | None:
        found = self._compiled(field)
        if found is None or field.text in _ANYTHING:
            return None if found is None else {}
        term = {"regex": {place: field.text}}
        if not found(""):
            return term
        # The empty text is what they compare if the Event has no such field.
        return {"any": [term, {"not": {"regex": {place: _NOT_EMPTY}}}]}

    def _of_object(self, field: Section, key: str, name: str) -> dict[str, Any] | None:
        if not self._has_lookup:
            text = "never matches there, for omitLookup is set: so the rule is left out"
            self._report.add(field.line, "same", field.thing, text)
            return None
        if self._compiled(field) is None:
            return None
        if key == "labels":
            self.needs_labels = True
        else:
            self.annotations[name] = None
        text = (
            "is read from a watch of workloads (enrich), not looked up for each event; "
            "of other kinds of objects add to enrich.kinds"
        )
        self._report.add(field.line, "better", field.thing, text)
        place = f"data.involvedObject.{key}[{json.dumps(name)}]"
        return {"regex": {place: field.text or "^"}}

    def _compiled(self, field: Section) -> Any:
        """Return the search for a pattern; None: the rule never matches."""
        pattern = field.text
        if names := references(pattern):
            text = (
                f"is expanded there from the environment ({', '.join(names)}): the "
                "rule is left out; write the value and convert again"
            )
            self._report.add(field.line, "none", field.thing, text)
            return None
        try:
            return compile_regex(pattern, ())
        except FilterError as error:
            text = (
                f"the rule never matches there and is left out: {error}. If "
                f"'{pattern.strip('*')}' anywhere in it was meant, write that"
            )
            self._report.add(field.line, "none", field.thing, text)
            return None

    def _least(self, least: Section) -> dict[str, Any] | None:
        if type(least.data) is not int:
            text = f"expected a number, got '{least.text}': the rule is left out"
            self._report.add(least.line, "none", least.thing, text)
            return None
        if least.data <= 0:
            return {}
        text = (
            "matches once an Event has been repeated so often; there it sees the first "
            "occurrence alone, whose count is 1"
        )
        self._report.add(least.line, "better", least.thing, text)
        return {"min": {"data.count": least.data}}

    def _tell_unknown(self, section: Section, known: set[str]) -> None:
        for key, value in section.entries():
            if key not in known and key not in {"drop", "match"}:
                text = "is ignored there, so it is here; was another key meant?"
                self._report.add(value.line, "none", value.thing, text)


def _route(
    names: set[str], filters: Filters, sinks: dict[str, list[int]]
) -> dict[str, Any]:
    first = next(iter(sinks))
    name, number = first, 1
    while name in names:
        number += 1
        name = f"{first[:55]}-{number}"
    names.add(name)
    lines = sorted(line for some in sinks.values() for line in some)
    made: dict[str, Any] = {
        Comment(f"line {', '.join(map(str, lines))} of theirs"): None,
        "name": name,
    }
    if filters:
        made["filters"] = filters
    return {**made, "sinks": list(sinks)}
