"""Their tree of routes and ours send each event to the same receivers."""

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.text import read_document
from bridge.events import CloudEvent
from bridge.filters.routes import Router
from bridge.filters.settings import RouteConfig
from bridge.migrate import ConversionReport, convert
from bridge.migrate.reading import Section
from bridge.migrate.routes import RouteConverter
from bridge.migrate.writing import Comment
from tests.unit.migrate.exporter_model import receivers_of

pytestmark = pytest.mark.timeout(120)

RECEIVERS = ["a", "b", "c"]
TEXTS = st.sampled_from(["", "Pod", "Node", "kube-system", "shop", "x\ny", "Pod test"])
PATTERNS = st.sampled_from(
    ["Pod", "Pod|Node", "^$", ".*", "^shop$", "*test*", "(?i)pod", "[^P]", "^.*$", "o+"]
)
NUMBERS = st.integers(0, 4)
FIELDS = ["message", "apiVersion", "kind", "namespace", "reason", "type", "component"]
RULES = st.builds(
    lambda texts, rest, receiver: {**texts, **rest, **receiver},
    st.dictionaries(st.sampled_from([*FIELDS, "host"]), PATTERNS, max_size=2),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries(
            {"labels": st.dictionaries(st.sampled_from(["app", "a.b/c"]), PATTERNS)}
        ),
        st.fixed_dictionaries({"annotations": st.fixed_dictionaries({"n": PATTERNS})}),
        st.fixed_dictionaries({"minCount": NUMBERS}),
        st.just({"nmae": "a typo"}),
    ),
    st.sampled_from([{}, *({"receiver": one} for one in [*RECEIVERS, "nobody"])]),
)
ROUTES = st.recursive(
    st.fixed_dictionaries(
        {"match": st.lists(RULES, min_size=1, max_size=3)},
        optional={"drop": st.lists(RULES, max_size=1)},
    ),
    lambda inner: st.fixed_dictionaries(
        {"routes": st.lists(inner, max_size=3)},
        optional={
            "drop": st.lists(RULES, max_size=2),
            "match": st.lists(RULES, max_size=2),
        },
    ),
    max_leaves=4,
)
TEXT_MAPS = st.dictionaries(st.sampled_from(["app", "a.b/c", "n"]), TEXTS)
EVENTS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries({"namespace": TEXTS}),
        "involvedObject": st.fixed_dictionaries(
            {},
            optional={
                **dict.fromkeys(["apiVersion", "kind"], TEXTS),
                **dict.fromkeys(["labels", "annotations"], TEXT_MAPS),
            },
        ),
        "source": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["component", "host"], TEXTS)
        ),
    },
    optional={**dict.fromkeys(["message", "reason", "type"], TEXTS), "count": NUMBERS},
)


def theirs(route: dict[str, Any]) -> str:
    """Return a file of theirs with a tree of routes."""
    receivers = [
        {"name": name, "webhook": {"endpoint": f"http://{name}/", "layout": {"k": "v"}}}
        for name in RECEIVERS
    ]
    return yaml.safe_dump({"route": route, "receivers": receivers})


def ours(route: dict[str, Any], *, has_lookup: bool = True) -> Router:
    """Return our router for a tree of routes."""
    converter = RouteConverter(
        ConversionReport(name="theirs.yaml"),
        sinks={name: name for name in RECEIVERS},
        receivers=frozenset(RECEIVERS),
        has_lookup=has_lookup,
    )
    root = read_document(json.dumps(route), name="theirs.yaml").root
    made = converter.convert(Section(root, 1, "route"))
    routes = [RouteConfig.model_validate(_without_comments(one)) for one in made]
    return Router.of(routes, sinks=tuple(RECEIVERS))


def _without_comments(route: dict[str, Any]) -> dict[str, Any]:
    return {key: one for key, one in route.items() if not isinstance(key, Comment)}


def chosen(router: Router, data: dict[str, Any]) -> set[str]:
    """Return the sinks that get an Event."""
    raw = msgspec.json.encode(data)
    event = CloudEvent(id="1", source="/", type="t", data=raw)
    return set(router.choose(event, sources=("events",)).sinks)


@settings(max_examples=150, deadline=None)
@given(route=ROUTES, events=st.lists(EVENTS, min_size=1, max_size=25))
def test_the_same_receivers_for_each_event(route, events):
    """As a model of theirs says; ours sends once where theirs sends twice."""
    router = ours(route)

    for event in events:
        expected = set(receivers_of(route, event)) - {"nobody"}
        assert chosen(router, event) == expected, json.dumps([route, event])


@settings(max_examples=40, deadline=None)
@given(route=ROUTES, events=st.lists(EVENTS, min_size=1, max_size=25))
def test_without_lookups_labels_never_match(route, events):
    """As theirs, which then knows no labels."""
    router = ours(route, has_lookup=False)

    for event in events:
        known = event["involvedObject"] | {"labels": {}, "annotations": {}}
        bare = event | {"involvedObject": known}
        assert chosen(router, bare) == set(receivers_of(route, bare)) - {"nobody"}


def report(route: dict[str, Any]) -> str:
    """Return the report on a tree of routes."""
    return "\n".join(convert(theirs(route), name="theirs.yaml").report.lines())


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ({"match": [{"receiver": "a"}, {"receiver": "a"}]}, ["b"]),
        ({"drop": [{"nmae": "x"}], "match": [{"receiver": "a"}]}, ["nmae: is ignored"]),
        ({"drop": [{}], "match": [{"receiver": "a"}]}, ["drops every event"]),
        ({"match": [{"receiver": "nobody"}]}, ["there is no receiver 'nobody'"]),
        (
            {"match": [{"kind": "*test*", "receiver": "a"}]},
            ["never matches", "'test' anywhere"],
        ),
        (
            {"match": [{"kind": "$KIND", "receiver": "a"}]},
            ["expanded there from the environment (KIND)"],
        ),
        ({"match": [{"minCount": "3", "receiver": "a"}]}, ["expected a number"]),
        ({"match": [{"match": [{"kind": "Pod"}]}]}, ["a rule within a rule"]),
    ],
)
def test_what_is_odd_is_told(route, expected):
    """Nothing is left out or ignored in silence."""
    said = report(route)

    assert all(one in said for one in expected), said


def test_two_ways_to_one_receiver_are_told():
    """There the event is sent twice."""
    route = {
        "match": [{"kind": "Pod", "receiver": "a"}, {"type": "W", "receiver": "a"}]
    }

    assert "sent twice there, and once here" in report(route)
