"""What `validate` says is what the file says (issue 10, item 16)."""

import pytest

from bridge.cli.summary import summarize
from bridge.config import parse_config

HOOK = "sinks: [{name: hook, url: 'http://h'}]\n"


def lines(text):
    """Return what a person reads of a configuration."""
    return list(summarize(parse_config(text, name="bridge.yaml", env={})))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{}", ["source events: Event in all namespaces"]),
        (
            "{resource: widgets.example.com, namespaceSelector: x=y}",
            ["source widgets: widgets.example.com in namespaces with x=y"],
        ),
        (
            "{apiVersion: apps/v1, kind: Deployment, namespaces: [a, b]}",
            ["source deployment: Deployment of apps/v1 in a, b"],
        ),
        (
            "{fieldSelector: type=Warning, labelSelector: 'a in (b, c)'}",
            [
                "source events: Event in all namespaces",
                "  fieldSelector: type=Warning",
                "  labelSelector: a in (b, c)",
            ],
        ),
        (
            "{kind: Pod, changes: [deleted], initial: emit, resync: 10m}",
            [
                "source pod: Pod in all namespaces",
                "  changes: [deleted]",
                "  initial: emit",
                "  resync: 10m",
            ],
        ),
        (
            "{kind: Secret, allowSecrets: true}",
            ["source secret: Secret in all namespaces", "  allowSecrets: true"],
        ),
    ],
)
def test_a_source_is_said_as_it_is_written(source, said):
    """By kind or resource, with its selectors and all that is not default (16)."""
    shown = lines(f"{HOOK}sources: [{source}]")

    assert shown[: len(said)] == said
    assert shown[len(said)].startswith("sink hook")


BREAKER = "  breaker: {failures: 70, attempts: 10, window: 1m, min: 2s, max: 1m}"


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("url: 'http://u:p@h/x?q'", ["http://***@h/x?***", BREAKER]),
        ("type: stdout", ["standard output", BREAKER]),
        ("url: 'http://h', breaker: 'off'", ["http://h", "  breaker: off"]),
        ("url: 'http://h', breaker: {min: 9s}", [BREAKER.replace("2s", "9s")]),
        ("url: 'http://h', retry: {backoffPolicy: linear}", ["  breaker: off"]),
        ("url: 'http://h', ordering: sink", ["  ordering: sink, as configured"]),
        ("url: 'http://h', timeout: 3s, mode: binary", ["timeout: 3s", "mode: binary"]),
        ("url: 'http://h', knative: true", ["  knative: true"]),
        ("url: 'http://h', headers: {X-A: secret}", ["  headers: {X-A: ***}"]),
        ("url: 'http://h', auth: {bearer: {env: T}}", ["auth: {bearer: {env: T}}"]),
    ],
)
def test_a_sink_is_said_with_what_is_in_force(sink, said):
    """Its breaker and its order, written or not, and no secret (item 16)."""
    shown = "\n".join(lines(f"sinks: [{{name: a, {sink}}}]"))

    assert all(one in shown for one in said)
    assert "secret" not in shown


def test_a_preset_is_one_line():
    """What goes without saying beside it is not repeated (item 16)."""
    shown = lines("sinks: [{name: a, url: 'http://h', knative: true, concurrency: 9}]")

    assert [line for line in shown if line.startswith("  ")] == [
        "  ordering: none, for it gets Kubernetes Events alone",
        BREAKER,
        "  concurrency: 9",
        "  knative: true",
    ]


def test_a_route_is_said_with_its_labels_and_filters():
    """From where, along what, and to where (item 16)."""
    route = "{name: r, sources: [events], labels: app=web, filters: [{exact: {reason: "
    route += "[A, 'b c', '1']}}, {not: {min: {count: 3}}}], sinks: [hook]}"

    shown = lines(f"{HOOK}routes: [{route}, {{name: s}}]")

    assert shown[4:11] == [
        "route r: 2 filters, to hook",
        "  from: events",
        "  labels: app=web",
        "  filter 1: {exact: {reason: [A, b c, 1]}}",
        "  filter 2: {not: {min: {count: 3}}}",
        "route s: 0 filters, to all sinks",
        "  from: all sources",
    ]


def test_other_sections_are_said_where_they_differ():
    """And the queue always (item 16)."""
    shown = lines(f"{HOOK}server: {{port: 9}}\nqueue: {{path: /q.db, maxSize: 2GiB}}\n")

    assert shown[-4:] == [
        "no routes: every event to every sink",
        "queue /q.db, at most 2GiB",
        "server",
        "  port: 9",
    ]


def test_nothing_that_a_terminal_obeys_is_printed():
    """Whatever was written (items 16 and 38)."""
    text = HOOK + 'routes: [{name: r, filters: [{exact: {reason: "\\e[31m\\n"}}]}]'

    assert all(line.isprintable() for line in lines(text))
