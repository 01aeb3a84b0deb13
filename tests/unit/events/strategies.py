"""Whatever a CloudEvent may be."""

import json

from hypothesis import strategies as st

from bridge.events import CloudEvent

_PLANE_ENDS = "".join(chr(p << 16 | end) for p in range(17) for end in (0xFFFE, 0xFFFF))

texts = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        exclude_characters=_PLANE_ENDS + "".join(map(chr, range(0xFDD0, 0xFDF0))),
    ),
    max_size=12,
)
some_text = texts.filter(bool)
# The leading x keeps clear of the names that are taken.
names = st.text("abcxyz0189", max_size=8).map("x{}".format) | st.sampled_from(
    ["reason", "count", "0", "averyveryverylongname25"]
)
values = texts | st.booleans() | st.integers(-(2**31), 2**31 - 1)
times = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
objects = st.dictionaries(texts, json_values, max_size=4)


def events(payloads: st.SearchStrategy[object] = json_values) -> st.SearchStrategy:
    """Return a strategy of events whose data, if any, are the JSON of `payloads`."""
    data = payloads.map(lambda value: json.dumps(value).encode())
    return st.builds(
        CloudEvent,
        id=some_text,
        source=st.sampled_from(["kubernetes://prod", "/a?b#c", "urn:x:1"]),
        type=some_text,
        subject=st.none() | some_text,
        time=st.none() | times,
        datacontenttype=st.sampled_from(["application/json", "text/json; a=b", None]),
        dataschema=st.sampled_from(["https://example.com/s.json", None]),
        extensions=st.dictionaries(names, values, max_size=5),
        data=st.none() | data,
    )
