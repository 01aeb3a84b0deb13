"""What is written can be read, by others too, in each of the three forms."""

import json
import re
from urllib.parse import unquote

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as SdkEvent
from hypothesis import given
from msgspec import structs

from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import (
    BATCH_TYPE,
    STRUCTURED_TYPE,
    attributes,
    batch,
    binary,
    decode,
    encode,
    without_data,
)
from bridge.events.validation import canonical
from tests.unit.events import strategies

SMALL = CloudEvent(
    id="1",
    source="/s",
    type="t",
    extensions={"flag": True, "count": 5},
    data=b'{"a": 1.0}',
)


def test_encode_writes_data_last_and_unchanged():
    """Binary mode is a slice, so the bytes of data stay what they were."""
    encoded = encode(SMALL)

    assert encoded == EncodedEvent(
        id="1",
        body=b'{"specversion":"1.0","id":"1","source":"/s","type":"t",'
        b'"datacontenttype":"application/json","flag":true,"count":5,'
        b'"data":{"a": 1.0}}',
        data_offset=121,
    )


@given(strategies.events())
def test_decode_returns_what_encode_was_given(event):
    """Nothing is lost between event and bytes."""
    assert decode(encode(event)) == event


@given(strategies.events())
def test_body_is_the_json_format(event):
    """The body is JSON with each attribute as a member, and data as a value."""
    found = json.loads(encode(event).body)

    data = found.pop("data", "none")
    assert found == event.attributes()
    assert data == ("none" if event.data is None else json.loads(event.data))


@given(strategies.events())
def test_attributes_reads_the_head_alone(event):
    """Attributes come back with their types."""
    assert attributes(encode(event)) == event.attributes()


@given(strategies.events(strategies.objects))
def test_sdk_reads_the_structured_form(event):
    """The SDK finds the same event.

    Exception: it invents a time where there is none.
    """
    message = HTTPMessage(
        {"content-type": STRUCTURED_TYPE.decode()}, encode(event).body
    )

    found = from_structured(message, JSONFormat(), SdkEvent)

    assert _as_read(found) == {**event.attributes(), "time": _time(event, found)}
    assert found.get_data() == (event.data and json.loads(event.data))


@given(strategies.events(strategies.objects))
def test_sdk_reads_the_binary_form(event):
    """The SDK finds the same event, whatever characters are in it.

    Exceptions: it invents a time where there is none, and leaves integers and Booleans
    the text that they are in headers (allowed: HTTP binding 3.1.3).
    """
    headers, body = binary(encode(event))
    if event.data is None:
        return  # it goes in structured mode
    message = HTTPMessage({k.decode(): v.decode("ascii") for k, v in headers}, body)

    found = from_binary(message, JSONFormat(), SdkEvent)

    sent = {"datacontenttype": "application/json", **event.attributes()}
    texts = {name: canonical(value) for name, value in sent.items()}
    assert _as_read(found) == {**texts, "time": _time(event, found)}
    # It takes JSON for text when the type has parameters that it does not know.
    assert json.loads(body) == json.loads(event.data)


def _as_read(event) -> dict[str, object]:
    moment = event.get_time().isoformat().replace("+00:00", "Z")
    return {**event.get_attributes(), "time": moment}


def _time(event, found) -> str:
    return event.time or found.get_time().isoformat().replace("+00:00", "Z")


@given(strategies.events())
def test_headers_are_visible_ascii(event):
    """No value can end its header, and each decodes to what it was (3.1.3.2)."""
    headers, body = binary(encode(event))

    for name, value in headers[1:]:
        assert re.fullmatch(rb"ce-[a-z0-9]+", name)
        assert re.fullmatch(rb"(?:[!#$&-~]|%[0-9A-F]{2})*", value)
        told = canonical(event.attributes()[name[3:].decode()])
        assert unquote(value.decode()) == told
    assert body


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a b", b"a%20b"),
        ('"', b"%22"),
        ("50%", b"50%25"),
        ("Euro €", b"Euro%20%E2%82%AC"),
        ("😀", b"%F0%9F%98%80"),
        ("!#$&'()*+,-./:;<=>?@[\\]^_`{|}~", b"!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ],
)
def test_binary_escapes_as_little_as_it_must(text, header):
    """Space, quote, percent sign and all that is not visible ASCII (3.1.3.2)."""
    event = CloudEvent(id="1", source="/s", type="t", subject=text, data=b"{}")

    headers, _ = binary(encode(event))

    assert (b"ce-subject", header) in headers


def test_binary_sends_the_slice_under_its_type():
    """Body is the data, Content-Type their type, all else ce- headers (3.1)."""
    headers, body = binary(encode(SMALL))

    assert headers == [
        (b"content-type", b"application/json"),
        (b"ce-specversion", b"1.0"),
        (b"ce-id", b"1"),
        (b"ce-source", b"/s"),
        (b"ce-type", b"t"),
        (b"ce-flag", b"true"),
        (b"ce-count", b"5"),
    ]
    assert body == b'{"a": 1.0}'


def test_binary_names_the_type_that_json_implies():
    """Data of an unnamed type are JSON, and the receiver must be told (JSON 3.1)."""
    event = CloudEvent(id="1", source="/s", type="t", datacontenttype=None, data=b"1")

    headers, _ = binary(encode(event))

    assert headers[0] == (b"content-type", b"application/json")


@pytest.mark.parametrize("data", [b"null", b'"a"', b"[1]", b"true"])
def test_binary_sends_any_json_as_json(data):
    """A text keeps its quotes, null is a payload (JSON format 3.1.2)."""
    event = CloudEvent(id="1", source="/s", type="t", data=data)

    assert binary(encode(event))[1] == data


def test_binary_sends_an_event_without_data_structured():
    """A delivery must have a payload (webhook specification 2.1)."""
    encoded = encode(CloudEvent(id="1", source="/s", type="t"))

    assert binary(encoded) == ([(b"content-type", STRUCTURED_TYPE)], encoded.body)


def test_batch_joins_bodies():
    """A batch is a JSON array of what was stored (JSON format 4)."""
    first, second = encode(SMALL), encode(CloudEvent(id="2", source="/s", type="t"))

    assert json.loads(batch([first, second])) == [
        json.loads(first.body),
        json.loads(second.body),
    ]
    assert BATCH_TYPE == b"application/cloudevents-batch+json"


def test_empty_batch_is_an_empty_array():
    """An empty array is a valid batch (JSON format 4)."""
    assert batch([]) == b"[]"


@pytest.mark.parametrize("data", [b'{"a":1}', None])
def test_an_event_without_its_data_has_its_attributes(data):
    """What precedes the data is all that it takes (issue 10, item 36)."""
    event = CloudEvent(id="1", source="s", type="t", data=data)
    whole = encode(event)
    end = whole.data_offset or len(whole.body)
    head = EncodedEvent(id="1", body=whole.body[:end], data_offset=whole.data_offset)

    assert decode(without_data(head)) == structs.replace(event, data=None)
    assert attributes(without_data(whole)) == attributes(whole)
