"""Walks through stored rows."""

from bridge.api.rows import closing, page


class Row:
    """A row of a store that is no generator."""

    handle = "h"


class Rows:
    """An endless store."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        return Row()


async def test_a_page_ends_at_its_limit():
    """A store that is no generator needs no closing."""
    found, after = await page(Rows(), lambda _: True, limit=3)

    assert (len(found), after) == (3, "h")


async def test_rows_are_closed_when_a_walk_ends_early():
    """A generator gives back what it holds at once, not when it is collected."""
    ended = []

    async def rows():
        try:
            while True:
                yield Row()
        finally:
            ended.append(True)

    async with closing(rows()) as walk:
        async for _ in walk:
            break

    assert ended == [True]
