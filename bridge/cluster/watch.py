"""Never miss a revision: resume, repair, and say so where neither is possible."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from random import random as real_random
from typing import Literal

from bridge.cluster import Happening, Item, Note, Resource
from bridge.cluster.client import ClusterClient
from bridge.errors import ClusterError


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(_: object) -> None:
    pass


@asynccontextmanager
async def list_and_watch(
    client: ClusterClient,
    resource: Resource,
    *,
    namespace: str | None = None,
    field_selector: str = "",
    label_selector: str = "",
    cursor: str | None = None,
    initial: Literal["skip", "emit"] = "skip",
    note: Note | None = None,
    report: Callable[[ClusterError | None], None] = _ignore,
    count: Callable[[Happening], None] = _ignore,
    now: Callable[[], datetime] = _utc_now,
    random: Callable[[], float] = real_random,
) -> AsyncIterator[AsyncIterator[list[Item]]]:
    """Yield batches of everything that happens to a resource, until the block ends.

    ::

        async with list_and_watch(client, CORE_EVENTS, cursor=cursor) as batches:
            async for batch in batches:
                ...  # batches never end by themselves

    See `bridge.cluster` for the order of items. The watch is not read while a batch
    is being handled: the API server is held back by TCP, nothing is dropped. Leaving
    the block closes the connections at once.

    Trouble is reported, waited out and tried again, never raised: cancellation and
    programming errors are all that comes out.

    Args:
        client: The cluster.
        resource: What to watch.
        namespace: Where; None: everywhere.
        field_selector: Pushed to the API server; empty: all.
        label_selector: Pushed to the API server; empty: all.
        cursor: Version up to which everything has been read; None: nothing yet.
        initial: Without a cursor: ``skip`` what is there, or ``emit`` it as added.
        note: What was last noted beside the cursor.
        report: Called with each error that is being waited out (again for each
            attempt), and with None at the first success after it and at the first
            success of all.
        count: Called for each `Happening`.
        now: Wall clock, for notes and gaps.
        random: Uniform in [0, 1), for jitter.
    """
    raise NotImplementedError
    yield _nothing()


async def _nothing() -> AsyncIterator[list[Item]]:
    yield []
