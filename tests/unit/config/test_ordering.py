"""Which order a sink asks for when nothing is written (issue 10, item 28)."""

import pytest

from bridge.config import describe, explain_orderings, orderings_of, parse_config
from tests.unit.cli.conftest import invoke

SINKS = "sinks: [{name: a, type: stdout}, {name: b, type: stdout}]\n"
PODS = "{kind: Pod}"
EVENTS = "{}"


def config_of(*sources, routes="[]", sinks=SINKS):
    """Return a configuration."""
    text = f"{sinks}sources: [{', '.join(sources)}]\nroutes: {routes}\n"
    return parse_config(text, name="b.yaml", env={})


@pytest.mark.parametrize(
    ("sources", "routes", "expected"),
    [
        ([EVENTS], "[]", ("none", "none")),
        (["{apiVersion: events.k8s.io/v1, kind: Event}"], "[]", ("none", "none")),
        (["{resource: events}"], "[]", ("none", "none")),
        ([PODS], "[]", ("object", "object")),
        ([EVENTS, PODS], "[]", ("object", "object")),
        (["{apiVersion: x.example/v1, kind: Event, name: x}"], "[]", ("object",) * 2),
        ([EVENTS, PODS], "[{name: r}]", ("object", "object")),
        ([EVENTS, PODS], "[{name: r, sinks: [a]}]", ("object", "none")),
        ([EVENTS, PODS], "[{name: r, sources: [events]}]", ("none", "none")),
        (
            [EVENTS, PODS],
            "[{name: r, sources: [events]}, {name: p, sources: [pod], sinks: [b]}]",
            ("none", "object"),
        ),
        ([EVENTS], "[{name: r}]", ("none", "none")),
    ],
)
def test_a_sink_that_gets_changes_of_resources_is_in_order(sources, routes, expected):
    """One that gets Kubernetes Events alone is not."""
    orderings = orderings_of(config_of(*sources, routes=routes))

    assert (orderings["a"], orderings["b"]) == expected


def test_what_is_written_wins():
    """In both directions."""
    written = "sinks: [{name: a, type: stdout, ordering: none}"
    written += ", {name: b, type: stdout, ordering: sink}]\n"

    config = config_of(PODS, sinks=written)

    assert dict(orderings_of(config)) == {"a": "none", "b": "sink"}


def test_the_effective_order_is_shown_with_its_reason():
    """By the API, and by `validate`."""
    sinks = SINKS.replace("stdout}]", "stdout, ordering: sink}]")
    config = config_of(EVENTS, PODS, routes="[{name: r, sinks: [a]}]", sinks=sinks)

    assert [one["ordering"] for one in describe(config)["sinks"]] == ["object", "sink"]
    assert list(explain_orderings(config)) == [
        "ordering of sink a: object, for source pod brings changes of resources",
        "ordering of sink b: sink, as configured",
    ]
    assert next(iter(explain_orderings(config_of(EVENTS)))).endswith(
        "none, for it gets Kubernetes Events alone"
    )


def test_validate_says_which_and_why(tmp_path):
    """In its text."""
    path = tmp_path / "b.yaml"
    path.write_text(f"{SINKS}sources: [{PODS}]\n")

    result = invoke("validate", "-c", str(path))

    assert "sink a: object, for source pod brings changes of resources" in result.stdout
