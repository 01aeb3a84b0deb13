"""Walks through stored rows, a bounded number at a time."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fastapi import HTTPException, status

MOST_SCANNED = 2_000
"""Most rows that one request for a page looks at, some 50 ms of work."""

MOST_SECONDS = 1.0
"""After this time a request for a page looks at no further row."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked(Generic[Stored]):
    """What came of a walk through rows.

    Attributes:
        found: What was taken of the rows.
        first: Handle of the first row that was looked at; None: there was none.
        last: Handle of the last one; None: there was none.
        is_over: Whether there are no more rows.
    """

    found: list[Stored]
    first: str | None
    last: str | None
    is_over: bool


async def walk(
    rows: AsyncIterator[Stored],
    take: Callable[[Stored], Stored | None],
    *,
    limit: int,
) -> Walked[Stored]:
    """Look at rows until enough are found, or enough was done.

    Args:
        rows: Where to look.
        take: Gives what is to be held of a row; None: it is not wanted.
        limit: Most rows to find.
    """
    found: list[Stored] = []
    first = last = None
    end = time.monotonic() + MOST_SECONDS
    scanned = 0
    async with closing(rows):
        async for row in rows:
            scanned += 1
            last = row.handle
            first = first or last
            if (taken := take(row)) is not None:
                found.append(taken)
            is_enough = len(found) == limit or scanned == MOST_SCANNED
            if is_enough or time.monotonic() > end:
                return Walked(found=found, first=first, last=last, is_over=False)
    return Walked(found=found, first=first, last=last, is_over=True)


async def get(
    rows_after: Callable[[str], AsyncIterator[Stored]], handle: str
) -> Stored | None:
    """Return the row with this handle; None: there is none.

    Args:
        rows_after: Gives the rows after a handle.
        handle: A letter and a number, as the store makes them.
    """
    number = handle[1:]
    is_number = number.isascii() and number.isdecimal()
    if not is_number or len(number) > _LONGEST_NUMBER or int(number) < 1:
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
