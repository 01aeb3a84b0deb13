"""Everything that the bridge can send is valid to strangers, in every mode.

The strangers: `reader`, written from the specification; a JSON schema, by jsonschema;
the CloudEvents SDK for Python. Those for JavaScript and Go: `tests/interop`.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.events import CloudEvent
from bridge.events.encode import (
    BATCH_TYPE,
    STRUCTURED_TYPE,
    attributes,
    batch,
    binary,
    encode,
)
from tests.conformance.reader import read_event, read_request, read_time, written
from tests.conformance.schema import validator
from tests.interop import samples
from tests.unit.events import strategies

STRUCTURED = {"content-type": STRUCTURED_TYPE.decode()}
BATCH = {"content-type": BATCH_TYPE.decode()}
ODD = CloudEvent(
    id='"%"',
    source="/",
    type=" ",
    extensions={"a": "\\", "b": "", "c": True},
    data=b"0",
)


def meaning(event: CloudEvent) -> dict[str, Any]:
    """Return what a stranger should read."""
    found: dict[str, Any] = event.attributes()
    if event.time is not None:
        found["time"] = read_time(event.time)
    return found if event.data is None else found | {"data": json.loads(event.data)}


def text(event: CloudEvent) -> dict[str, Any]:
    """Return the same from header fields, which know text only."""
    found = {name: written(one) for name, one in event.attributes().items()}
    found.setdefault("datacontenttype", "application/json")
    rest = {
        name: one for name, one in meaning(event).items() if name in {"data", "time"}
    }
    return found | rest


def request_of(event: CloudEvent) -> tuple[dict[str, str], bytes]:
    """Return header fields and body of the event in binary mode."""
    headers, body = binary(encode(event))
    assert len(dict(headers)) == len(headers)
    return {name.decode(): value.decode("ascii") for name, value in headers}, body


@given(strategies.events())
@example(ODD)
def test_structured_events_are_valid(event):
    """And mean what they meant."""
    body = encode(event).body

    assert read_request(STRUCTURED, body) == [meaning(event)]
    assert [*validator.iter_errors(json.loads(body))] == []


@given(strategies.events())
@example(ODD)
def test_binary_requests_are_valid(event):
    """Without data they are structured ones: a delivery has a payload (S2)."""
    headers, body = request_of(event)

    assert read_request(headers, body) == [
        meaning(event) if event.data is None else text(event)
    ]
    assert body
    assert headers["content-type"].isprintable()


@given(st.lists(strategies.events(), max_size=5))
def test_batches_are_valid(events):
    """Each member is as it is alone, and in order."""
    body = batch([encode(event) for event in events])

    assert read_request(BATCH, body) == [meaning(event) for event in events]


@given(strategies.events(strategies.objects))
def test_python_sdk_reads_structured_events(event):
    """An independent decoder finds the same."""
    found = from_http_event(HTTPMessage(STRUCTURED, encode(event).body))

    assert found.get_data() == meaning(event).get("data")
    assert_same(found, meaning(event))


@given(strategies.events(strategies.objects))
def test_python_sdk_reads_binary_requests(event):
    """An independent decoder finds the same, as text."""
    found = from_http_event(HTTPMessage(*request_of(event)))

    assert found.get_data() == meaning(event).get("data")
    assert_same(found, meaning(event) if event.data is None else text(event))


def assert_same(found, expected):
    """Compare attributes; the SDK invents a time where there is none."""
    got = dict(found.get_attributes())
    time = got.pop("time")
    assert expected.pop("time", time) == time.astimezone(UTC)
    expected.pop("data", None)
    assert got == expected


@pytest.mark.parametrize("name", samples.events(), ids=str)
def test_recorded_events_are_valid(name):
    """Of every sort, in the two modes for single events."""
    event, encoded = samples.events()[name], samples.encoded()[name]

    assert read_event(encoded.body) == meaning(event)
    assert read_request(*request_of(event))[0].get("data") == meaning(event).get("data")
    assert [*validator.iter_errors(json.loads(encoded.body))] == []


def test_recorded_attributes_fit_any_receiver():
    """Names of 20 letters, values that need no percent-encoding (cloudevents 9)."""
    odd = ("overrides", "reason with")
    every = samples.encoded().items()

    for encoded in [one for name, one in every if not any(o in name for o in odd)]:
        for name, value in attributes(encoded).items():
            assert len(name) <= 20
            assert set(written(value)).isdisjoint(' "%')
            assert written(value).isascii()


def test_reader_reads_headers_as_the_specification_has_it():
    """Quotes are undone first, then percent-encoding, once; lower case is welcome."""
    headers = {
        "content-type": "application/json",
        "ce-specversion": "1.0",
        "ce-id": '"a\\"b%2525"',
        "ce-source": "/s",
        "ce-type": "Euro%20%e2%82%ac",
        "ce-time": "2026-11-21T05:50:00Z",
    }

    [found] = read_request(headers, b"null")

    assert (found["id"], found["type"]) == ('a"b%25', "Euro \u20ac")
    assert (found["time"], found["data"]) == (
        datetime(2026, 11, 21, 5, 50, tzinfo=UTC),
        None,
    )
