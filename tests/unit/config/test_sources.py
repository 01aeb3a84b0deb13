"""What a source names, and which defaults follow from it."""

import json

import pytest

from bridge.config import describe, parse_config
from bridge.ingest.settings import EnrichConfig, SourceConfig
from tests.unit.config.faults import HOOK, NOTHING, faults


def source(text: str) -> SourceConfig:
    """Return the only source of a document that has this one."""
    config = parse_config(f"{HOOK}sources: [{text}]", name="b.yaml", env=NOTHING)
    [only] = config.sources
    return only


@pytest.mark.parametrize(
    ("text", "name", "version", "kind", "resource"),
    [
        ("{}", "events", "v1", "Event", None),
        ("{kind: null, apiVersion: null}", "events", "v1", "Event", None),
        ("{apiVersion: events.k8s.io/v1}", "events", "events.k8s.io/v1", "Event", None),
        (
            "{resource: events.events.k8s.io}",
            "events",
            None,
            None,
            "events.events.k8s.io",
        ),
        ("{kind: Pod}", "pod", "v1", "Pod", None),
        ("{kind: Job, apiVersion: batch/v1}", "job", "batch/v1", "Job", None),
        ("{resource: deployments.apps}", "deployments", None, None, "deployments.apps"),
        ("{resource: pods, apiVersion: v1}", "pods", "v1", None, "pods"),
        ("{kind: Event, apiVersion: a.b/v1}", "event", "a.b/v1", "Event", None),
        ("{name: mine, resource: pods}", "mine", None, None, "pods"),
    ],
)
def test_a_source_names_its_kind_in_one_way(text, name, version, kind, resource):
    """Kind and apiVersion have defaults, a resource stands for both."""
    one = source(text)

    found = (one.name, one.api_version, one.kind, one.resource)
    assert found == (name, version, kind, resource)


@pytest.mark.parametrize(
    ("text", "group", "is_events", "is_secrets"),
    [
        ("{}", "", True, False),
        ("{resource: events.events.k8s.io}", "events.k8s.io", True, False),
        ("{kind: Event, apiVersion: a.b/v1}", "a.b", False, False),
        ("{resource: events.a.b}", "a.b", False, False),
        ("{kind: Secret, allowSecrets: true}", "", False, True),
        ("{resource: secrets, allowSecrets: true}", "", False, True),
        ("{resource: secrets.a.b}", "a.b", False, False),
    ],
)
def test_a_source_knows_events_and_secrets(text, group, is_events, is_secrets):
    """Only kinds of Kubernetes' own groups are meant, whatever others are called."""
    target = source(text).target

    found = (target.group, target.is_events, target.is_secrets)
    assert found == (group, is_events, is_secrets)


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("{}", ("added", "modified")),
        ("{changes: [added]}", ("added",)),
        ("{resource: events}", ("added", "modified")),
        ("{kind: Pod}", ("added", "modified", "deleted")),
        ("{kind: Pod, changes: [deleted]}", ("deleted",)),
    ],
)
def test_all_changes_become_events_by_default(text, changes):
    """Kubernetes Events are not deleted, they expire."""
    assert source(text).changes == changes


@pytest.mark.parametrize(
    ("text", "ignored"),
    [
        ("", ["status"]),
        (", ignore: [status, spec]", ["status", "spec"]),
        (""", ignore: ['metadata["labels"]["a.b/c"]']""", ['metadata.labels["a.b/c"]']),
        (", ignore: []", []),
    ],
)
def test_what_changes_with_everything_is_never_relevant(text, ignored):
    """A path of one's own would have no effect if a new version were relevant."""
    one = source(f"{{kind: Pod, updates: relevant{text}}}")

    always = ("managedFields", "resourceVersion", "generation")
    assert one.ignore == (*ignored, *(f"metadata.{name}" for name in always))


def test_a_source_that_compares_nothing_ignores_nothing():
    """The list shows what happens, so it is empty where updates are not compared."""
    assert source("{kind: Pod}").ignore == ()


def test_nothing_is_added_unless_it_is_asked_for():
    """Each kind that is looked up is a watch and a permission more."""
    assert source("{}").enrich is None
    assert source("{enrich: {}}").enrich == EnrichConfig(
        labels=False,
        annotations=(),
        owner=False,
        kinds=(
            *("Pod", "ReplicaSet", "Deployment", "StatefulSet", "DaemonSet"),
            *("Job", "CronJob"),
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "sources: [{}, {kind: Pod}, {resource: deployments.apps, updates: relevant}]",
        "sources: [{kind: Pod, previous: true, resync: 1h, changes: [deleted]}]",
        "sources: [{resource: secrets, allowSecrets: true, namespaceSelector: 'a=b'}]",
        "sources: [{enrich: {labels: true, annotations: [a.b/c], kinds: [Pod]}}]",
        "routes: [{name: r, labels: 'app in (web, api),!old'}]",
    ],
)
def test_what_describe_shows_of_sources_is_a_configuration_again(text):
    """Every key is shown, and means the same when it is read again."""
    config = parse_config(HOOK + text, name="b.yaml", env=NOTHING)
    shown = describe(config)
    del shown["sinks"][0]["batch"]  # stands only beside mode batch

    again = describe(parse_config(json.dumps(shown), name="b.yaml", env=NOTHING))

    del again["sinks"][0]["batch"]
    assert again == shown


def test_several_kinds_have_names_of_their_own():
    """Routes can name sources that were not given a name."""
    text = "sources: [{}, {kind: Pod}, {resource: nodes}]\n"
    text += "routes: [{name: r, sources: [events, pod, nodes]}]"

    assert faults(HOOK + text) == []


def test_a_kind_that_is_no_name_gives_one_fault():
    """What follows from a fault is no fault of its own."""
    [fault] = faults(f"{HOOK}sources: [{{kind: -}}, {{kind: Event}}]")

    assert "sources[0].kind" in fault
