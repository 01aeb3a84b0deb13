"""Cuts entries into puts that a small volume can take."""

from collections.abc import Sequence

from bridge.queue import Entry

MOST_BYTES = 2 * 1024 * 1024
"""Most bytes of one put; a single entry may be larger. A put needs about three times
its size on the volume, in the log and in the file."""


def parts(
    entries: Sequence[Entry], *, most_entries: int, closing: int = 0
) -> list[Sequence[Entry]]:
    """Return the entries in parts, in their order; one empty part if there are none.

    Args:
        entries: Entries to store.
        most_entries: Most entries of one part.
        closing: How many of the last entries have to be in one part, whatever their
            bytes: they go with the cursor.
    """
    end = len(entries)
    if end <= most_entries and sum(map(_size, entries)) <= MOST_BYTES:
        return [entries]
    cut: list[Sequence[Entry]] = []
    while end or not cut:
        start = _start(entries, end, most_entries, closing)
        cut.append(entries[start:end])
        end, closing = start, 0
    return cut[::-1]


def _start(entries: Sequence[Entry], end: int, most: int, closing: int) -> int:
    """Return where the part begins that ends before `end`."""
    start, size = end, 0
    while start and end - start < most:
        size += _size(entries[start - 1])
        if size > MOST_BYTES and end - start >= max(1, closing):
            break
        start -= 1
    return start


def _size(entry: Entry) -> int:
    size = 0 if entry.encoded is None else len(entry.encoded.body)
    if entry.remember is not None and entry.remember[1] is not None:
        size += len(entry.remember[1])
    return size
