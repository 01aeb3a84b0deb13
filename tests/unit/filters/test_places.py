"""Filters see into the object, whatever is in there (issue 10, item 15)."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import FilterError
from bridge.events import CloudEvent
from bridge.events.paths import item, member
from bridge.filters import reading
from bridge.filters.reading import payloads
from bridge.filters.regex import weight
from bridge.filters.routes import Route, Router
from bridge.filters.subscriptions import attributes_of, compile_filters

OBJECT = {
    "message": "Back-off restarting failed container app in pod web-0",
    "count": 14,
    "ratio": 0.5,
    "whole": 3.0,
    "large": 2**70,
    "on": True,
    "off": False,
    "nothing": None,
    "empty": "",
    "revision": "12",
    "involvedObject": {"kind": "Pod", "fieldPath": "spec.containers{app}"},
    "metadata": {"labels": {"app": "web", "app.kubernetes.io/name": "shop"}},
    "spec": {"containers": [{"image": "a:1"}, {"image": "b:2"}]},
}


def event(data, **extensions):
    """Return an event with this object in its data."""
    raw = data if isinstance(data, bytes) else msgspec.json.encode(data)
    return CloudEvent(id="1", source="/s", type="t", extensions=extensions, data=raw)


def passes(spec, data=OBJECT, **extensions):
    """Return whether an event passes a filter."""
    return compile_filters([spec])(event(data, **extensions))


@pytest.mark.parametrize(
    ("dialect", "place", "wanted", "expected"),
    [
        ("prefix", "data.message", "Back-off", True),
        ("suffix", "data.message", "pod web-0", True),
        ("exact", "data.message", "Back-off", False),
        ("exact", "data.involvedObject.fieldPath", "spec.containers{app}", True),
        ("exact", "data.spec.containers[1].image", "b:2", True),
        ("exact", "data.spec.containers[2].image", "b:2", False),
        ("exact", "data.spec.containers.image", "b:2", False),
        ("exact", "data.spec[0]", "b:2", False),
        ("exact", 'data.metadata.labels["app.kubernetes.io/name"]', "shop", True),
        ("exact", "data.metadata.labels.app.kubernetes.io/name", "shop", False),
        ("exact", 'data["message"]', OBJECT["message"], True),
        ("exact", "data.count", "14", True),
        ("exact", "data.count", "14.0", False),
        ("exact", "data.ratio", "0.5", True),
        ("exact", "data.on", "true", True),
        ("exact", "data.off", "false", True),
        ("prefix", "data.count", "1", True),
        ("exact", "data.nothing", "null", False),
        ("prefix", "data.spec", "{", False),
        ("exact", "data.spec.containers", "[]", False),
        ("exact", "data.message.more", "x", False),
        ("exact", "data.missing", "x", False),
        ("exact", "data.on", ["no", "true"], True),
        ("exact", "data.missing", ["x", "y"], False),
        ("regex", "data.message", "failed container .* in", True),
        ("regex", "data.message", "^failed", False),
        ("regex", "data.count", "^1[0-9]$", True),
        ("regex", "data.missing", ".*", False),
    ],
)
def test_filters_compare_places_in_the_object(dialect, place, wanted, expected):
    """Scalars by their JSON text; what is not there never compares (item 15)."""
    assert passes({dialect: {place: wanted}}) is expected
    assert passes({"not": {dialect: {place: wanted}}}) is not expected


@pytest.mark.parametrize(
    ("name", "value", "at_least", "at_most"),
    [
        ("count", 5, True, False),
        ("count", 7, True, True),
        ("count", 7.5, False, True),
        ("data.count", 14, True, True),
        ("data.ratio", 0.4, True, False),
        ("data.whole", 3, True, True),
        ("data.revision", 9, True, False),
        ("data.large", 1e300, False, True),
        ("data.message", 0, False, False),
        ("data.on", 0, False, False),
        ("data.nothing", 0, False, False),
        ("data.empty", 0, False, False),
        ("data.missing", 0, False, False),
        ("missing", 0, False, False),
        ("flag", 0, False, False),
        ("type", 0, False, False),
    ],
)
def test_numbers_are_compared_with_min_and_max(name, value, at_least, at_most):
    """Of attributes and places; a text counts if it is a number (item 15)."""
    given = {"count": 7, "flag": True}

    assert passes({"min": {name: value}}, **given) is at_least
    assert passes({"max": {name: value}}, **given) is at_most


def test_a_list_of_values_is_an_or():
    """One of them is enough, for attributes too (item 15)."""
    spec = {"exact": {"reason": ["Failed", "BackOff"], "kind": "Pod"}}

    assert passes(spec, reason="BackOff", kind="Pod")
    assert not passes(spec, reason="BackOff", kind="Node")
    assert not passes(spec, reason="Pulled", kind="Pod")
    assert not passes(spec, kind="Pod")


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"exact": {"data.": "x"}}, ("exact", "data."), "a place in data such as"),
        ({"exact": {"data..a": "x"}}, ("exact", "data..a"), "a place in data such as"),
        ({"exact": {"data[a]": "x"}}, ("exact", "data[a]"), "a place in data such as"),
        ({"exact": {"dat.a": "x"}}, ("exact", "dat.a"), "or a place in data"),
        ({"min": {"a.b": 1}}, ("min", "a.b"), "or a place in data"),
        ({"min": {"count": "5"}}, ("min", "count"), "expected a number, got '5'"),
        ({"max": {"count": True}}, ("max", "count"), "a number, got True"),
        ({"max": {"count": float("nan")}}, ("max", "count"), "a number, got nan"),
        ({"max": {"count": None}}, ("max", "count"), "a number, got None"),
        ({"exact": {"a": []}}, ("exact", "a"), "at least one text, got none"),
        ({"exact": {"a": ["b", 5]}}, ("exact", "a", 1), "got 5, write '5'"),
        ({"exact": {"a": ["b", ""]}}, ("exact", "a", 1), "expected text, got ''"),
        ({"prefix": {"a": ["b"]}}, ("prefix", "a"), "expected text, got"),
        ({"regex": {"a": "("}}, ("regex", "a"), r"a regex of RE2, got '\(': missing"),
        ({"regex": {"a": "(?=x)"}}, ("regex", "a"), "invalid perl operator"),
        ({"regex": {"a": r"(a)\1"}}, ("regex", "a"), "invalid escape sequence"),
        ({"regex": {"a": r"\pL{1,200}"}}, ("regex", "a"), "pattern too large"),
        ({"regex": {"a": "x" * 1001}}, ("regex", "a"), "at most 1000 characters"),
        ({"regex": {"a": ""}}, ("regex", "a"), "expected text, got ''"),
        ({"regex": {}}, ("regex",), "attributes and values"),
    ],
)
def test_what_means_nothing_is_refused_with_its_place(spec, path, message):
    """Names, numbers and patterns; nothing is skipped (item 15)."""
    with pytest.raises(FilterError, match=message) as caught:
        compile_filters([spec])

    assert caught.value.path == (0, *path)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a":1} x',
        b'{"a":"\\ud800"}',
        b"",
        None,
    ],
)
def test_data_that_cannot_be_read_never_matches(data):
    """Nothing is raised, whatever the tenant wrote (item 15)."""
    broken = event(OBJECT)
    msgspec.structs.force_setattr(broken, "data", data)

    assert not compile_filters([{"prefix": {"data.a": "1"}}])(broken)
    assert not compile_filters([{"min": {"data.a": 0}}])(broken)
    assert compile_filters([{"not": {"regex": {"data.a": "."}}}])(broken)


@pytest.mark.parametrize("text", ["\udcff", "\ud800x", "\x00", "é" * 100_000])
def test_no_text_breaks_a_regex(text):
    """Not even one that is none (item 15)."""
    spec = {"regex": {"reason": "x$"}}

    broken = event({})
    msgspec.structs.force_setattr(broken, "extensions", {"reason": text})

    assert compile_filters([spec])(broken) is text.endswith("x")


def test_a_regex_takes_linear_time():
    """One that would keep the standard library busy for a year (item 15)."""
    spec = {"regex": {"data.message": "^(a+)+$"}}

    assert not passes(spec, {"message": "a" * 100_000 + "!"})


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("abc", 3), ("a{1,1000}", 1010), ("(a{10}){3,}", 24), ("{x}", 3), ("a{0}", 4)],
)
def test_a_regex_weighs_what_it_repeats(pattern, expected):
    """So that many of them can be bounded before they are compiled (item 35)."""
    assert weight(pattern) == expected


def routes(*specs):
    """Return a router with a route for each filter."""
    return Router(
        Route(
            name=f"r{index}",
            sources=None,
            matches=compile_filters([spec]),
            sinks=(f"s{index}",),
            reads=attributes_of([spec]),
        )
        for index, spec in enumerate(specs)
    )


@pytest.fixture
def decoded(monkeypatch):
    """Return what is decoded, in the order in which it is."""
    seen = []
    decode = reading._decode
    monkeypatch.setattr(reading, "_decode", lambda raw: seen.append(raw) or decode(raw))
    return seen


def test_an_object_is_decoded_once_for_all_routes(decoded):
    """And kept no longer than its event (item 15)."""
    router = routes({"exact": {"data.on": "true"}}, {"min": {"data.count": 3}})

    chosen = router.choose(event(OBJECT), sources=("events",))

    assert (chosen.sinks, len(decoded)) == (("s0", "s1"), 1)
    assert payloads._last == (None, None)


def test_an_object_is_decoded_only_where_a_filter_asks(decoded):
    """Not for attributes, nor behind a filter that fails before (item 15)."""
    router = routes(
        {"exact": {"reason": "A"}},
        {"all": [{"exact": {"reason": "B"}}, {"exact": {"data.on": "true"}}]},
    )

    chosen = router.choose(event(OBJECT, reason="A"), sources=("events",))

    assert (chosen.sinks, decoded) == (("s0",), [])


def test_places_are_among_what_a_filter_reads():
    """As they are written (item 15)."""
    spec = [{"regex": {"data.message": "x"}}, {"not": {"min": {"count": 1}}}]

    assert attributes_of(spec) == {"data.message", "count"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
objects = st.dictionaries(st.text(), values, max_size=4)


def leaves(value, path="data"):
    """Yield each scalar with the place that this program writes for it."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, member(path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, item(path, index))
    else:
        yield path, value


@given(objects)
def test_every_scalar_is_found_at_its_place(data):
    """However its name is written, by exactly its text (item 15)."""
    read = event(json.loads(msgspec.json.encode(data)))
    for place, value in leaves(json.loads(read.data)):
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        is_there = value is not None and text != ""

        if text:
            spec = [{"exact": {place: text}}]
            assert compile_filters(spec)(read) is is_there


@given(objects, st.text(), st.text(min_size=1))
def test_a_filter_on_a_place_answers_whatever_is_there(data, name, wanted):
    """Yes or no, never an exception (item 15)."""
    place = member("data", name)
    specs = [{one: {place: wanted}} for one in ("exact", "prefix", "suffix")]
    specs += [{one: {place: 1.5}} for one in ("min", "max")]

    answers = [passes(spec, data) for spec in specs]

    assert {type(answer) for answer in answers} == {bool}
