"""One change becomes one event, the same on every reading."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as altered

from bridge.events.origin import Origin
from tests.unit.events.samples import (
    RECORDED_TIME,
    converted,
    kubernetes_event,
    listed,
    watched,
)

UID = "812f3156-2586-404d-982b-92c41de4bca6"
PAIRS = [
    (file, name)
    for file in ("events-core", "events-new", "pods", "nodes", "deployments", "widgets")
    for name in watched(file)
]


def test_convert_tells_all_of_a_kubernetes_event():
    """Each attribute is there under its documented name."""
    event = converted(watched("events-core")["hand.1"])

    uid = "11111111-1111-1111-1111-111111111111"
    assert {**event.attributes(), "id": ""} == {
        "specversion": "1.0",
        "id": "",
        "source": "kubernetes://prod",
        "type": "io.kubebridge.event.warning.v1",
        "subject": "default/Pod/web-0",
        "time": "2026-01-01T00:05:00Z",
        "datacontenttype": "application/json",
        "cluster": "prod",
        "namespace": "default",
        "kind": "Pod",
        "name": "web-0",
        "apiversion": "v1",
        "uid": uid,
        "reason": "BackOff",
        "component": "kubelet",
        "node": "node-1",
        "partitionkey": uid,
        "count": 8,
        "severitytext": "WARN",
        "severitynumber": 13,
        "recordedtime": RECORDED_TIME,
    }


@pytest.mark.parametrize("name", watched("events-core"))
def test_both_event_apis_tell_the_same(name):
    """Core/v1 and events.k8s.io/v1 are one object with two sets of names."""
    core = converted(watched("events-core")[name]).attributes()

    new = converted(watched("events-new")[name]).attributes()

    assert core == new


@pytest.mark.parametrize(("file", "name"), PAIRS)
def test_list_and_watch_give_the_same_event(file, name):
    """The same revision is the same event, byte for byte, however it was read.

    But that a resource tells if states in between may be missing.
    """
    from_watch = converted(watched(file)[name])

    from_list = converted(listed(file)[name])

    told = {} if file.startswith("events") else {"listed": True}
    expected = {**from_watch.extensions, **told}
    assert from_list == altered(from_watch, extensions=expected)


def test_data_is_the_object_less_what_machines_read():
    """ManagedFields and kubectl's annotation go; all else stays as it was."""
    change = watched("events-core")["applied.1"]

    found = json.loads(converted(change).data)

    sent = json.loads(change.object)
    del sent["metadata"]["managedFields"]
    sent["metadata"]["annotations"] = {"note": "<kept>"}
    assert found == sent


def test_id_is_uid_and_version():
    """Each revision has an id of its own."""
    assert converted(watched("events-core")["series.1"]).id == f"{UID}-257"


def test_id_of_a_deletion_says_so():
    """A deletion may have the version of the last content."""
    change = altered(watched("events-core")["series.1"], change="deleted")

    assert converted(change).id == f"{UID}-257-deleted"


@pytest.mark.parametrize(
    ("change", "suffix"), [("added", "-e2"), ("deleted", "-deleted-e2")]
)
def test_id_says_the_epoch(change, suffix):
    """After a rollback versions are used again."""
    change = altered(watched("events-core")["series.1"], change=change)

    event = converted(change, Origin(cluster="prod", epoch=2))

    assert event.id == f"{UID}-257{suffix}"


FIRST = "2026-01-01T00:00:01Z"
SECOND = "2026-01-01T00:00:02.000002Z"
THIRD = "2026-01-01T00:00:03Z"
SERIES = {"count": 2, "lastObservedTime": "2026-01-01T00:00:04.000004Z"}


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({}, "2026-01-01T00:00:00Z"),
        ({"firstTimestamp": FIRST}, FIRST),
        ({"firstTimestamp": FIRST, "eventTime": SECOND}, SECOND),
        ({"lastTimestamp": THIRD, "eventTime": SECOND}, THIRD),
        ({"lastTimestamp": THIRD, "series": SERIES}, SERIES["lastObservedTime"]),
        ({"lastTimestamp": THIRD, "series": {"count": 2}}, THIRD),
        ({"eventTime": None, "deprecatedLastTimestamp": THIRD}, THIRD),
        ({"deprecatedFirstTimestamp": FIRST}, FIRST),
    ],
)
def test_time_is_the_first_that_the_recorder_filled_in(fields, time):
    """The rule of [informer D9], for both ways to record."""
    assert converted(kubernetes_event(**fields)).time == time


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"count": 0}, 1),
        ({"count": 7}, 7),
        ({"deprecatedCount": 7}, 7),
        ({"count": 7, "series": {"count": 9}}, 9),
        ({"count": 7, "series": {}}, 7),
    ],
)
def test_count_is_what_kubectl_shows(fields, count):
    """A series counts in its own field, and one occurrence is not counted at all."""
    assert converted(kubernetes_event(**fields)).extensions["count"] == count


@pytest.mark.parametrize(
    ("severity", "kind", "number"),
    [
        ("Normal", "normal", 9),
        ("Warning", "warning", 13),
        ("warning", "normal", None),
        ("Odd", "normal", None),
        (None, "normal", None),
    ],
)
def test_type_tells_normal_from_warning(severity, kind, number):
    """Types are a closed set; what Kubernetes does not define has no severity."""
    event = converted(kubernetes_event(type=severity))

    assert event.type == f"io.kubebridge.event.{kind}.v1"
    assert event.extensions.get("severitynumber") == number


def test_event_about_a_node_names_it_as_its_node():
    """A filter for a node finds the Events about the node, too."""
    node = {"kind": "Node", "name": "node-1", "uid": "node-1"}

    event = converted(kubernetes_event(involvedObject=node))

    assert event.subject == "_cluster/Node/node-1"
    assert event.extensions["node"] == "node-1"
    assert "namespace" not in event.extensions


@pytest.mark.parametrize("involved", [None, {}, {"kind": "Pod"}, {"name": "a"}])
def test_event_about_nothing_has_no_subject(involved):
    """Attributes without a value are left out."""
    event = converted(kubernetes_event(involvedObject=involved))

    assert event.subject is None
    assert "" not in event.attributes().values()


def test_component_is_the_reporting_one_if_it_is_named():
    """New recorders fill in reportingComponent, old ones source."""
    new = kubernetes_event(reportingComponent="a", source={"component": "b"})
    old = kubernetes_event(reportingComponent="", source={"component": "b"})

    found = [converted(change).extensions["component"] for change in (new, old)]

    assert found == ["a", "b"]


def test_strange_text_is_made_printable():
    """A strange reason costs an Event nothing but some characters of an attribute."""
    change = kubernetes_event(reason="Bäck\n\u2028😀 off\x00")

    event = converted(change)

    assert event.extensions["reason"] == "B?ck??? off?"
    assert json.loads(event.data)["reason"] == "Bäck\n\u2028😀 off\x00"


def test_long_text_is_cut():
    """Headers have limits; data has the whole text."""
    event = converted(kubernetes_event(reason="x" * 2000, action="y"))

    assert event.extensions["reason"] == "x" * 1024
    assert event.extensions["action"] == "y"


@given(st.dictionaries(st.sampled_from(["reason", "action", "type"]), st.text()))
def test_no_text_of_a_recorder_stops_an_event(fields):
    """Free text is free: the API server checks none of it in old Events."""
    event = converted(kubernetes_event(**fields))

    assert all(
        value.isascii() and value.isprintable()
        for value in event.attributes().values()
        if isinstance(value, str)
    )


def test_overrides_come_last_and_win():
    """K_CE_OVERRIDES adds and replaces extensions."""
    origin = Origin(cluster="prod", extensions={"kind": "Other", "team": "shop"})

    event = converted(kubernetes_event(), origin)

    assert event.extensions["kind"] == "Other"
    assert event.extensions["team"] == "shop"


def test_type_prefix_is_configurable():
    """Types begin with the organisation that defines them."""
    origin = Origin(cluster="prod", type_prefix="com.example")

    assert converted(kubernetes_event(), origin).type == "com.example.event.warning.v1"
