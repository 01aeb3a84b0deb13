"""Check across models: names, references, filters, selectors, slots.

All of it is read from the data as written, whatever else is wrong there, so that every
fault of a document is reported at once.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.cluster.settings import Target
from bridge.config.document import Fault, Trail
from bridge.config.environment import SINK_NAME
from bridge.config.mismatches import check_names, why_unknown
from bridge.errors import FilterError
from bridge.events.validation import is_attribute_name
from bridge.filters.labels import compile_labels
from bridge.filters.regex import weight
from bridge.filters.subscriptions import compile_filters
from bridge.ingest.settings import EVENTS_NAME, default_name
from bridge.settings.model import did_you_mean

_KEY = "deadLetterSink"
_MOST_SHOWN = 20

_MOST_WORK = 300_000
"""Most that all regexes together may weigh: a second of compiling."""

_SELECTORS = (
    ("sources", "labelSelector"),
    ("sources", "namespaceSelector"),
    ("routes", "labels"),
)


def check_whole(data: Mapping[str, Any], env: Mapping[str, str]) -> Iterator[Fault]:
    """Yield faults between the parts of the document."""
    for section in ("sources", "sinks", "routes", "tests"):
        yield from _duplicate_names(data, section)
    yield from _dangling_references(data, "sources")
    yield from _dangling_references(data, "sinks")
    yield from _dangling_in_tests(data)
    yield from _bad_dead_letter_sinks(data)
    yield from _too_few_slots(data)
    yield from _bad_filters(data)
    yield from _unknown_keys(data)
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


def _dangling_in_tests(data: Mapping[str, Any]) -> Iterator[Fault]:
    known = dict.fromkeys(name for _, name in _names(data, "sinks"))
    for index, test in _items(data, "tests"):
        expect = test.get("expect")
        names = expect.get("sinks") if isinstance(expect, dict) else None
        for place, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name not in known:
                message = f"no such sink '{name}'{did_you_mean(name, known)}"
                trail: Trail = ("tests", index, "expect", "sinks", place)
                yield Fault(trail=trail, message=message)


def _bad_filters(data: Mapping[str, Any]) -> Iterator[Fault]:
    extensions, work = _extensions(data), 0
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


def _unknown_keys(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield attributes in keys of noise control that nothing sets."""
    extensions = _extensions(data)
    for route, written in _items(data, "routes"):
        for stage in ("dedup", "throttle"):
            settings = written.get(stage)
            key = settings.get("key") if isinstance(settings, dict) else None
            for index, name in enumerate(key if isinstance(key, list) else ()):
                is_name = isinstance(name, str) and is_attribute_name(name)
                if is_name and (message := why_unknown(name, extensions)):
                    trail: Trail = ("routes", route, stage, "key", index)
                    yield Fault(trail=trail, message=message)


def _extensions(data: Mapping[str, Any]) -> Mapping[str, object]:
    events = data.get("events")
    given = events.get("extensions") if isinstance(events, dict) else None
    return given if isinstance(given, dict) else {}


def _patterns(spec: object) -> Iterator[str]:
    """Yield all texts at or below a key `regex`, also of a faulty filter."""
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


def _bad_dead_letter_sinks(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield dead letter sinks that do not exist, or lead back to where they began."""
    sinks = _items(data, "sinks")
    named = [(index, one) for index, one in sinks if isinstance(one.get("name"), str)]
    known = dict.fromkeys(one["name"] for _, one in named)
    leads = {
        one["name"]: one[_KEY] for _, one in named if isinstance(one.get(_KEY), str)
    }
    circles = _circles(leads)
    for index, one in named:
        target = one.get(_KEY)
        if not isinstance(target, str):
            continue
        message = ""
        if target not in known:
            message = f"no such sink '{target}'{did_you_mean(target, known)}"
        elif circle := circles.get(one["name"]):
            way = _way(circle, one["name"])
            message = f"expected an end to dead letters, got a circle: {way}"
        if message:
            yield Fault(trail=("sinks", index, _KEY), message=message)


def _too_few_slots(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield a cap on requests that leaves some sink without one."""
    delivery, sinks = data.get("delivery"), data.get("sinks")
    most = delivery.get("concurrency") if isinstance(delivery, dict) else None
    count = len(sinks) if isinstance(sinks, list) else 0
    if type(most) is int and 0 < most < count:
        trail: Trail = ("delivery", "concurrency")
        message = f"expected at least {count}, one for each sink, got {most}"
        yield Fault(trail=trail, message=message)


def _circles(leads: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the sinks that lead back to themselves, each with its whole circle."""
    circles: dict[str, list[str]] = {}
    seen: set[str] = set()
    for start in leads:
        way: dict[str, None] = {}
        name = start
        while name in leads and name not in seen:
            seen.add(name)
            way[name] = None
            name = leads[name]
        if name in way:
            names = list(way)
            circle = names[names.index(name) :]
            circles |= dict.fromkeys(circle, circle)
    return circles


def _way(circle: list[str], name: str) -> str:
    """Return the way round, from a sink back to itself."""
    begin = circle.index(name)
    way = [*circle[begin:], *circle[:begin]]
    shown = way if len(way) <= _MOST_SHOWN else [*way[: _MOST_SHOWN - 1], "…"]
    return " → ".join((*shown, name))
