"""Events go to the SDK's class and come back."""

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.v03.event import CloudEvent as OldSdkEvent
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from msgspec.structs import replace as altered

from bridge.errors import InvalidEventError
from bridge.events import CloudEvent
from bridge.events.sdk import from_sdk, to_sdk
from tests.unit.events import strategies

REQUIRED = {"id": "1", "source": "/s", "type": "t"}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@given(strategies.events(strategies.objects))
def test_event_comes_back_from_the_sdk(event):
    """Nothing is lost on the way there and back.

    Exceptions: the SDK invents a time where there is none, and data are parsed.
    """
    returned = from_sdk(to_sdk(event))

    data = returned.data and json.loads(returned.data)
    assert data == (event.data and json.loads(event.data))
    time = event.time or returned.time
    assert returned == altered(event, time=time, data=returned.data)


def test_to_sdk_refuses_a_leap_second():
    """Python has no datetime for it."""
    event = CloudEvent(**REQUIRED, time="1990-12-31T23:59:60Z")

    with pytest.raises(InvalidEventError, match="attribute 'time'"):
        to_sdk(event)


def test_to_sdk_refuses_a_huge_number():
    """Python reads it as infinity."""
    event = CloudEvent(**REQUIRED, data=b"1e999")

    with pytest.raises(InvalidEventError, match="data: "):
        to_sdk(event)


def test_from_sdk_takes_bytes_for_json():
    """Bytes under a type of JSON are JSON already."""
    attributes = {**REQUIRED, "datacontenttype": "application/json"}

    event = from_sdk(SdkEvent(attributes, b'{"a":1}'))

    assert event.data == b'{"a":1}'


def test_from_sdk_leaves_out_null_attributes():
    """Null is not set (JSON format 2.2)."""
    event = from_sdk(SdkEvent({**REQUIRED, "time": NOON, "a": None}))

    assert event == CloudEvent(
        **REQUIRED, time="2026-01-01T12:00:00Z", datacontenttype=None
    )


@pytest.mark.parametrize(
    ("attributes", "data", "message"),
    [
        ({"datacontenttype": "text/plain"}, "hello", "'datacontenttype': expected"),
        ({}, b"hello", "data: expected JSON"),
        ({}, {"a": object()}, "data: expected JSON"),
        ({"a": 1.5}, None, "'a': expected str, int or bool"),
        ({"id": "a\n"}, None, "'id': expected text"),
    ],
)
def test_from_sdk_refuses_what_the_sdk_lets_pass(attributes, data, message):
    """The SDK checks neither characters nor types."""
    event = SdkEvent({**REQUIRED, **attributes}, data)

    with pytest.raises(InvalidEventError, match=message):
        from_sdk(event)


def test_from_sdk_refuses_the_old_version():
    """0.3 has other attributes."""
    event = OldSdkEvent({**REQUIRED, "specversion": "0.3"})

    with pytest.raises(InvalidEventError, match=r"'specversion': expected '1.0'"):
        from_sdk(event)
