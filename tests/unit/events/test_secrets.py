"""Nothing secret of a Secret is told or kept."""

import base64
import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cluster import Change, Resource
from bridge.errors import ConversionError
from bridge.events.compare import differences
from bridge.events.context import ChangeContext
from bridge.events.convert import convert
from bridge.events.secrets import REDACTED, is_secret, redacted
from tests.unit.events.samples import PODS, PROD, RECORDED_TIME

SECRETS = Resource(group="", version="v1", plural="secrets", kind="Secret")
VALUE = base64.b64encode(b"hunter2").decode()
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
METADATA = {"name": "db", "namespace": "shop", "uid": "s-1", "labels": {"a": "b"}}


def secret(**fields):
    """Return a Secret as JSON."""
    body = {"kind": "Secret", "apiVersion": "v1", "metadata": METADATA, **fields}
    return json.dumps(body).encode()


def annotated(**annotations):
    """Return what is left of the annotations of a Secret."""
    raw = secret(metadata={**METADATA, "annotations": annotations})
    return json.loads(redacted(raw))["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("resource", "found"),
    [
        (SECRETS, True),
        (PODS, False),
        (replace(SECRETS, kind="Unheard"), True),
        (replace(SECRETS, plural="unheard"), True),
        (replace(SECRETS, group="example.com"), False),
    ],
)
def test_secrets_are_those_of_core(resource, found):
    """Another group's are custom resources like any other."""
    assert is_secret(resource) is found


def test_values_are_redacted_and_keys_stay():
    """A reader sees which keys there are."""
    raw = secret(
        data={"password": VALUE}, stringData={"user": "hunter2"}, type="Opaque"
    )

    found = json.loads(redacted(raw))

    assert found == {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": METADATA,
        "data": {"password": REDACTED},
        "stringData": {"user": REDACTED},
        "type": "Opaque",
    }


@pytest.mark.parametrize(
    ("value", "left"),
    [(VALUE, REDACTED), ([VALUE], REDACTED), (None, REDACTED), ({}, {})],
)
def test_what_is_no_mapping_is_redacted_as_a_whole(value, left):
    """Data of another form than we know, and members that we do not know."""
    found = json.loads(redacted(secret(data=value, unheard=value)))

    assert (found["data"], found["unheard"]) == (left, left)


def test_copies_in_annotations_are_redacted():
    """Tools keep what they applied, as JSON or compressed."""
    found = annotated(
        **{LAST_APPLIED: VALUE, "other/applied": f'{{"a":"{VALUE}"}}'},
        compressed="H4sI" * 40,
        team="shop",
        url="https://example.com",
    )

    assert found == {
        "other/applied": REDACTED,
        "compressed": REDACTED,
        "team": "shop",
        "url": "https://example.com",
    }


def test_no_annotations_are_none():
    """Null is what it is."""
    raw = secret(metadata={**METADATA, "annotations": None})

    assert json.loads(redacted(raw))["metadata"]["annotations"] is None


def test_the_last_of_equal_members_is_redacted_and_others_go():
    """Two members of one name hide nothing."""
    raw = secret()[:-1] + b',"data":{"a":"hunter2"},"data":{"a":"hunter2"}}'

    assert json.loads(redacted(raw))["data"] == {"a": REDACTED}
    assert b"hunter2" not in redacted(raw)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=4))
def test_redacting_again_changes_nothing(data):
    """What is kept is redacted, and is read again."""
    once = redacted(secret(data=data))

    assert redacted(once) == once
    assert differences(once, redacted(secret(data=dict.fromkeys(data, "new")))) == ()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hunter2",
        b"[]",
        b'{"data":{"a":"hunter2"}}',
        b'{"metadata":"hunter2"}',
        b'{"metadata":{"annotations":{"a":["hunter2"]}}}',
        b'{"metadata":{},"data":{"a":hunter2}}',
        b'{"metadata":{},"a":' + b"[" * 99_999,
    ],
    ids=range(8),
)
def test_of_what_cannot_be_read_nothing_is_left(raw):
    """It might be anywhere in there."""
    assert redacted(raw) == b""


def test_no_event_tells_a_value():
    """Neither of the object nor of its previous state, redacted before or not."""
    metadata = {**METADATA, "annotations": {LAST_APPLIED: VALUE}}
    raw = secret(metadata=metadata, data={"password": VALUE})
    change = Change(
        change="modified", resource=SECRETS, object=raw, resource_version="7"
    )
    context = ChangeContext(previous=raw, with_previous=True)

    event = convert(change, origin=PROD, recorded=RECORDED_TIME, context=context)

    assert VALUE not in repr(event)
    found = msgspec.json.decode(event.data)
    assert (
        found["object"]["data"] == found["previous"]["data"] == {"password": REDACTED}
    )


@pytest.mark.parametrize("raw", [b"", secret()[:-1] + b',"data":{"a":hunter2}}'])
def test_an_unreadable_secret_is_refused_without_its_bytes(raw):
    """The message shows nothing either."""
    change = Change(change="added", resource=SECRETS, object=raw, resource_version="7")

    with pytest.raises(ConversionError, match="secrets at version '7'") as caught:
        convert(change, origin=PROD, recorded=RECORDED_TIME)

    assert "hunter2" not in str(caught.value)
