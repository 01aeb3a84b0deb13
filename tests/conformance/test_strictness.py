"""Whatever the bridge takes for an event, however odd, a stranger takes too."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidEventError
from bridge.events import CloudEvent
from bridge.events.encode import encode
from tests.conformance.reader import read_event
from tests.conformance.schema import validator

anything = st.text(max_size=12)
uris = st.text(
    string.ascii_letters + string.digits + ":/?#[]@!$&'()*+,;=%-._~ \\^|\u00e9",
    max_size=16,
)
kinds = st.text("ajson/+;=\"\\ x-.*'\n\u00e9", max_size=16) | anything.map(
    "application/json;a={}".format
)


def number(most, digits=2):
    """Return texts of numbers, and of one more than there is."""
    return st.integers(0, most + 1).map(f"{{:0{digits}}}".format)


times = st.text("0123456789-:TZtz.+ ", max_size=24) | st.tuples(
    st.sampled_from(["2024-", "1900-", "20-"]),
    *(number(12), st.just("-"), number(31), st.sampled_from("TTTTt ")),
    *(number(23), st.just(":"), number(59), st.just(":"), number(60)),
    st.sampled_from(["", ".5", ".123456789", "."]),
    st.tuples(st.sampled_from("+-"), number(23), st.just(":"), number(59)).map("".join)
    | st.sampled_from("ZZz"),
).map("".join)
names = st.text("ab1_-.A\u0131", max_size=4)
values = anything | st.booleans() | st.integers(-(2**32), 2**32)

ATTRIBUTES = {
    "id": anything,
    "source": uris,
    "type": anything,
    "subject": anything,
    "time": times,
    "datacontenttype": kinds,
    "dataschema": uris | uris.map("a:{}".format),
}

GOOD = {"id": "1", "source": "/s", "type": "t"}


def is_taken(**members):
    """Whether the bridge takes it; then a stranger has to take it as well."""
    extensions = members.pop("extensions", {})
    try:
        event = CloudEvent(**GOOD | members, extensions=extensions)
    except InvalidEventError:
        return False
    body = encode(event).body
    read_event(body)
    validator.validate(json.loads(body))
    return True


@pytest.mark.parametrize("name", ATTRIBUTES)
@given(st.data())
def test_no_odd_attribute_gets_past_the_bridge_alone(name, data):
    """The others being good."""
    is_taken(**{name: data.draw(ATTRIBUTES[name])})


@given(names)
def test_no_odd_name_gets_past_the_bridge(name):
    """Capitals, punctuation, letters that are no ASCII."""
    is_taken(extensions={name: "x"})


@given(values)
def test_no_odd_value_gets_past_the_bridge(value):
    """Types, ranges and characters."""
    is_taken(extensions={"a": value})


@given(st.binary(max_size=8) | anything.map(str.encode))
def test_no_odd_data_get_past_the_bridge_alone(data):
    """Bytes that are no JSON."""
    is_taken(data=data)


def test_some_odd_things_are_taken():
    """These tests would show nothing otherwise."""
    assert is_taken(source="?a#b", time="1990-12-31T23:59:60.123456789+23:59")
    assert is_taken(extensions={"a1": -(2**31)}, data=b" [1e5] ")
    assert is_taken(datacontenttype='text/x+JSON; a="b\\"c"')
