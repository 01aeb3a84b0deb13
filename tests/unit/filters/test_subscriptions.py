"""Filters mean what CloudEvents Subscriptions says, and nothing else is a filter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import FilterError
from bridge.events import CloudEvent
from bridge.filters.subscriptions import attributes_of, compile_filters

EVENT = CloudEvent(
    id="uid-7",
    source="kubernetes://prod",
    type="io.kubebridge.event.warning.v1",
    subject="shop/Pod/web-0",
    time="2026-01-01T00:00:00Z",
    extensions={"reason": "BackOff", "count": 14, "flag": True, "empty": ""},
)


def passes(*spec) -> bool:
    """Return whether the event passes the filters."""
    return compile_filters(spec)(EVENT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("specversion", "1.0"),
        ("id", "uid-7"),
        ("source", "kubernetes://prod"),
        ("type", "io.kubebridge.event.warning.v1"),
        ("subject", "shop/Pod/web-0"),
        ("time", "2026-01-01T00:00:00Z"),
        ("datacontenttype", "application/json"),
        ("reason", "BackOff"),
        ("count", "14"),
        ("flag", "true"),
    ],
)
def test_exact_reads_every_attribute_as_text(name, value):
    """What is no text compares by its canonical text."""
    assert passes({"exact": {name: value}})
    assert not passes({"exact": {name: f"{value}x"}})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"exact": {"reason": "BackOff"}}, True),
        ({"exact": {"reason": "backoff"}}, False),
        ({"exact": {"reason": "Back"}}, False),
        ({"exact": {"reason": "BackOff", "count": "14"}}, True),
        ({"exact": {"reason": "BackOff", "count": "15"}}, False),
        ({"exact": {"count": "014"}}, False),
        ({"exact": {"flag": "True"}}, False),
        ({"exact": {"flag": "1"}}, False),
        ({"prefix": {"subject": "shop/"}}, True),
        ({"prefix": {"subject": "hop/"}}, False),
        ({"prefix": {"count": "1"}}, True),
        ({"suffix": {"subject": "/web-0"}}, True),
        ({"suffix": {"subject": "shop/"}}, False),
        ({"prefix": {"subject": "shop/", "reason": "Back"}}, True),
        ({"suffix": {"subject": "-0", "reason": "On"}}, False),
    ],
)
def test_comparison(spec, expected):
    """Comparisons heed case, and several are joined by and."""
    assert passes(spec) is expected


@pytest.mark.parametrize("dialect", ["exact", "prefix", "suffix"])
@pytest.mark.parametrize("name", ["missing", "dataschema", "empty"])
def test_missing_attribute_never_compares(dialect, name):
    """So that not of it is true, as in Knative."""
    spec = {dialect: {name: "x"}}

    assert not passes(spec)
    assert passes({"not": spec})


YES = {"exact": {"reason": "BackOff"}}
NO = {"exact": {"reason": "Other"}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ([], True),
        ([YES], True),
        ([YES, YES], True),
        ([YES, NO], False),
        ([{"all": [YES]}], True),
        ([{"all": [YES, YES, NO]}], False),
        ([{"any": [NO, NO, YES]}], True),
        ([{"any": [NO, NO]}], False),
        ([{"not": YES}], False),
        ([{"not": {"not": YES}}], True),
        ([{"all": [{"any": [NO, {"not": NO}]}, YES]}], True),
    ],
)
def test_combination(spec, expected):
    """Filters of a list must all pass; all, any and not nest."""
    assert passes(*spec) is expected


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"exact": {"a": "b"}}, (), "list of filters"),
        ("exact", (), "list of filters"),
        (None, (), "list of filters"),
        (["exact"], (0,), "a filter like"),
        ([YES, {}], (1,), "a filter like"),
        ([{"exact": {"a": "b"}, "prefix": {"a": "b"}}], (0,), "got exact, prefix"),
        ([{"exakt": {"a": "b"}}], (0,), "expected one of exact, .* got 'exakt'"),
        ([{"sql": "TRUE"}], (0,), "expected one of exact, .* got 'sql'"),
        ([{5: {"a": "b"}}], (0,), "got 5"),
        ([{"exact": {}}], (0, "exact"), "attributes and values, got {}"),
        ([{"exact": None}], (0, "exact"), "got None"),
        ([{"prefix": "a"}], (0, "prefix"), "attributes and values, got 'a'"),
        ([{"exact": {"": "b"}}], (0, "exact", ""), "name of an attribute.* ''"),
        ([{"exact": {"Kind": "b"}}], (0, "exact", "Kind"), "got 'Kind'"),
        ([{"exact": {"data": "b"}}], (0, "exact", "data"), "got 'data'"),
        ([{"exact": {True: "b"}}], (0, "exact", True), "got True"),
        ([{"suffix": {"a": ""}}], (0, "suffix", "a"), "expected text, got ''"),
        ([{"exact": {"a": 5}}], (0, "exact", "a"), "expected text, got 5"),
        ([{"all": []}], (0, "all"), "at least one filter"),
        ([{"any": []}], (0, "any"), "at least one filter"),
        ([{"any": {"exact": {}}}], (0, "any"), "list of filters"),
        ([{"not": [YES]}], (0, "not"), "a filter like"),
        ([{"not": {}}], (0, "not"), "a filter like"),
        (
            [{"all": [YES, {"not": {"any": [{}]}}]}],
            (0, "all", 1, "not", "any", 0),
            "like",
        ),
    ],
)
def test_compile_refuses_what_means_nothing(spec, path, message):
    """An invalid filter is an error with a path, never skipped."""
    with pytest.raises(FilterError, match=message) as caught:
        compile_filters(spec)

    assert caught.value.path == path


def test_compile_refuses_endless_nesting():
    """A YAML alias can contain itself."""
    endless = {}
    endless["not"] = endless

    with pytest.raises(FilterError, match="nested less deeply"):
        compile_filters([endless])


words = st.sampled_from(["a", "ab", "b", "ba"])
terms = st.builds(
    lambda dialect, entries: {dialect: entries},
    st.sampled_from(["exact", "prefix", "suffix"]),
    st.dictionaries(st.sampled_from(["x", "y", "type"]), words, min_size=1),
)
specs = st.recursive(
    terms,
    lambda inner: (
        st.builds(lambda f: {"not": f}, inner)
        | st.builds(lambda f: {"all": f}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda f: {"any": f}, st.lists(inner, min_size=1, max_size=3))
    ),
    max_leaves=8,
)


def meaning(spec, attributes) -> bool:
    """Evaluate a filter as the specification reads, slowly."""
    [(dialect, argument)] = spec.items()
    match dialect:
        case "not":
            return not meaning(argument, attributes)
        case "all":
            return all(meaning(part, attributes) for part in argument)
        case "any":
            return any(meaning(part, attributes) for part in argument)
    compare = {"exact": str.__eq__, "prefix": str.startswith, "suffix": str.endswith}
    return all(
        name in attributes and compare[dialect](attributes[name], value)
        for name, value in argument.items()
    )


@given(
    st.lists(specs, max_size=3), words, st.dictionaries(st.sampled_from("xy"), words)
)
def test_compiled_filters_mean_what_they_say(spec, kind, extensions):
    """Compiled and read plainly, each filter gives the same answer."""
    event = CloudEvent(id="1", source="/s", type=kind, extensions=extensions)

    expected = all(meaning(part, event.attributes()) for part in spec)

    assert compile_filters(spec)(event) is expected


def test_attributes_of_names_what_filters_read():
    """However deep they are nested, each once."""
    spec = [
        {"exact": {"reason": "BackOff", "kind": "Pod"}},
        {"any": [{"prefix": {"name": "a"}}, {"not": {"suffix": {"kind": "Set"}}}]},
        {"all": [{"not": {"all": [{"exact": {"changedpaths": "spec"}}]}}]},
    ]

    assert attributes_of(spec) == {"reason", "kind", "name", "changedpaths"}
    assert attributes_of([]) == frozenset()
