"""Routing tests of a configuration."""

import json

import pytest

from bridge.config.parts import ingest_settings
from bridge.operate.routing_tests import run_routing_test
from tests.unit.config.faults import faults
from tests.unit.operate.dry import RECORDED, configured

BASE = """
sinks:
  - name: a
    url: https://h
    format: {type: template, body: {n: [1, '{{ object.count + 1 }}']}}
  - {name: b, url: https://h}
routes:
  - {name: r, filters: [{not: {exact: {reason: X}}}], sinks: [a]}
  - name: s
    filters: [{any: [{exact: {reason: X}}, {exact: {kind: Node}}]}]
    sinks: [b]
"""

TWIN = "{name: a, event: {}, expect: {sinks: []}}"


def problems(expect, event=None, base=BASE):
    """Return what a test finds wrong."""
    event = {"reason": "Y", "count": 1} if event is None else event
    test = json.dumps([{"name": "t", "event": event, "expect": expect}])
    config = configured(f"{base}tests: {test}")
    result = run_routing_test(
        config.tests[0],
        settings=ingest_settings(config),
        sinks=config.sinks,
        recorded=RECORDED,
    )
    return list(result.problems)


@pytest.mark.parametrize(
    "expect",
    [
        {"sinks": ["a"]},
        {"sinks": ["a"], "bodies": {"a": {}}},
        {"sinks": ["a"], "bodies": {"a": {"n": [1, 2]}}},
    ],
)
def test_a_test_passes(expect):
    """Keys that are not written are not compared."""
    assert problems(expect) == []


def test_other_sinks_are_told_with_the_reason():
    """Innermost filters are to blame."""
    assert problems({"sinks": ["b"]}) == [
        "sinks: expected b, got a",
        "  a: route r takes the event",
        "  b: route s: exact reason: expected 'X', got 'Y'",
        "  b: route s: exact kind: expected 'Node', got none",
    ]


def test_a_filter_under_not_is_to_blame():
    """Because it matches."""
    found = problems({"sinks": ["a"]}, {"reason": "X"})

    assert "  a: route r: not (exact reason: expected 'X', got 'X')" in found


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"n": [1, 3]}, "bodies.a.n[1]: expected 3, got 2"),
        ({"n": [True, 2]}, "bodies.a.n[0]: expected true, got 1"),
        ({"n": [1]}, "bodies.a.n: expected [1], got [1,2]"),
        ({"m": "x"}, 'bodies.a.m: expected "x", got nothing'),
        ("x", 'bodies.a: expected "x", got {"n":[1,2]}'),
    ],
)
def test_another_body_is_told_by_its_places(body, problem):
    """What was expected there, and what is there."""
    assert problems({"sinks": ["a"], "bodies": {"a": body}}) == [problem]


def test_an_event_that_cannot_be_read_fails():
    """With the reason."""
    [problem] = problems({"sinks": []}, {"kind": "Pod", "apiVersion": "v1"})

    assert problem.startswith("event: expected a CloudEvent")


def test_a_template_that_fails_is_a_problem():
    """Also without an expected body."""
    base = BASE.replace("object.count", "object.reason")

    [problem] = problems({"sinks": ["a"]}, base=base)

    assert problem.startswith("bodies.a: sink a: ")


@pytest.mark.parametrize(
    ("tests", "fault"),
    [
        ("[{name: a, event: {}, expect: {sinks: [c]}}]", "no such sink 'c'"),
        (
            "[{name: a, event: {}, expect: {sinks: [], bodies: {a: 1}}}]",
            "expected bodies of its sinks, got one of 'a'",
        ),
        (
            f"[{TWIN}, {TWIN}]",
            "duplicate name 'a', first in tests[0]",
        ),
    ],
)
def test_faults_of_tests_are_found_at_load(tests, fault):
    """With their place."""
    [line] = faults(f"{BASE}tests: {tests}")

    assert line.endswith(fault)
