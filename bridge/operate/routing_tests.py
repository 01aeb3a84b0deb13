"""Runs the routing tests of a configuration: an event in, sinks and bodies out."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import msgspec

from bridge.errors import KubebridgeError
from bridge.events.encode import encode
from bridge.ingest.build import IngestSettings
from bridge.operate.explain import EventExplanation, FilterExplanation, explain_event
from bridge.operate.render import render_request
from bridge.operate.sample import GivenEvent, read_event
from bridge.operate.settings import RoutingTestConfig
from bridge.sinks.settings import AnySinkConfig


class RoutingTestResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one routing test.

    Attributes:
        name: As in the configuration.
        problems: One line for each difference; empty: it passed.
    """

    name: str
    problems: tuple[str, ...]


def run_routing_test(
    test: RoutingTestConfig,
    *,
    settings: IngestSettings,
    sinks: Sequence[AnySinkConfig],
    recorded: str,
) -> RoutingTestResult:
    """Return what differs from what a test expects; nothing is sent.

    Args:
        test: The event, and what is expected.
        settings: Sources, routes and forms.
        sinks: All sinks.
        recorded: The time of reading, RFC 3339.
    """
    try:
        given = read_event(test.event, settings=settings, recorded=recorded)
    except KubebridgeError as error:
        return RoutingTestResult(name=test.name, problems=(f"event: {error}",))
    names = tuple(one.name for one in sinks)
    found = explain_event(given, settings.routes, sinks=names)
    by_name = {one.name: one for one in sinks}
    problems = [
        *_other_sinks(test, found),
        *(
            problem
            for name in found.sinks
            for problem in _other_body(test, by_name[name], given, settings)
        ),
    ]
    return RoutingTestResult(name=test.name, problems=tuple(problems))


def _other_sinks(test: RoutingTestConfig, found: EventExplanation) -> Iterator[str]:
    """Yield how the sinks differ, and for each one that does why."""
    expected, got = set(test.expect.sinks), set(found.sinks)
    if expected == got:
        return
    yield f"sinks: expected {_listed(expected)}, got {_listed(got)}"
    for route in found.routes:
        if route.matched:
            more = got.intersection(route.sinks) - expected
            if more:
                yield f"  {_listed(more)}: route {route.name} takes the event"
        elif missing := (expected - got).intersection(route.sinks):
            for why in _unmet(route.conditions):
                yield f"  {_listed(missing)}: route {route.name}: {why}"


def _unmet(conditions: Sequence[FilterExplanation]) -> Iterator[str]:
    """Yield the innermost conditions that are not met."""
    for one in conditions:
        if one.matched:
            continue
        if one.parts and one.text != "not":
            yield from _unmet(one.parts)
        elif one.parts:
            yield f"not ({one.parts[0].text})"
        else:
            yield one.text


def _other_body(
    test: RoutingTestConfig,
    sink: AnySinkConfig,
    given: GivenEvent,
    settings: IngestSettings,
) -> Iterator[str]:
    event = encode(given.form(settings.forms[sink.name]))
    try:
        got = render_request(sink, event).tree
    except KubebridgeError as error:
        yield f"bodies.{sink.name}: {error}"
        return
    bodies = test.expect.bodies
    if sink.name in bodies:
        yield from _differences(bodies[sink.name], got, f"bodies.{sink.name}")


def _differences(expected: Any, got: Any, place: str) -> Iterator[str]:
    match expected, got:
        case dict(), dict():
            for key, value in expected.items():
                where = f"{place}.{key}"
                if key in got:
                    yield from _differences(value, got[key], where)
                else:
                    yield f"{where}: expected {_shown(value)}, got nothing"
        case list(), list() if len(expected) == len(got):
            for index, (one, other) in enumerate(zip(expected, got, strict=True)):
                yield from _differences(one, other, f"{place}[{index}]")
        case _:
            if not _are_equal(expected, got):
                yield f"{place}: expected {_shown(expected)}, got {_shown(got)}"


def _are_equal(one: Any, other: Any) -> bool:
    # To Python true is 1, to JSON it is not.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
