"""How what is to be stored is cut into puts."""

from bridge.ingest.accept import MOST_BYTES, cut_entries
from bridge.queue import Entry
from tests.unit.queue.samples import entry, knows

MANY = 500


def names(cut: list[list[Entry]]) -> list[int]:
    """Return how many entries each part has."""
    return [len(part) for part in cut]


def test_few_small_entries_are_one_part() -> None:
    """Also none at all: a cursor may have to move."""
    some = [entry("a"), knows("+a", None), knows("+b", b"x")]

    assert cut_entries(some, most_entries=MANY) == [some]
    assert cut_entries([], most_entries=MANY) == [[]]


def test_parts_are_bounded_in_number_and_bytes_and_in_order() -> None:
    """So that a small volume that has some room takes them (issue 10, item 32)."""
    third = MOST_BYTES // 3 + 1
    large = [entry(str(number), size=third) for number in range(5)]
    small = [entry(str(number)) for number in range(5)]

    assert names(cut_entries(large, most_entries=MANY)) == [1, 2, 2]
    assert names(cut_entries(small, most_entries=2)) == [1, 2, 2]
    assert [
        one for part in cut_entries(large, most_entries=MANY) for one in part
    ] == large


def test_entry_larger_than_a_part_goes_alone() -> None:
    """It cannot be cut."""
    some = [entry("a"), entry("b", size=2 * MOST_BYTES), knows("+c", b"x")]

    assert names(cut_entries(some, most_entries=MANY)) == [1, 1, 1]


def test_what_goes_with_the_cursor_is_not_cut() -> None:
    """A snapshot that is complete says so in one commit with its cursor."""
    some = [entry(str(number), size=MOST_BYTES) for number in range(4)]

    assert names(cut_entries(some, most_entries=MANY, closing=3)) == [1, 3]
