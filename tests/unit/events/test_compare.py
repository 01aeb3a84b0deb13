"""Where two states of an object differ."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidEventError
from bridge.events.compare import differences, lies_under, noteworthy
from bridge.events.objects import payload
from bridge.events.paths import item, member
from tests.unit.events.samples import watched

names = st.sampled_from(["a", "b", "a.b", "x/y", "0", "", "spec", "é,"])
scalars = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "1"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=8,
)
objects = st.dictionaries(names, values, max_size=4)


def differing(before, after):
    """Return the differences of two objects."""
    return differences(json.dumps(before).encode(), json.dumps(after).encode())


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": 1}, {"a": 1}, ()),
        ({"a": 1}, {"a": 2}, ("a",)),
        ({"a": 1}, {"a": "1"}, ("a",)),
        ({"a": 1}, {"a": True}, ("a",)),
        ({"a": 1}, {"a": 1.0}, ()),
        ({"a": None}, {}, ("a",)),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, ("a.c",)),
        ({"a": {"b": 1, "c": 2}}, {"a": {"c": 2, "b": 1}}, ()),
        ({"c": 1, "b": 1, "a": 1}, {}, ("a", "b", "c")),
        ({"a": {}}, {}, ("a",)),
        ({}, {"a": {"b": {"c": 1, "d": {}}}}, ("a.b.c", "a.b.d")),
        ({"a": {"b": 1}}, {"a": {}}, ("a.b",)),
        ({"a": {"b": 1}}, {"a": None}, ("a",)),
        ({"a": {"b": 1}}, {"a": [1]}, ("a",)),
        ({}, {"a": [1]}, ("a",)),
        ({"a": [1, 2]}, {"a": [1, 3]}, ("a[1]",)),
        ({"a": [1, 2]}, {"a": [2]}, ("a", "a[0]")),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}, {}]}, ("a", "a[0].b")),
        ({"a": {"x.y/z": 1}}, {"a": {"x.y/z": 2}}, ('a["x.y/z"]',)),
    ],
)
def test_differences_are_the_paths_of_what_differs(before, after, paths):
    """Members, items, and lists that became longer or shorter."""
    assert differing(before, after) == paths
    assert differing(after, before) == paths


@given(objects)
def test_an_object_does_not_differ_from_itself(one):
    """However it is written."""
    spaced = json.dumps(one, indent=1, ensure_ascii=False).encode()

    assert differences(json.dumps(one).encode(), spaced) == ()


@given(objects, objects)
def test_differences_are_the_same_both_ways(one, other):
    """They say where, not what."""
    assert differing(one, other) == differing(other, one)


@given(objects, objects)
def test_differences_are_all_there_is(before, after):
    """Who puts in what is at these places has the other object.

    But for empty mappings around what came or went.
    """
    patched = copy.deepcopy(before)

    for path in differing(before, after):
        _put(patched, *_places(before, after)[path], after)

    assert differing(_pruned(patched), _pruned(after)) == ()


def _pruned(value):
    """Return a value without empty mappings in mappings."""
    if isinstance(value, list):
        return [_pruned(one) for one in value]
    if not isinstance(value, dict):
        return value
    pruned = {name: _pruned(one) for name, one in value.items()}
    return {name: one for name, one in pruned.items() if one != {}}


def _places(*objects):
    """Return the steps to each place by its path."""
    found = {}

    def note(value, path, steps):
        found[path] = steps
        is_list = isinstance(value, list)
        inner = enumerate(value) if is_list else getattr(value, "items", tuple)()
        for step, one in inner:
            note(one, (item if is_list else member)(path, step), (*steps, step))

    for one in objects:
        note(one, "", ())
    return {path: (steps,) for path, steps in found.items()}


def _put(target, steps, source):
    """Make a place of the target what it is in the source."""
    *way, last = steps
    for step in way:
        source = source.get(step, {}) if isinstance(source, dict) else source[step]
        if isinstance(target, dict):
            target = target.setdefault(step, {})
        else:
            target = target[step]
    is_there = isinstance(source, list) or last in source
    if is_there:
        target[last] = copy.deepcopy(source[last])
    else:
        target.pop(last, None)


@pytest.mark.parametrize("name", watched("deployments"))
def test_what_no_event_shows_does_not_differ(name):
    """An object as it is kept and as it was read are the same."""
    raw = watched("deployments")[name].object

    kept = payload(raw, kind="Deployment", api_version="apps/v1")

    assert b"managedFields" in raw
    assert differences(kept, raw) == ()


@pytest.mark.parametrize("before", [{}, {"annotations": {}}, {"managedFields": [{}]}])
def test_copies_of_kubectl_do_not_differ(before):
    """Whether there were other annotations or not."""
    applied = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}

    found = differing({"metadata": before}, {"metadata": {"annotations": applied}})

    assert found == ()


def test_only_metadata_have_bookkeeping():
    """Elsewhere a member of that name is like any other."""
    assert differing({}, {"spec": {"managedFields": 1}}) == ("spec.managedFields",)
    assert differing({"metadata": 1}, {"metadata": 2}) == ("metadata",)
    assert differing({}, {"metadata": {"annotations": 1}}) == ("metadata.annotations",)


def test_noteworthy_is_not_what_counts_writes():
    """They change whenever anything does."""
    before = {"metadata": {"resourceVersion": "1", "generation": 1, "name": "a"}}
    after = {"metadata": {"resourceVersion": "2", "generation": 2, "name": "b"}}

    found = differing(before, after)

    assert found == ("metadata.generation", "metadata.name", "metadata.resourceVersion")
    assert noteworthy(found) == ("metadata.name",)


def test_a_change_of_status_alone_lies_under_what_is_ignored():
    """With the default of `ignore`."""
    before = {"metadata": {"resourceVersion": "1"}, "status": {"a": 1}}
    after = {"metadata": {"resourceVersion": "2"}, "status": {"a": 2}}

    found = differing(before, after)

    assert lies_under(found, ("status", "metadata.resourceVersion"))
    assert not lies_under(found, ("status",))


def test_deep_objects_are_compared():
    """As deep as an object can be read at all."""
    deep = b'{"a":' * 300 + b"%d" + b"}" * 300

    assert differences(deep % 1, deep % 2) == (".".join(["a"] * 300),)


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        ({"a": {"b": {"x": [0] * 9999}}}, {"a": {"b": {"x": [1] * 9999}}}, "a.b.x"),
        ({}, {"a": {"b": {f"c{i}": i for i in range(9999)}}}, "a.b"),
        ({}, {"x" * 9000: {"b": 1, "c": 2}}, "x" * 9000),
        ({}, {"a": [{"x" * 9000: {"b": 1, "c": 2}}]}, "a"),
    ],
    ids=["items", "members", "names", "deep names"],
)
def test_what_differs_in_too_many_places_is_told_as_a_whole(before, after, paths):
    """Else an object could be made whose paths fill the memory."""
    assert differing(before, after) == (paths,)


@pytest.mark.parametrize(
    "broken",
    [b"", b"[]", b"{", b"null", b'{"a":tru}', b'{"a":"\xff"}', b'{"a":' * 99_999],
    ids=range(7),
)
def test_what_is_no_object_cannot_be_compared(broken):
    """Too deep an object is none, too."""
    with pytest.raises(InvalidEventError, match="expected two objects in JSON"):
        differences(b"{}", broken)
    with pytest.raises(InvalidEventError, match="expected two objects in JSON"):
        differences(broken, b"{}")
