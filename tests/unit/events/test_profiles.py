"""Triggers written for ApiServerSource keep matching, in either of its modes."""

import json
from dataclasses import replace

import pytest
from msgspec.structs import replace as altered

from bridge.events.convert import convert
from bridge.events.origin import Origin
from tests.unit.events.samples import RECORDED_TIME, watched

OURS = Origin(cluster="prod")
KNATIVE = Origin(cluster="prod", profile="knative", source="https://10.96.0.1:443")


def converted(change, origin=KNATIVE):
    """Return the event of a change in the knative profile."""
    return convert(change, origin=origin, recorded=RECORDED_TIME)


@pytest.mark.parametrize(
    ("change", "verb"),
    [("added", "add"), ("modified", "update"), ("deleted", "delete")],
)
def test_knative_types_name_the_operation(change, verb):
    """The operation is in the type alone."""
    pod = altered(watched("pods")["huge"], change=change)

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


@pytest.mark.parametrize(
    ("change", "verb"),
    [("added", "add"), ("modified", "update"), ("deleted", "delete")],
)
def test_knative_references_are_those_of_reference_mode(change, verb):
    """Type and body, byte for byte; all else is as in Resource mode."""
    pod = altered(watched("pods")["huge"], change=change)

    event = converted(pod, replace(KNATIVE, data="reference"))

    body = b'{"kind":"Pod","namespace":"default","name":"huge","apiVersion":"v1"}'
    expected = altered(converted(pod), type=f"dev.knative.apiserver.ref.{verb}")
    assert event == altered(expected, data=body)


def test_knative_reference_without_a_namespace_has_none():
    """As ApiServerSource sends it of a cluster-scoped object."""
    event = converted(watched("nodes")["node-0"], replace(KNATIVE, data="reference"))

    assert event.data == b'{"kind":"Node","name":"node-0","apiVersion":"v1"}'


@pytest.mark.parametrize(
    ("file", "name", "reference"),
    [
        ("nodes", "node-0", ("v1", "Node", "node-0", None)),
        ("events-core", "series.1", ("v1", "Event", "series.1", "shop")),
    ],
)
def test_our_references_name_a_version(file, name, reference):
    """Of the changed object: who asks for it can tell whether it has moved on."""
    change = watched(file)[name]
    whole = convert(change, origin=OURS, recorded=RECORDED_TIME)

    event = converted(change, replace(OURS, data="reference"))

    keys = ("apiVersion", "kind", "name", "namespace")
    expected = dict(zip(keys, reference, strict=True)) | {
        "uid": json.loads(change.object)["metadata"]["uid"],
        "resourceVersion": change.resource_version,
    }
    told = {key: value for key, value in expected.items() if value}
    assert json.loads(event.data) == told
    assert event == altered(whole, data=event.data)
