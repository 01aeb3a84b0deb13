"""resourceVersions as decimal numbers of any length."""

import pytest

from bridge.cluster.versions import is_newer, is_next, middle


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("10", "9", True),
        ("9", "10", False),
        ("7", "7", False),
        (str(2**127), str(2**126), True),
    ],
)
def test_is_newer_compares_numbers(version, than, newer):
    """By length, then by digits: 10 is newer than 9 (KEP-5504)."""
    assert is_newer(version, than=than) is newer


@pytest.mark.parametrize(
    ("older", "newer", "half"),
    [
        ("10", "20", "15"),
        ("10", "12", "11"),
        ("10", "11", None),
        ("10", "10", None),
        ("a", "20", None),
    ],
)
def test_middle_lies_strictly_between(older, newer, half):
    """Halving ends when nothing is between, and does not begin without numbers."""
    assert middle(older, newer) == half


@pytest.mark.parametrize(
    ("version", "after", "is_so"),
    [("11", "10", True), ("12", "10", False), ("b", "a", False), ("b", "b", True)],
)
def test_is_next_leaves_no_room_in_between(version, after, is_so):
    """Versions that are no numbers may have anything between them."""
    assert is_next(version, after=after) is is_so
