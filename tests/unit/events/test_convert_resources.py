"""A change of any other object becomes an event about that object."""

import json
from dataclasses import replace

import pytest
from msgspec.structs import replace as altered

from bridge.cluster import Change
from tests.unit.events.samples import (
    NODES,
    RECORDED_TIME,
    converted,
    kubernetes_event,
    watched,
)

EARLIER = "2026-01-01T00:00:01Z"
LATER = "2026-01-01T00:00:03Z"


@pytest.mark.parametrize("change", ["added", "modified", "deleted"])
def test_resource_change_is_about_the_object_itself(change):
    """One filter works for Events about a Pod and for changes of it."""
    pod = altered(watched("pods")["huge"], change=change)

    event = converted(pod)

    uid = json.loads(pod.object)["metadata"]["uid"]
    assert event.type == f"io.kubebridge.resource.{change}.v1"
    assert event.subject == "default/Pod/huge"
    assert event.extensions == {
        "cluster": "prod",
        "namespace": "default",
        "kind": "Pod",
        "name": "huge",
        "apiversion": "v1",
        "uid": uid,
        "partitionkey": uid,
        "recordedtime": RECORDED_TIME,
    }


def test_resource_change_names_the_node_of_a_pod():
    """A filter for a node finds the Pods on it."""
    [pod] = [pod for name, pod in watched("pods").items() if name.startswith("web")][:1]

    assert converted(pod).extensions["node"] == "node-0"


def test_cluster_scoped_object_has_no_namespace():
    """Subject says so; a Node is its own node."""
    event = converted(watched("nodes")["node-0"])

    assert event.subject == "_cluster/Node/node-0"
    assert event.extensions["node"] == "node-0"


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({}, "2026-01-01T00:00:00Z"),
        ({"managedFields": []}, "2026-01-01T00:00:00Z"),
        ({"managedFields": [{}, {"time": LATER}, {"time": EARLIER}]}, LATER),
    ],
)
def test_time_of_a_resource_is_its_latest_write(fields, time):
    """It depends on the revision alone, not on when or how it was read."""
    metadata = {"name": "n", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    change = Change(
        change="modified",
        resource=NODES,
        object=json.dumps({"metadata": {**metadata, **fields}}).encode(),
        resource_version="1",
    )

    assert converted(change).time == time


def test_time_of_a_deletion_is_that_of_reading():
    """Kubernetes does not say when an object was removed."""
    change = altered(watched("nodes")["node-0"], change="deleted")

    assert converted(change).time == RECORDED_TIME


def test_deleted_kubernetes_event_is_a_resource_change():
    """That its time to live is over is not another occurrence."""
    event = converted(watched("deleted", "events-core")["hand.1"])

    assert event.type == "io.kubebridge.resource.deleted.v1"
    assert event.subject == "default/Event/hand.1"
    assert "severitynumber" not in event.extensions


def test_event_kind_of_another_group_is_a_resource():
    """Only the two API groups of Kubernetes have Kubernetes Events."""
    other = replace(NODES, group="example.com", kind="Event", plural="events")
    change = altered(kubernetes_event(), resource=other)

    assert converted(change).type == "io.kubebridge.resource.added.v1"
