"""Bytes into lines, wherever they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cluster import requests
from bridge.cluster.requests import LineSplitter
from bridge.errors import UnreadableError


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.binary(min_size=1).map(lambda b: b.replace(b"\n", b"x")), max_size=8),
    st.lists(st.integers(0, 200), max_size=12),
)
def test_lines_come_out_whole_however_the_stream_is_cut(lines, cuts):
    """Chunks have nothing to do with lines."""
    stream = b"".join(line + b"\n" for line in lines)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    splitter = LineSplitter()

    found = [
        line
        for start, end in pairwise(edges)
        for line in splitter.feed(stream[start:end])
    ]

    assert found == lines


def test_an_incomplete_line_is_kept_back():
    """What has no newline yet is no line: it is never handed out."""
    splitter = LineSplitter()

    assert splitter.feed(b"one\ntw") == [b"one"]
    assert splitter.feed(b"o\nthree") == [b"two"]


def test_empty_lines_are_left_out():
    """Some proxies send newlines to keep a connection awake."""
    assert LineSplitter().feed(b"\n\none\n\n") == [b"one"]


def test_a_line_of_several_mebibytes_comes_through():
    """One that aiohttp's own readline would refuse."""
    splitter = LineSplitter()
    chunk = b"x" * 65_536
    for _ in range(100):
        splitter.feed(chunk)

    (line,) = splitter.feed(b"\n")

    assert len(line) == 6_553_600


def test_a_line_above_the_limit_is_refused(monkeypatch):
    """It would fill the memory: the error says how long it was allowed to be."""
    monkeypatch.setattr(requests, "LINE_LIMIT_BYTES", 10)
    splitter = LineSplitter()
    splitter.feed(b"short\n1234567890")

    with pytest.raises(UnreadableError, match="at most 10 bytes"):
        splitter.feed(b"1")
