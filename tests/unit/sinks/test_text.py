"""Text for people, without secrets."""

import pytest

from bridge.sinks.text import hide, redact


def test_secret_within_another_leaves_nothing_of_it():
    """The longer one goes first, in whatever order they come."""
    secrets = ["abc", "abcdef", ""]

    assert hide("abcdef and abc", secrets) == "*** and ***"
    assert redact(b"abcdef and abc", secrets) == b"*** and ***"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"x secre", b"x ***"),
        (b"x secr", b"x ***"),
        (b"x sec", b"x sec"),
        (b"x secret", b"x ***"),
        (b"x secre y", b"x secre y"),
    ],
)
def test_secret_that_is_cut_off_is_hidden_too(body, shown):
    """All but three letters, which say nothing."""
    assert redact(body, ["secret"], is_cut=True) == shown
    assert redact(b"x secre", ["secret"]) == b"x secre"
