"""The payload keeps its bytes, and the quick way to it gives the same."""

import json

import pytest

from bridge.cluster.kubernetes_event import decode_event
from bridge.errors import InvalidEventError
from bridge.events import objects
from tests.unit.events.samples import kubernetes_event, listed, watched

MANAGED = [{"manager": "kubelet", "fieldsV1": {"f:count": {}}}]


def quick(raw: bytes) -> bytes:
    """Return the payload of an Event the quick way."""
    return objects.event_payload(raw, decode_event(raw), api_version="v1")


def general(raw: bytes) -> bytes:
    """Return the payload of an Event the general way."""
    return objects.payload(raw, kind="Event", api_version="v1")


@pytest.mark.parametrize("read", [listed, watched])
@pytest.mark.parametrize("name", watched("events-core"))
def test_event_payload_equals_payload(read, name):
    """On what a real API server sends both give the same bytes."""
    raw = read("events-core")[name].object

    assert quick(raw) == general(raw)


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"managedFields": []},
        {"managedFields": MANAGED, "annotations": {"a": "b"}},
        {"annotations": {"a": ',"managedFields":['}, "managedFields": MANAGED},
        {"labels": {"a": "b", "managedFields": "x"}, "managedFields": MANAGED},
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_event_payload_is_not_misled(metadata, separators):
    """What looks like managedFields stays, what is goes, however it is spaced."""
    body = json.loads(kubernetes_event().object)
    body["metadata"] |= metadata
    raw = json.dumps(body, separators=separators).encode()

    found = quick(raw)

    body["metadata"].pop("managedFields", None)
    assert json.loads(found) == body
    assert found == general(raw)


def test_payload_keeps_numbers_and_escapes():
    """Nothing is parsed and written again that can stay as it is."""
    raw = b'{"kind":"A","apiVersion":"b","metadata":{},"a":1.0,"b":1e400,"c":"\\u003c"}'

    assert general(raw) == raw


def test_payload_completes_an_item_of_a_list():
    """Kind and apiVersion come first, where a watch sends them."""
    raw = b'{"metadata":{"uid":"u"},"x":1}'

    assert general(raw) == b'{"kind":"Event","apiVersion":"v1",' + raw[1:]


@pytest.mark.parametrize(
    ("metadata", "labels"),
    [
        ('{"labels":{"app":"web"},"name":5}', {"app": "web"}),
        ('{"labels":{}}', {}),
        ('{"labels":null}', {}),
        ("{}", {}),
    ],
)
def test_labels_of_reads_nothing_else(metadata, labels):
    """Whatever else the object holds."""
    raw = f'{{"spec":[],"metadata":{metadata}}}'

    assert objects.labels_of(raw.encode()) == labels


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b'{"metadata":[]}',
        b'{"metadata":{"labels":{"secret":5}}}',
        b'{"metadata":{"labels":{"a":"\xff"}}}',
    ],
)
def test_labels_of_refuses_what_is_no_object(raw):
    """A route that selects by labels must not guess."""
    with pytest.raises(InvalidEventError, match=r"^labels: ") as caught:
        objects.labels_of(raw)

    assert "secret" not in str(caught.value)
