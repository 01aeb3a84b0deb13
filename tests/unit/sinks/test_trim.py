"""JSON that is made smaller: any JSON, to any size."""

import json

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.events import CloudEvent
from bridge.events.encode import decode, encode
from bridge.events.sdk import from_sdk
from bridge.sinks.http.size_limit import shrink, trim

TEXT = st.text(st.characters(codec="utf-8"), max_size=600)
LONG = st.builds(lambda text, times: text * times, TEXT, st.integers(1, 60))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT | LONG
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=30) | st.dictionaries(TEXT, inner, max_size=30)
    ),
    max_leaves=60,
)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
OBJECTS = st.builds(
    lambda tree, name, uid: {
        "kind": "Pod",
        "apiVersion": "v1",
        "spec": tree,
        "metadata": {"name": name, "uid": uid, "labels": {"a": "b"}},
    },
    TREES,
    NAMES,
    NAMES,
)
SIZES = st.integers(-10, 70_000)


def dumped(tree):
    """Return JSON as the API server might write it."""
    return json.dumps(tree, ensure_ascii=False).encode()


@given(tree=TREES | OBJECTS, most=SIZES)
@settings(max_examples=150, deadline=None)
def test_any_json_comes_to_fit_or_to_nothing(tree, most):
    """It stays JSON in UTF-8, and the same comes of the same."""
    data = dumped(tree)

    got = shrink(data, most)

    assert got == shrink(data, most)
    if got is not None:
        assert len(got) <= most
        json.loads(got.decode())


@given(tree=OBJECTS, most=st.integers(1000, 3000))
@settings(max_examples=100, deadline=None)
def test_object_never_loses_what_it_is(tree, most):
    """There is always room for its names, for they are short."""
    got = json.loads(shrink(dumped(tree), most))

    assert (got["kind"], got["apiVersion"]) == ("Pod", "v1")
    assert got["metadata"]["name"] == tree["metadata"]["name"]
    assert got["metadata"]["uid"] == tree["metadata"]["uid"]


@given(tree=TREES | OBJECTS, most=st.integers(100, 20_000))
@settings(max_examples=100, deadline=None)
def test_trimmed_event_is_a_cloudevent_of_the_same_id(tree, most):
    """By our rules and by the SDK; it says how large it was."""
    event = encode(
        CloudEvent(
            id="a-1", source="kubernetes://prod", type="t", data=dumped(tree) + b" "
        )
    )

    got = trim(event, most_bytes=most, measure=lambda some: 700 + len(some[0].body))

    if got is not None:
        assert len(got.body) + 700 <= most
        ours = decode(got)
        assert (ours.id, ours.extensions) == ("a-1", {"trimmed": str(len(event.body))})
        assert from_sdk(JSONFormat().read(None, got.body)).id == "a-1"


def test_small_data_are_left_as_they_are():
    """Not even a blank changes."""
    assert shrink(b'{"a": 1.10}', 11) == b'{"a": 1.10}'


def test_numbers_keep_their_digits():
    """What is not cut is not changed: no number is rounded."""
    data = b'{"a": 1.10, "b": 123456789012345678901234567890, "c": 1e400, "d": "%b"}'

    got = shrink(data % (b"x" * 900), 400)

    assert got.startswith(b'{"a":1.10,"b":123456789012345678901234567890,"c":1E+400,')


def test_longest_text_is_cut_first_and_no_more_than_needed():
    """The others stay whole, and the room that there is gets used."""
    tree = {"a": "x" * 300, "b": "y" * 5000, "c": "z" * 2000}

    data = shrink(dumped(tree), 4600)

    got = json.loads(data)
    assert (got["a"], got["c"]) == (tree["a"], tree["c"])
    assert got["b"].endswith("y\u2026[trimmed, 5000 bytes]")
    assert 4590 < len(data) <= 4600


@pytest.mark.parametrize("letter", ["\u00e4", "\u20ac", "\U0001f600", "\x00", '"'])
def test_no_letter_is_cut_in_two(letter):
    """Whatever a letter takes in UTF-8, or in JSON."""
    for most in range(300, 312):
        got = json.loads(shrink(dumped([letter * 1000]), most))

        assert set(got[0].partition("\u2026")[0]) == {letter}


def test_lists_and_mappings_lose_their_last_items():
    """As many stay as fit, in steps; the types of items stay what they are."""
    tree = {
        "kind": "A",
        "list": list(range(1000)),
        "map": {f"k{n}": n for n in range(99)},
    }

    got = json.loads(shrink(dumped(tree), 1000))

    assert got == {
        "kind": "A",
        "list": list(range(64)),
        "map": {f"k{n}": n for n in range(64)},
    }


def test_only_which_object_it_was_is_left_at_last():
    """Other members are gone, whatever they are."""
    metadata = {"name": "web", "uid": "u1", "resourceVersion": "7", "labels": {}}
    tree = {f"k{n}" * 50: "x" * 200 for n in range(9)}

    got = shrink(dumped({"kind": "Pod", "metadata": metadata, **tree}), 200)

    del metadata["labels"]
    assert json.loads(got) == {
        "kind": "Pod",
        "metadata": {**metadata},
    }


@pytest.mark.parametrize("previous", [None, {"metadata": {"name": "a"}}])
def test_both_objects_of_a_change_become_references(previous):
    """Data with the previous object keeps its form."""
    large = {f"k{n}" * 50: "x" * 200 for n in range(9)}
    tree = {
        "object": {"metadata": {"name": "a"}, **large},
        "previous": previous and {**previous, **large},
    }

    got = json.loads(shrink(dumped(tree), 200))

    assert got == {"object": {"metadata": {"name": "a"}}, "previous": previous}


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 500 + b'"%b"' % (b"x" * 900) + b"]" * 500,
        b"[" * 5000 + b'"%b"' % (b"x" * 900) + b"]" * 5000,
        b'["\\ud800", "%b"]' % (b"x" * 900),
        dumped({"metadata": 1, "x" * 900: 1}),
        dumped({"metadata": {"name": 1}, "x" * 900: 1}),
        dumped({"object": 1, "previous": {"x" * 900: 1}}),
        dumped({"x" * 900: 1}),
        b"1" * 900,
    ],
)
def test_what_names_no_object_comes_to_nothing(data):
    """Nor does what is too deep, or not quite JSON."""
    assert shrink(data, 500) is None
