"""Why a route takes an event, or does not."""

import pytest
from hypothesis import given as generated
from hypothesis import settings, strategies

from bridge.filters.routes import Router
from bridge.filters.settings import RouteConfig
from bridge.filters.subscriptions import compile_filters
from bridge.operate.explain import explain_event, explain_filter
from tests.unit.operate.dry import configured, given, sample

SINKS = "sinks: [{name: a, type: stdout}, {name: b, type: stdout}]\n"
EVENT = given(configured(SINKS)).event


def explained(routes, event=None):
    """Return where an event goes along some routes."""
    config = configured(f"{SINKS}routes: {routes}")
    return explain_event(
        given(config, event or sample()), config.routes, sinks=("a", "b")
    )


@pytest.mark.parametrize(
    ("spec", "matched", "text"),
    [
        ({"exact": {"reason": "A"}}, False, "reason: expected 'A', got 'BackOff'"),
        ({"exact": {"reason": ["A", "B"]}}, False, "expected one of 'A', 'B', got"),
        ({"exact": {"reason": ["A"]}}, False, "exact reason: expected 'A', got"),
        ({"prefix": {"kind": "P"}}, True, "expected a text that begins with 'P'"),
        ({"suffix": {"action": "P"}}, False, "a text that ends with 'P', got none"),
        ({"regex": {"data.message": "x$"}}, False, "expected a text with 'x$', got"),
        ({"min": {"count": 8}}, False, "min count: expected at least 8, got 7"),
        ({"max": {"data.count": 7.5}}, True, "expected at most 7.5, got 7"),
        ({"max": {"reason": 1}}, False, "expected at most 1, got 'BackOff'"),
        ({"when": "object.count > 7"}, False, "object.count > 7: not true"),
        ({"when": "object.count"}, True, "when object.count: true, got 7"),
        ({"when": "object.count + 'a'"}, False, "fails: InvalidOperation"),
        ({"not": {"exact": {"kind": "Node"}}}, True, "not"),
        ({"exact": {"kind": "Pod", "reason": "A"}}, False, "exact: 1 of 2 match"),
    ],
)
def test_a_filter_says_what_it_expected_and_got(spec, matched, text):
    """In the words of its dialect."""
    found = explain_filter(spec, EVENT)

    assert found.matched is matched
    assert text in found.text


def test_long_values_are_cut():
    """An event may have megabytes."""
    event = given(configured(SINKS), sample(message="x" * 1000)).event

    found = explain_filter({"exact": {"data.message": "y"}}, event)

    assert len(found.text) < 400
    assert found.text.endswith("…")


_TERMS = strategies.sampled_from(
    [
        {"exact": {"reason": "BackOff"}},
        {"exact": {"reason": "BackOff", "kind": "Node"}},
        {"min": {"count": 8}},
        {"regex": {"data.message": "web"}},
        {"when": "object.count > 3"},
        {"when": "object.count + 'x'"},
    ]
)
_FILTERS = strategies.recursive(
    _TERMS,
    lambda inner: (
        strategies.builds(lambda one: {"not": one}, inner)
        | strategies.builds(
            lambda name, some: {name: some},
            strategies.sampled_from(["all", "any"]),
            strategies.lists(inner, min_size=1, max_size=3),
        )
    ),
    max_leaves=8,
)


@settings(deadline=None)
@generated(strategies.lists(strategies.lists(_FILTERS, max_size=2), max_size=4))
def test_an_explanation_and_the_router_agree(routes):
    """Whatever is combined: the same sinks in the same order."""
    names = ("a", "b")
    written = [
        RouteConfig(name=f"r{n}", filters=tuple(some), sinks=(names[n % 2],))
        for n, some in enumerate(routes)
    ]
    event = given(configured(SINKS))

    found = explain_event(event, written, sinks=names)

    router = Router.of(written, sinks=names)
    assert found.sinks == router.choose(event.event, sources=event.sources).sinks


@settings(deadline=None)
@generated(_FILTERS)
def test_an_explanation_and_the_compiled_filter_agree(spec):
    """Whatever is combined."""
    assert explain_filter(spec, EVENT).matched is compile_filters([spec])(EVENT)


def test_a_route_takes_what_meets_all_its_conditions():
    """Sources, filters and labels."""
    route = "{name: r, sources: [events], labels: app=web, sinks: [b]}"
    about = {"kind": "Pod", "name": "web", "labels": {"app": "web"}}

    found = explained(f"[{route}]", sample(involvedObject=about))
    without = explained(f"[{route}]")

    assert found.sinks == ("b",)
    assert found.routes[0].matched
    assert without.sinks == ()
    assert [one.matched for one in without.routes[0].conditions] == [True, False]


def test_an_event_that_no_source_reads_goes_nowhere():
    """Also without routes."""
    config = configured(f"{SINKS}sources: [{{kind: Pod}}]")

    found = explain_event(given(config), config.routes, sinks=("a", "b"))

    assert found.sinks == found.sources == ()
    assert not found.routes[0].matched
    assert "none that reads such events" in found.routes[0].conditions[0].text


def test_without_routes_every_event_goes_to_every_sink():
    """By a route that is called all."""
    found = explained("[]")

    assert found.sinks == ("a", "b")
    assert [(one.name, one.matched, one.conditions) for one in found.routes] == [
        ("all", True, ())
    ]
