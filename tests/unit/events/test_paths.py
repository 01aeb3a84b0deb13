"""Paths are written in one way, and can be listed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import FilterError
from bridge.events.paths import item, lies_under, list_paths, member, parse_path

names = st.text() | st.text('ab.[],"\\ 0\x7f')
steps = st.lists(names | st.integers(0, 99), max_size=5)


def written(first, rest):
    """Return the path of a member, then of members and items below it."""
    path = member("", first)
    for step in rest:
        path = item(path, step) if isinstance(step, int) else member(path, step)
    return path


paths = st.builds(written, names, steps)


@pytest.mark.parametrize(
    ("first", "rest", "path"),
    [
        ("spec", ["containers", 0, "image"], "spec.containers[0].image"),
        ("metadata", ["annotations", "a.b/c"], 'metadata.annotations["a.b/c"]'),
        ("a", [""], 'a[""]'),
        ("a[0]", [1], '["a[0]"][1]'),
        ("a", ['"'], 'a["\\""]'),
        ("a", ["b,c"], 'a["b\\u002cc"]'),
        ("a", ["é\x7f"], 'a["\\u00e9\\u007f"]'),
    ],
)
def test_a_name_that_could_be_mistaken_is_quoted(first, rest, path):
    """Dots and brackets part names, a comma parts paths."""
    assert written(first, rest) == path


@given(paths)
def test_a_path_is_read_as_it_is_written(path):
    """What this module writes it understands, and writes again."""
    assert parse_path(path) == path


@given(paths)
def test_a_path_can_stand_in_an_attribute(path):
    """It is printable ASCII without a comma."""
    assert path.isascii()
    assert path.isprintable()
    assert "," not in path


@given(names, steps, names, steps)
def test_different_places_have_different_paths(first, rest, other, others):
    """Nothing is lost by writing a place down."""
    same = (first, rest) == (other, others)

    assert (written(first, rest) == written(other, others)) == same


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec", "spec"),
        ('spec["replicas"]', "spec.replicas"),
        ('["spec"].a[0]', "spec.a[0]"),
        ('a["b,c"]', 'a["b\\u002cc"]'),
        ('a["\\u002e"]', 'a["."]'),
    ],
)
def test_a_path_may_be_written_in_other_ways(text, path):
    """A person may quote what needs none."""
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    ["", ".", ".a", "a.", "a..b", "a[", "a[]", "a[x]", "[0]", "a[0", "a b", "a,b", "é"],
)
def test_what_is_no_path_is_refused(text):
    """The message shows what one looks like."""
    with pytest.raises(FilterError, match=r"expected a path such as 'spec\.replicas'"):
        parse_path(text)


def test_a_quoted_name_is_json():
    """A backslash begins an escape."""
    with pytest.raises(FilterError, match="expected a quoted name as in JSON: Invalid"):
        parse_path('a["\\x"]')


@pytest.mark.parametrize(
    ("path", "is_under"),
    [
        ("spec", True),
        ("spec.a", True),
        ("spec[0]", True),
        ('spec["a.b"].c', True),
        ("specs", False),
        ("spe", False),
        ("a.spec", False),
        ("a.b", True),
        ("a", False),
        ("a.bc", False),
    ],
)
def test_a_path_lies_under_whole_segments(path, is_under):
    """What begins with the same letters is another place."""
    assert lies_under([path], ("spec", "a.b")) is is_under


def test_all_paths_must_lie_under_one_of_the_parents():
    """One that does not is enough."""
    assert lies_under(["a.x", "b"], ["a", "b"])
    assert not lies_under(["a.x", "c"], ["a", "b"])
    assert not lies_under(["a"], [])
    assert lies_under([], [])


@given(names, steps, steps)
def test_what_is_below_a_place_lies_under_it(first, rest, below):
    """Whatever the names are."""
    assert lies_under([written(first, rest + below)], [written(first, rest)])


@pytest.mark.parametrize(
    ("longest", "text"),
    [
        (99, 'b.c[0].d,b.c[1].d,b["e.f"].g'),
        (28, 'b.c[0].d,b.c[1].d,b["e.f"].g'),
        (27, 'b.c[0],b.c[1],b["e.f"].g'),
        (23, 'b.c,b["e.f"]'),
        (12, 'b.c,b["e.f"]'),
        (11, "b"),
    ],
)
def test_a_list_of_paths_is_shortened_until_it_fits(longest, text):
    """Ends of paths go first, the deepest before others."""
    paths = ['b["e.f"].g', "b.c[1].d", "b.c[0].d"]

    assert list_paths(paths, longest=longest) == text


def test_paths_are_left_out_when_nothing_else_helps():
    """The list ends where a path ends."""
    assert list_paths(["aa.x", "bb.x", "cc.x"], longest=7) == "aa,bb"
    assert list_paths(["aa.x", "bb.x", "cc.x"], longest=5) == "aa,bb"
    assert list_paths(["aa.x", "bb.x", "cc.x"], longest=4) == "aa"
    assert list_paths(["aaaa", "b"], longest=3) == "aaa"


@given(st.lists(paths), st.integers(1, 60))
def test_a_list_of_paths_is_never_too_long(listed, longest):
    """Whatever changed, the attribute has its limit."""
    assert len(list_paths(listed, longest=longest)) <= longest
