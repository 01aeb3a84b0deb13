"""What an event tells beside the change itself."""

import json

import pytest
from msgspec.structs import replace as altered

from bridge.cluster import Owner
from bridge.errors import ConversionError
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.events.convert import convert
from bridge.events.origin import Origin
from tests.unit.events.samples import (
    PROD,
    RECORDED_TIME,
    converted,
    kubernetes_event,
    listed,
    watched,
)

OWNER = Owner(api_version="apps/v1", kind="Deployment", name="web", uid="d-1")
KNOWN = InvolvedObject(labels={"app": "web"}, annotations={"a/b": "x"}, owner=OWNER)
POD = altered(watched("pods")["huge"], change="modified")
KNATIVE = Origin(cluster="prod", profile="knative")


def told(change, origin=PROD, **context):
    """Return the event of a change in a context."""
    return convert(
        change, origin=origin, recorded=RECORDED_TIME, context=ChangeContext(**context)
    )


@pytest.mark.parametrize("change", [POD, watched("events-core")["series.1"]])
def test_an_empty_context_tells_nothing(change):
    """The event is the same, byte for byte."""
    assert told(change) == converted(change)


@pytest.mark.parametrize("origin", [PROD, KNATIVE])
def test_a_change_found_by_a_list_says_so(origin):
    """Between it and the last state there may have been others."""
    found = told(listed("pods")["huge"], origin)

    assert found.extensions["listed"] is True
    assert "listed" not in told(watched("pods")["huge"], origin).extensions


def test_a_kubernetes_event_does_not_say_how_it_was_found():
    """Each of its revisions is a whole occurrence by itself."""
    assert "listed" not in told(listed("events-core")["series.1"]).extensions


def test_a_deletion_found_by_a_list_has_the_last_known_version():
    """Nobody can say at which version it was deleted."""
    gone = altered(listed("pods")["huge"], change="deleted")

    event = told(gone)

    uid = event.extensions["uid"]
    assert event.id == f"{uid}-{gone.resource_version}-deleted"
    assert event.extensions["listed"] is True


@pytest.mark.parametrize("origin", [PROD, KNATIVE])
def test_changed_paths_are_an_attribute(origin):
    """Filters can see them."""
    event = told(POD, origin, changed_paths=("spec.b", "spec.a"))

    assert event.extensions["changedpaths"] == "spec.a,spec.b"


@pytest.mark.parametrize(
    ("change", "paths"),
    [("modified", ()), ("modified", None), ("added", ("a",)), ("deleted", ("a",))],
)
def test_nothing_is_said_where_nothing_was_modified(change, paths):
    """An attribute without a value is left out."""
    event = told(altered(POD, change=change), changed_paths=paths)

    assert "changedpaths" not in event.extensions


def test_changed_paths_have_a_limit():
    """Many deep ones are told by what they have in common."""
    paths = tuple(f"spec.containers[{i}].image" for i in range(80))

    found = told(POD, changed_paths=(*paths, "spec.replicas")).extensions

    assert found["changedpaths"] == "spec.containers,spec.replicas"


@pytest.mark.parametrize(
    ("change", "previous"), [("modified", POD.object), ("added", None)]
)
def test_data_may_hold_the_previous_state(change, previous):
    """Both without what only machines read; null: there was none."""
    changed = altered(POD, change=change)

    event = told(changed, previous=previous, with_previous=True)

    plain = converted(changed).data
    before = b"null" if previous is None else plain
    assert event.data == b'{"object":%b,"previous":%b}' % (plain, before)


def test_the_previous_state_is_not_told_unasked():
    """It may be there for other sources."""
    assert told(POD, previous=POD.object) == converted(POD)


def test_a_previous_state_that_cannot_be_read_is_named():
    """The change becomes a dead letter."""
    with pytest.raises(ConversionError, match=r"pods at version .*: Input data was"):
        told(POD, previous=b"", with_previous=True)


def test_a_resync_has_an_id_of_its_own():
    """Else a receiver that knows the last one would leave it out."""
    again = told(POD, resync=3)

    assert again.id == f"{converted(POD).id}-r3"
    assert again.extensions["resync"] == 3
    assert again.time == RECORDED_TIME


def test_id_of_a_resync_says_the_epoch_last():
    """Versions of a rolled-back cluster are used again."""
    event = told(POD, Origin(cluster="prod", epoch=2), resync=1)

    assert event.id.endswith("-r1-e2")


@pytest.mark.parametrize("origin", [PROD, KNATIVE])
def test_a_kubernetes_event_names_the_owner(origin):
    """Filters find all Events of a Deployment."""
    found = told(kubernetes_event(), origin, concerned=KNOWN).extensions

    assert (found["ownerkind"], found["ownername"]) == ("Deployment", "web")


@pytest.mark.parametrize("member", ["involvedObject", "regarding"])
def test_data_tell_of_the_object_concerned(member):
    """In the member that names it, beside what is there."""
    fields = {"involvedObject": None, member: {"kind": "Pod", "name": "web-0"}}

    event = told(kubernetes_event(**fields), concerned=KNOWN)

    assert json.loads(event.data)[member] == {
        "kind": "Pod",
        "name": "web-0",
        "labels": {"app": "web"},
        "annotations": {"a/b": "x"},
        "owner": {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "web",
            "uid": "d-1",
        },
    }


def test_all_else_in_data_keeps_its_bytes():
    """Only the object concerned has more members."""
    raw = b'{"kind":"Event","metadata":{"name":"a","uid":"u"},"x":1.0,"apiVersion":"v1"'
    raw += b',"involvedObject":{"kind":"\\u0050od"},"y":"\\u003c"}'
    known = InvolvedObject(labels={"app": "web"})

    event = told(altered(kubernetes_event(), object=raw), concerned=known)

    assert event.data == raw.replace(
        b'"\\u0050od"}', b'"\\u0050od","labels":{"app":"web"}}'
    )


@pytest.mark.parametrize(
    "change",
    [
        kubernetes_event(involvedObject=None),
        kubernetes_event(involvedObject={}),
        altered(
            kubernetes_event(),
            object=b'{"metadata":{"name":"a","uid":"u"},'
            b'"kind":"Event","apiVersion":"v1","involvedObject":null}',
        ),
        POD,
    ],
    ids=["none", "empty", "null", "resource"],
)
def test_data_without_an_object_concerned_stay_as_they_are(change):
    """There is no place for what is known."""
    found = json.loads(told(change, concerned=KNOWN).data)

    assert found == json.loads(converted(change).data)


def test_what_is_not_known_is_left_out():
    """An object without labels and owner adds nothing."""
    assert told(kubernetes_event(), concerned=InvolvedObject()) == converted(
        kubernetes_event()
    )


def test_a_strange_owner_is_made_printable():
    """As all that is read is."""
    owner = Owner(api_version="v1", kind="Käse", name="x\n", uid="u")

    found = told(kubernetes_event(), concerned=InvolvedObject(owner=owner)).extensions

    assert (found["ownerkind"], found["ownername"]) == ("K?se", "x?")
