"""Whatever the bridge takes for an event, however odd, a stranger takes too."""

import json
import string

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
times = st.text("0123456789-:TZtz.+ ", max_size=24) | st.from_regex(
    r"\A(19|20)\d\d-[01]\d-[0-3]\d[Tt ][0-2]\d:[0-6]\d:[0-6]\d(\.\d{1,10})?"
    r"([Zz]|[+-][0-3]\d:?[0-9]\d)\Z"
)
names = st.text("ab1_-.A\u0131", max_size=4)
values = anything | st.booleans() | st.integers(-(2**33), 2**33)

attributes = st.fixed_dictionaries(
    {"id": anything, "source": uris, "type": anything},
    optional={
        "subject": anything,
        "time": times,
        "datacontenttype": kinds,
        "dataschema": uris,
    },
)
"""Seldom an event as a whole, so they are tried one at a time."""

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


@given(attributes)
def test_no_odd_attribute_gets_past_the_bridge_alone(found):
    """Of each attribute by itself, the others being good."""
    for name, value in found.items():
        is_taken(**{name: value})


@given(names, values)
def test_no_odd_extension_gets_past_the_bridge_alone(name, value):
    """Names, types, ranges and characters."""
    is_taken(extensions={name: value})


@given(st.binary(max_size=8) | anything.map(str.encode))
def test_no_odd_data_get_past_the_bridge_alone(data):
    """Bytes that are no JSON."""
    is_taken(data=data)


def test_some_odd_things_are_taken():
    """These tests would show nothing otherwise."""
    assert is_taken(source="?a#b", time="1990-12-31T23:59:60.123456789+23:59")
    assert is_taken(extensions={"a1": -(2**31)}, data=b" [1e5] ")
    assert is_taken(datacontenttype='text/x+JSON; a="b\\"c"')
