"""What no single model can see: names, references between sections, filters, selectors.

These read the data as it was written, however wrong the rest of it is, so that every
fault of a document is reported at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.cluster.settings import Target
from bridge.config.delivery_checks import check_dead_letter_sinks, check_slots
from bridge.config.document import Fault, Trail
from bridge.config.environment import SINK_NAME
from bridge.config.mismatches import check_names
from bridge.errors import FilterError
from bridge.filters.labels import compile_labels
from bridge.filters.regex import weight
from bridge.filters.subscriptions import compile_filters
from bridge.ingest.settings import EVENTS_NAME, default_name
from bridge.settings.model import did_you_mean

_MOST_WORK = 300_000
"""Most that all regexes together may weigh: a second of compiling."""

_SELECTORS = (
    ("sources", "labelSelector"),
    ("sources", "namespaceSelector"),
    ("routes", "labels"),
)


def check_whole(data: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[Fault]:
    """Yield what is wrong between the parts of the document."""
    for section in ("sources", "sinks", "routes"):
        yield from _duplicate_names(data, section)
    yield from _dangling_references(data, "sources")
    yield from _dangling_references(data, "sinks")
    yield from check_dead_letter_sinks(data)
    yield from check_slots(data)
    yield from _bad_filters(data)
    for section, key in _SELECTORS:
        yield from _bad_selectors(data, section, key)
    yield from _two_spellings(data)
    if data.get("sinks", []) == []:
        message = "expected at least one, here or as K_SINK in the environment"
        yield Fault(trail=("sinks",), message=message)
    if env.get("K_SINK") and not _is_reached(data, SINK_NAME):
        message = f"expected a route to sink '{SINK_NAME}', for K_SINK is set, got none"
        yield Fault(trail=("routes",), message=message)


def _items(data: Mapping[str, Any], key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    written = data.get(key)
    for index, one in enumerate(written if isinstance(written, list) else ()):
        if isinstance(one, dict):
            yield index, one


def _names(data: Mapping[str, Any], section: str) -> Iterator[tuple[int, str]]:
    for index, one in _items(data, section):
        default = default_name(one) if section == "sources" else None
        if isinstance(name := one.get("name", default), str):
            yield index, name


def _duplicate_names(data: Mapping[str, Any], section: str) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for index, name in _names(data, section):
        if name in first:
            message = f"duplicate name '{name}', first in {section}[{first[name]}]"
            yield Fault(trail=(section, index, "name"), message=message)
        first.setdefault(name, index)


def _dangling_references(data: Mapping[str, Any], section: str) -> Iterator[Fault]:
    known = dict.fromkeys(name for _, name in _names(data, section))
    if section == "sources" and section not in data:
        known = {EVENTS_NAME: None}
    for route, written in _items(data, "routes"):
        names = written.get(section)
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name not in known:
                message = f"no such {section[:-1]} '{name}'{did_you_mean(name, known)}"
                trail: Trail = ("routes", route, section, index)
                yield Fault(trail=trail, message=message)


def _bad_filters(data: Mapping[str, Any]) -> Iterator[Fault]:
    events = data.get("events")
    given = events.get("extensions") if isinstance(events, dict) else None
    extensions = given if isinstance(given, dict) else {}
    work = 0
    for route, written in _items(data, "routes"):
        filters = written.get("filters")
        for index, one in enumerate(filters if isinstance(filters, list) else ()):
            if isinstance(one, dict):
                work += sum(weight(pattern) for pattern in _patterns(one))
                if work > _MOST_WORK:
                    message = "expected fewer or smaller regexes in the whole document"
                    yield Fault(trail=("routes", route, "filters"), message=message)
                    return
                yield from _bad_filter(
                    one, ("routes", route, "filters", index), extensions
                )


def _patterns(spec: object) -> Iterator[str]:
    """Yield all texts at or below a key `regex`, whatever is wrong with the filter."""
    match spec:
        case dict():
            for key, value in spec.items():
                texts = value.values() if isinstance(value, dict) else ()
                if key == "regex":
                    yield from (text for text in texts if isinstance(text, str))
                yield from _patterns(value)
        case list():
            for one in spec:
                yield from _patterns(one)
        case _:
            return


def _bad_filter(
    spec: dict[str, Any], trail: Trail, extensions: Mapping[str, object]
) -> Iterator[Fault]:
    try:
        compile_filters([spec])
    except FilterError as error:
        yield Fault(trail=(*trail, *error.path[1:]), message=str(error))
    else:
        yield from check_names(spec, trail, extensions)


def _bad_selectors(data: Mapping[str, Any], section: str, key: str) -> Iterator[Fault]:
    for index, one in _items(data, section):
        if not isinstance(selector := one.get(key), str):
            continue
        try:
            compile_labels(selector)
        except FilterError as error:
            yield Fault(trail=(section, index, key), message=str(error))


def _two_spellings(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Refuse Events by both of their names [informer D3]."""
    sources = [(index, Target.of(one)) for index, one in _items(data, "sources")]
    events = [(index, one) for index, one in sources if one.is_events]
    for index, one in events:
        if one.group != events[0][1].group:
            first = f"of {_api(events[0][1])}, as sources[{events[0][0]}] does"
            message = (
                f"expected Events {first}, got those of {_api(one)}: they are the "
            )
            message += "same, so each would come twice"
            yield Fault(trail=("sources", index), message=message)


def _api(events: Target) -> str:
    return f"'{events.group}'" if events.group else "'v1'"


def _is_reached(data: Mapping[str, Any], sink: str) -> bool:
    routes = [route for _, route in _items(data, "routes")]
    targets = [route.get("sinks") for route in routes]
    return not routes or any(names is None or sink in names for names in targets)
