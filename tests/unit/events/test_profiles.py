"""Triggers written for ApiServerSource keep matching (its Resource mode)."""

import json
from dataclasses import replace

import pytest

from bridge.events.convert import convert
from bridge.events.origin import Origin
from tests.unit.events.samples import RECORDED_TIME, watched

KNATIVE = Origin(cluster="prod", profile="knative", source="https://10.96.0.1:443")


def converted(change):
    """Return the event of a change in the knative profile."""
    return convert(change, origin=KNATIVE, recorded=RECORDED_TIME)


@pytest.mark.parametrize(
    ("change", "verb"),
    [("added", "add"), ("modified", "update"), ("deleted", "delete")],
)
def test_knative_types_name_the_operation(change, verb):
    """The operation is in the type alone."""
    pod = replace(watched("pods")["huge"], change=change)

    assert converted(pod).type == f"dev.knative.apiserver.resource.{verb}"


def test_knative_names_the_kubernetes_event_itself():
    """Subject and the four extensions are about the changed object."""
    event = converted(watched("events-core")["series.1"])

    four = {name: event.extensions[name] for name in ("kind", "apiversion", "name")}
    assert four == {"kind": "Event", "apiversion": "v1", "name": "series.1"}
    assert event.extensions["namespace"] == "shop"
    assert event.subject == "/apis/v1/namespaces/shop/events/series.1"
    assert event.source == "https://10.96.0.1:443"


def test_knative_keeps_what_no_trigger_minds():
    """Id, time and our other extensions are as in our own profile."""
    change = watched("events-core")["series.1"]
    ours = convert(change, origin=Origin(cluster="prod"), recorded=RECORDED_TIME)

    event = converted(change)

    kept = ("reason", "action", "component", "count", "partitionkey", "severitynumber")
    assert {name: event.extensions[name] for name in kept} == {
        name: ours.extensions[name] for name in kept
    }
    assert (event.id, event.time) == (ours.id, ours.time)


def test_knative_has_an_empty_namespace_without_one():
    """Cluster-scoped: ``namespace = ''`` matches, and subject has two slashes."""
    event = converted(watched("nodes")["node-0"])

    assert event.extensions["namespace"] == ""
    assert event.subject == "/apis/v1/namespaces//nodes/node-0"


def test_knative_data_are_the_object():
    """Less managedFields, which ApiServerSource sends."""
    change = watched("deployments")["web"]

    found = json.loads(converted(change).data)

    sent = json.loads(change.object)
    del sent["metadata"]["managedFields"]
    assert found == sent
