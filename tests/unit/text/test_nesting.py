"""JSON that is nested deeper than a decoder reads (issue 10, item 30)."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text.nesting import fold, is_deeper

TREES = st.recursive(
    st.text(alphabet='a\\"[]{}', max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab{]"), inner),
)


def depth_of(tree):
    """How many lists and objects lie inside each other."""
    if not isinstance(tree, dict | list):
        return 0
    inner = tree.values() if isinstance(tree, dict) else tree
    return 1 + max(map(depth_of, inner), default=0)


@given(tree=TREES, than=st.integers(min_value=0, max_value=9))
def test_is_deeper_counts_the_brackets_that_are_no_text(tree, than):
    """As whoever reads the JSON counts them."""
    assert is_deeper(json.dumps(tree).encode(), than=than) == (depth_of(tree) > than)


@pytest.mark.parametrize("levels", [17, 499, 500, 501, 10_000])
def test_is_deeper_knows_the_limit(levels):
    """One more is too much."""
    value = b'{"]}":[' * (levels // 2) + b"[]" * (levels % 2) + b"]}" * (levels // 2)

    assert is_deeper(value, than=500) == (levels > 500)


@pytest.mark.parametrize(
    ("depth", "text", "parts"),
    [
        (1, b'{"a":[0],"b":[1],"c":"[{"}', [b'[{"x":[1]},"}"]', b'{"\\"]":2}']),
        (2, b'{"a":[[0],"}"],"b":{"\\"]":2},"c":"[{"}', [b'{"x":[1]}']),
    ],
)
def test_what_lies_that_deep_is_put_aside_as_it_was_written(depth, text, parts):
    """Brackets in texts are no brackets."""
    value = b'{"a":[{"x":[1]},"}"],"b":{"\\"]":2},"c":"[{"}'

    assert fold(value, depth=depth) == (text, parts)


@pytest.mark.parametrize("text", [b"{" * 2000, b"}" * 9, b'{"a":"{}}', b'{"\\"'])
def test_brackets_that_do_not_match_are_no_json(text):
    """They are not looked at any further."""
    with pytest.raises(msgspec.DecodeError):
        fold(text, depth=1)
