"""Filters that can never match are found before anything runs (issue 10, item 14)."""

import json

import pytest

from bridge.config import describe, parse_config
from tests.unit.config.faults import HOOK, NOTHING, faults


def warnings(filters, *, sources="[{}]", of="null", more=""):
    """Return what is said of a route with these filters, without its place."""
    text = f"{HOOK}{more}sources: {sources}\n"
    text += f"routes: [{{name: r, sources: {of}, filters: {filters}}}]\n"
    config = parse_config(text, name="bridge.yaml", env=NOTHING)
    return [line.partition("routes[0].filters")[2] for line in config.warnings]


EVENT_TYPES = "'io.kubebridge.event.normal.v1', 'io.kubebridge.event.warning.v1'"
PODS = "[{kind: Pod}]"
BEFORE = "[{kind: Pod, previous: true}]"
NEW = "[{apiVersion: events.k8s.io/v1}]"


@pytest.mark.parametrize(
    ("sources", "filters", "warning"),
    [
        (
            "[{}]",
            "[{exact: {type: Warning}}]",
            (
                "[0].exact.type: never matches: in events of source "
                f"'events' 'type' is one of {EVENT_TYPES}"
            ),
        ),
        (
            "[{}]",
            "[{not: {regex: {severitytext: (?i)error}}}]",
            (
                "[0].not.regex.severitytext: never matches: in events of source "
                "'events' 'severitytext' is one of 'INFO', 'WARN'"
            ),
        ),
        (
            "[{}]",
            "[{min: {severitynumber: 14}}]",
            (
                "[0].min.severitynumber: never matches: in events of source "
                "'events' 'severitynumber' is one of '13', '9'"
            ),
        ),
        (
            "[{}]",
            "[{exact: {specversion: '2.0'}}]",
            (
                "[0].exact.specversion: never matches: in events of source "
                "'events' 'specversion' is one of '1.0'"
            ),
        ),
        (
            PODS,
            "[{any: [{exact: {reason: [A, B]}}, {exact: {kind: Pod}}]}]",
            (
                "[0].any[0].exact.reason: never matches: events of source 'pod' have "
                "no attribute 'reason'"
            ),
        ),
        (
            "[{kind: Pod, changes: [added]}]",
            "[{suffix: {type: deleted.v1}}]",
            (
                "[0].suffix.type: never matches: in events of source 'pod' 'type' is "
                "one of 'io.kubebridge.resource.added.v1'"
            ),
        ),
        (
            "[{}]",
            "[{prefix: {data.mesage: x}}]",
            (
                '[0].prefix["data.mesage"]: never matches: the Events of source '
                "'events' have no field 'mesage', did you mean 'message'?"
            ),
        ),
        (
            NEW,
            "[{prefix: {data.message: x}}]",
            (
                '[0].prefix["data.message"]: never matches: the Events of source '
                "'events' have no field 'message', did you mean 'note'?"
            ),
        ),
        (
            "[{}]",
            "[{exact: {'data.involvedObject.labels.app': x}}]",
            (
                '[0].exact["data.involvedObject.labels.app"]: never matches: source '
                "'events' has no enrich.labels"
            ),
        ),
        (
            PODS,
            "[{exact: {data.metadata.labels.example.com/team: x}}]",
            (
                '[0].exact["data.metadata.labels.example.com/team"]: never matches: '
                'labels are not nested, write data.metadata.labels["example.com/team"]'
            ),
        ),
        (
            BEFORE,
            "[{exact: {data.spec.nodeName: x}}]",
            (
                '[0].exact["data.spec.nodeName"]: never matches: source '
                "'pod' has previous: true, so write data.object.spec"
            ),
        ),
        (
            "[{}]",
            "[{exact: {reason: A}}, {all: [{exact: {reason: [B, C]}}]}]",
            ": never match: 'reason' has one value",
        ),
        (
            "[{}, {kind: Pod}]",
            "[{exact: {reason: A}}, {all: [{prefix: {changedpaths: spec}}]}]",
            ": never match together: no source has what all of them ask for",
        ),
    ],
)
def test_a_filter_that_can_never_match_is_a_warning(sources, filters, warning):
    """With its place and the reason; the configuration is usable (item 14)."""
    assert warnings(filters, sources=sources) == [warning]


@pytest.mark.parametrize(
    ("sources", "filters"),
    [
        ("[{}]", "[{exact: {type: io.kubebridge.event.warning.v1}}]"),
        ("[{}]", "[{prefix: {type: io.kubebridge.event}}, {regex: {type: warn}}]"),
        ("[{}]", "[{max: {severitynumber: 10}}, {exact: {specversion: '1.0'}}]"),
        (
            "[{}, {kind: Pod}]",
            "[{any: [{exact: {reason: A}}, {suffix: {type: d.v1}}]}]",
        ),
        ("[{}]", "[{regex: {data.message: x}}, {not: {exact: {data.type: Normal}}}]"),
        ("[{}]", "[{exact: {data.involvedObject.owner.kind: Deployment}}]"),
        ("[{enrich: {labels: true}}]", "[{exact: {data.involvedObject.labels.a: b}}]"),
        (NEW, "[{prefix: {data.note: x}}, {exact: {data.regarding.kind: Pod}}]"),
        (PODS, "[{exact: {'data.metadata.labels[\"a/b\"]': x, data.spec.x: y}}]"),
        (BEFORE, "[{exact: {data.object.spec.nodeName: x}}]"),
        (BEFORE, "[{not: {exact: {data.previous.metadata.labels.app: x}}}]"),
        (BEFORE, "[{not: {exact: {data.previous: x}}}]"),
        ("[{kind: Pod, resync: 1h}]", "[{min: {resync: 1}}]"),
    ],
)
def test_a_filter_that_may_match_is_none(sources, filters):
    """Nothing is said where nobody can know (item 14)."""
    assert warnings(filters, sources=sources) == []


@pytest.mark.parametrize(
    "expression",
    [
        "event.reason == 'BackOff' and object.event.noe",
        "'event.noe' in object.message",
        'event.node == "event.noe"',
    ],
)
def test_an_expression_may_match(expression):
    """Texts and members of the object are no attributes."""
    filters = json.dumps([{"not": {"when": expression}}])

    assert warnings(filters) == []


def test_extensions_of_the_configuration_are_attributes():
    """With the one value that it gives them (item 14)."""
    more = "events: {extensions: {team: shop}}\ncluster: {name: prod}\n"

    fine = warnings("[{exact: {team: shop, cluster: prod}}]", more=more)
    other = warnings("[{exact: {team: web}}, {exact: {cluster: test}}]", more=more)

    assert fine == []
    assert [line.rpartition(" is one of ")[2] for line in other] == ["'shop'", "'prod'"]


def test_only_the_sources_of_a_route_are_looked_at():
    """Another source does not help it (item 14)."""
    sources = "[{}, {kind: Pod}]"

    assert warnings("[{exact: {reason: A}}]", sources=sources, of="[events]") == []
    assert len(warnings("[{exact: {reason: A}}]", sources=sources, of="[pod]")) == 1
    assert warnings("[{exact: {reason: A}}]", sources=sources, of="[]") == []


def test_a_warning_is_no_part_of_the_configuration():
    """It is not shown with it, and names line and column (item 14)."""
    text = f"{HOOK}routes:\n- name: r\n  filters: [{{exact: {{type: Warning}}}}]\n"
    config = parse_config(text, name="bridge.yaml", env=NOTHING)

    assert config.warnings[0].startswith("bridge.yaml:4:28: routes[0].filters[0].exact")
    assert "warnings" not in str(describe(config))
    assert faults(text) == []


@pytest.mark.parametrize(
    ("expression", "problems"),
    [("event.reson == 'x'", 1), ("event.reason == cluster or event.id", 0)],
)
def test_attributes_in_expressions_are_checked(expression, problems):
    """A name that no event has is told; `id` and the like are known."""
    spec = f'{{any: [{{when: "{expression}"}}]}}'

    found = faults(f"{HOOK}routes: [{{name: r, filters: [{spec}]}}]")

    assert len(found) == problems
    assert all("when: expected an attribute that events have" in one for one in found)
