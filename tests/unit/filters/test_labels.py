"""Label selectors mean what Kubernetes says; tests/e2e/test_labels.py asks it."""

import pytest

from bridge.errors import FilterError
from bridge.filters.labels import compile_labels, is_label_key
from tests.unit.filters.selectors import BROKEN, OBJECTS, SELECTORS

LONG = "a" * 63


@pytest.mark.parametrize(("selector", "names"), SELECTORS.items())
def test_selector_selects(selector, names):
    """Equality, sets and presence, joined by commas that mean "and"."""
    selects = compile_labels(selector)

    found = {name for name, labels in OBJECTS.items() if selects(labels)}

    assert found == names


@pytest.mark.parametrize(("selector", "complaint"), BROKEN.items())
def test_broken_selector_is_refused(selector, complaint):
    """With the selector, what was expected and what is there."""
    with pytest.raises(FilterError) as raised:
        compile_labels(selector)

    assert repr(selector) in str(raised.value)
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    "key", ["a", "A1", "a-b_c.D", "1", LONG, f"example.com/{LONG}", "x/y", "a.b-c/y"]
)
def test_label_key(key):
    """A name of letters, digits and some signs, perhaps with a prefix."""
    assert is_label_key(key)


@pytest.mark.parametrize(
    "key", ["", "-a", "a-", "a b", "ä", "a\n", "/a", "a/", "A/a", "a/b/c", "a..b/c"]
)
def test_no_label_key(key):
    """Other characters, or a prefix that is no DNS subdomain."""
    assert not is_label_key(key)


@pytest.mark.parametrize("key", [f"{LONG}a", f"{'a' * 254}/b"])
def test_label_key_is_bounded(key):
    """A name has 63 characters at most, a prefix 253."""
    assert not is_label_key(key)
