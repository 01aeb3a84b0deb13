"""Walks through stored rows."""

from bridge.operate import streams
from bridge.operate.streams import closing, walk


class Row:
    """A row of a store that is no generator."""

    place = "h"


class Rows:
    """An endless store."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        return Row()


async def test_a_page_ends_at_its_limit():
    """A store that is no generator needs no closing."""
    walked = await walk(Rows(), lambda row: row, limit=3)

    assert (len(walked.found), walked.last, walked.is_over) == (3, "h", False)


async def test_a_walk_ends_when_its_time_is_over(monkeypatch):
    """However little it found."""
    monkeypatch.setattr(streams, "MOST_SECONDS", -1.0)

    walked = await walk(Rows(), lambda _: None, limit=3)

    assert (walked.found, walked.last, walked.is_over) == ([], "h", False)


async def test_rows_are_closed_when_a_walk_ends_early():
    """A generator gives back what it holds at once, not when it is collected."""
    ended = []

    async def opened():
        try:
            while True:
                yield Row()
        finally:
            ended.append(True)

    async with closing(opened()) as rows_:
        async for _ in rows_:
            break

    assert ended == [True]
