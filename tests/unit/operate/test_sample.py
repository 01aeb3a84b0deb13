"""Events that somebody gives."""

import json

import pytest

from bridge.errors import KubebridgeError
from bridge.events.encode import decode, encode
from bridge.ingest.accept import EventForm
from tests.unit.operate.dry import configured, given, sample

SINKS = "sinks: [{name: a, type: stdout}]\n"
PODS = f"{SINKS}sources: [{{}}, {{kind: Pod}}, {{resource: deployments.apps}}]\n"
CLOUDEVENT = {"specversion": "1.0", "id": "1", "source": "/", "type": "t"}


def test_a_kubernetes_event_is_converted():
    """With the names that the configuration gives."""
    found = given(configured(SINKS)).event

    assert found.id == "5b0e6b0f-7c1f-4c88-9b52-3f3f4d3f9a01-48151"
    assert found.subject == "shop/Pod/web-0"
    assert found.extensions["cluster"] == "prod"
    assert found.extensions["recordedtime"] == "2026-11-30T12:00:00Z"


def test_other_forms_are_those_of_the_sinks():
    """As a reader would make them."""
    form = given(configured(SINKS)).form

    event = form(EventForm("knative", "reference"))

    assert event.type == "dev.knative.apiserver.ref.add"
    assert json.loads(event.data)["name"] == "web-0.17e5a3c2b1d4f608"


def test_an_event_written_by_hand_needs_few_members():
    """Names that every object has are made up."""
    event = given(configured(SINKS), {"reason": "Killing"}).event

    assert event.extensions["reason"] == "Killing"
    assert event.id.endswith("-1")


def test_an_event_of_the_newer_group_is_read():
    """With its own names."""
    about = {"kind": "Pod", "name": "web", "labels": {"app": "shop"}}
    new = {"apiVersion": "events.k8s.io/v1", "regarding": about, "note": "x"}

    found = given(configured(SINKS), new)

    assert found.event.extensions["name"] == "web"
    assert found.labels == {"app": "shop"}


def test_a_cloudevent_is_taken_as_it_is():
    """In every form, with its own attributes; null is none."""
    written = CLOUDEVENT | {"team": "a", "subject": None, "data": {"n": 1}}

    found = given(configured(SINKS), written)

    assert decode(encode(found.form(EventForm("knative", "object")))) == found.event
    assert found.event.attributes() == CLOUDEVENT | {"team": "a"}
    assert found.event.data == b'{"n":1}'


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (sample(), ("events",)),
        (CLOUDEVENT, ("events", "pod", "deployments")),
        (CLOUDEVENT | {"type": "io.x.resource.added.v1"}, ("pod", "deployments")),
        (CLOUDEVENT | {"type": "a.resource.b", "kind": "Pod"}, ("pod",)),
        (
            CLOUDEVENT | {"type": "dev.knative.apiserver.ref.add", "kind": "Job"},
            (),
        ),
    ],
)
def test_sources_are_those_that_read_such_events(event, names):
    """By type and kind."""
    assert given(configured(PODS), event).sources == names


def test_sources_of_other_namespaces_do_not_read_an_event():
    """An event without a namespace may be from any."""
    config = configured(f"{SINKS}sources: [{{namespaces: [other]}}]")

    assert given(config).sources == ()
    assert given(config, CLOUDEVENT).sources == ("events",)


@pytest.mark.parametrize(
    ("data", "labels"),
    [
        ({"metadata": {"labels": {"a": "b"}}}, {"a": "b"}),
        ({"involvedObject": {"labels": {"a": "b"}}, "metadata": {}}, {"a": "b"}),
        ({"metadata": {"labels": 3}}, {}),
        ([], {}),
    ],
)
def test_labels_are_those_in_the_data(data, labels):
    """Of the object, or of the one that an Event is about."""
    assert given(configured(SINKS), CLOUDEVENT | {"data": data}).labels == labels


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {"kind": "Pod", "apiVersion": "v1"},
        {"kind": "Event", "apiVersion": "v2"},
        {"involvedObject": "x"},
        {"metadata": [1]},
        {"count": "x"},
        {"message": {1: object()}},
        {"specversion": "0.3"},
        {"specversion": "1.0"},
        CLOUDEVENT | {"id": 3},
        CLOUDEVENT | {"team": []},
    ],
)
def test_anything_else_is_refused(event):
    """With an error that says what was expected."""
    with pytest.raises(KubebridgeError, match=r"(?i)expected"):
        given(configured(SINKS), event)
