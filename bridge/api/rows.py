"""Walks through stored rows, a bounded number at a time."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from fastapi import HTTPException, status

MOST_SCANNED = 2_000
"""Most rows that one request for a page looks at, some 50 ms of work."""

_LONGEST_NUMBER = 18


class Row(Protocol):
    """A stored row that can be named."""

    @property
    def handle(self) -> str:
        """The store's name for it."""
        ...


Item = TypeVar("Item")
Stored = TypeVar("Stored", bound=Row)


@asynccontextmanager
async def closing(rows: AsyncIterator[Item]) -> AsyncIterator[AsyncIterator[Item]]:
    """Yield `rows`, and end them when the block is left early."""
    try:
        yield rows
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()


async def page(
    rows: AsyncIterator[Stored], passes: Callable[[Stored], bool], *, limit: int
) -> tuple[list[Stored], str | None]:
    """Return up to `limit` rows that pass, and the handle to read on from.

    None for the handle: there are no more rows.
    """
    found: list[Stored] = []
    scanned = 0
    async with closing(rows):
        async for row in rows:
            scanned += 1
            if passes(row):
                found.append(row)
            if len(found) == limit or scanned == MOST_SCANNED:
                return found, row.handle
    return found, None


async def get(
    rows_after: Callable[[str], AsyncIterator[Stored]], handle: str
) -> Stored | None:
    """Return the row with this handle; None: there is none.

    Args:
        rows_after: Gives the rows after a handle.
        handle: A letter and a number, as the store makes them.
    """
    number = handle[1:]
    if not number.isdecimal() or len(number) > _LONGEST_NUMBER or int(number) < 1:
        return None
    async with closing(rows_after(f"{handle[:1]}{int(number) - 1}")) as rows:
        async for row in rows:
            return row if row.handle == handle else None
    return None


async def find(
    rows_after: Callable[[str], AsyncIterator[Stored]], handle: str
) -> Stored:
    """Return the row with this handle; see `get`.

    Raises:
        HTTPException: 404, there is none.
    """
    row = await get(rows_after, handle)
    if row is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"no such handle: {handle}")
    return row
