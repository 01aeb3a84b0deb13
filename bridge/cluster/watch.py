"""Never miss a revision: resume, repair, and say so where neither is possible."""

import asyncio
import random as _random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Literal

from bridge.cluster import Happening, Item, Note, Resource, Synced
from bridge.cluster.client import ClusterClient
from bridge.cluster.identity import Keeps
from bridge.cluster.reflector.collection import Collection
from bridge.cluster.reflector.hooks import Hooks
from bridge.cluster.reflector.initial import Burst, Streaming
from bridge.cluster.reflector.pages import Pages
from bridge.cluster.reflector.patience import Patience
from bridge.cluster.reflector.repair import Relist, Resume, examine, oldest_watchable
from bridge.cluster.reflector.snapshot import Snapshot
from bridge.cluster.reflector.stream import SilentError, Stream
from bridge.cluster.reflector.suspicion import Evidence, Suspicion, Word
from bridge.cluster.store import Store
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ExpiredError,
    UnreachableError,
    UnreadableError,
)

EMPTY_SECONDS = 2.0
"""A watch that brings nothing and ends sooner is not an idle one."""

_JUST_REPAIRED_SECONDS = 10.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _ignore(_: object) -> None:
    """Nobody listens."""


@asynccontextmanager
async def list_and_watch(
    client: ClusterClient,
    resource: Resource,
    *,
    namespace: str | None = None,
    field_selector: str = "",
    label_selector: str = "",
    metadata_only: bool = False,
    cursor: str | None = None,
    initial: Literal["skip", "emit"] = "skip",
    note: Note | None = None,
    store: Store | None = None,
    report: Callable[[ClusterError | None], None] = _ignore,
    count: Callable[[Happening], None] = _ignore,
    now: Callable[[], datetime] = _utc_now,
    random: Callable[[], float] = _random.random,
) -> AsyncIterator[AsyncIterator[list[Item]]]:
    """Yield batches of what happens to a resource, see `bridge.cluster`, without end.

    The watch is not read while a batch is handled: TCP holds the API server back,
    nothing is dropped. Leaving the block closes the connection at once. Trouble is
    reported, waited out and tried again.

    Args:
        client: The cluster.
        resource: What to watch.
        namespace: Where; None: everywhere.
        field_selector: Pushed to the API server; empty: all.
        label_selector: Pushed to the API server; empty: all.
        metadata_only: Read the metadata of objects instead of whole objects.
        cursor: Version up to which everything has been read; None: nothing yet.
        initial: Without a cursor: ``skip`` what is there, or ``emit`` it as added.
        note: What was last noted beside the cursor.
        store: What was known at the cursor; it is kept up to what was yielded. None,
            for Kubernetes Events: only versions tell what is news.
        report: Called with each error that is waited out, again for each attempt, and
            with None when a watch is open for the first time or again.
        count: Called for each `Happening`.
        now: Wall clock, for notes and gaps.
        random: Uniform in [0, 1), for jitter.

    Raises:
        NotServedError: Iterating, twice in a row: there is no such resource any more,
            or it cannot be listed or watched. All else is waited out.
    """
    collection = Collection(
        client=client,
        resource=resource,
        namespace=namespace,
        field_selector=field_selector,
        label_selector=label_selector,
        metadata_only=metadata_only,
    )
    hooks = Hooks(report=report, count=count, now=now, random=random)
    reader = _Reader(collection, store=store, note=note, hooks=hooks)
    async with aclosing(reader.run(cursor, initial=initial)) as batches:
        yield batches


class _Reader:
    """Goes round: catch up, follow the watches, find out why they ended.

    ::

        first plan ──Resume──────────────────┐
            │ Relist                         ▼
            ├─▶ the newest: stream it ──▶ follow ──▶ examine ──┐
            │     │ not understood, cut     ▲                  │
            │     ▼ again and again         │                  │
            ├─▶ list it, page by page ──────┤                  │
            │                               │ Resume           │
            └───────────────────────────────┴──────────────────┘
    """

    def __init__(
        self,
        collection: Collection,
        *,
        store: Store | None,
        note: Note | None,
        hooks: Hooks,
    ) -> None:
        self._collection = collection
        self._store = store
        self._hooks = hooks
        self._patience = Patience(hooks)
        self._stream = Stream(
            collection, store=store, patience=self._patience, note=note, hooks=hooks
        )
        self._keeps = store.keeps if store is not None else Keeps()
        self._pages = Pages(
            collection, keeps=self._keeps, patience=self._patience, hooks=hooks
        )
        self._streaming = Streaming(patience=self._patience, hooks=hooks)
        self._suspicion: Suspicion = "none"
        self._evidence = Evidence()
        self._watchable: str | None = None

    async def run(
        self, cursor: str | None, *, initial: Literal["skip", "emit"]
    ) -> AsyncGenerator[list[Item]]:
        plan = await self._first_plan(cursor, initial=initial)
        if isinstance(plan, Resume):
            yield [Synced(resource_version=self._stream.position)]
        while True:
            async with aclosing(self._round(plan)) as batches:
                async for batch in batches:
                    yield batch
            plan = await self._examine()

    async def _first_plan(
        self, cursor: str | None, *, initial: Literal["skip", "emit"]
    ) -> Resume | Relist:
        if cursor is None:
            return await self._very_first_plan(initial)
        self._stream.position = cursor
        plan = await self._examine()
        knows_all = self._store is None or self._store.is_complete
        if isinstance(plan, Resume) and not knows_all:
            return Relist(version=cursor, cursor=cursor)
        return plan

    async def _very_first_plan(
        self, initial: Literal["skip", "emit"]
    ) -> Resume | Relist:
        if initial == "emit" or self._store is not None:
            return Relist(announces=initial == "emit")
        newest = await self._patience.insist(self._collection.newest_version)
        self._stream.position = newest
        return Resume()

    async def _examine(self) -> Resume | Relist:
        return await examine(
            self._collection,
            self._stream.position,
            suspicion=self._suspicion,
            watchable=self._watchable,
            patience=self._patience,
        )

    async def _round(self, plan: Resume | Relist) -> AsyncGenerator[list[Item]]:
        """Catch up if need be, then follow, until that needs an explanation."""
        snapshot = self._snapshot(plan) if isinstance(plan, Relist) else None
        while snapshot is not None and self._streaming.is_fit(snapshot):
            async with aclosing(self._follow(snapshot)) as batches:
                async for batch in batches:
                    yield batch
            if snapshot.version:
                return
        if snapshot is not None:
            async with aclosing(self._pages.read(snapshot)) as batches:
                async for batch in batches:
                    yield batch
            self._stream.synced(snapshot.version)
        async with aclosing(self._follow()) as batches:
            async for batch in batches:
                yield batch

    def _snapshot(self, plan: Relist) -> Snapshot:
        if plan.cause is not None:
            self._hooks.count(plan.cause)
        return Snapshot(
            plan,
            collection=self._collection,
            store=self._store,
            note=self._stream.note,
            patience=self._patience,
            hooks=self._hooks,
        )

    async def _follow(
        self, snapshot: Snapshot | None = None
    ) -> AsyncGenerator[list[Item]]:
        """Watch again and again, until that needs an explanation.

        Args:
            snapshot: The first watch brings it; None: nothing is to catch up with.
        """
        self._suspicion = "none"
        while self._suspicion == "none":
            opened_at = _time()
            try:
                async with aclosing(self._watch(snapshot)) as batches:
                    async for batch in batches:
                        yield batch
            except ClusterError as error:
                await self._failed(error, snapshot)
                return
            snapshot = None
            await self._ended(seconds=_time() - opened_at)

    def _watch(self, snapshot: Snapshot | None) -> AsyncGenerator[list[Item]]:
        if snapshot is None:
            return self._stream.watch()
        burst = Burst(
            snapshot,
            collection=self._collection,
            keeps=self._keeps,
            hooks=self._hooks,
        )
        return self._stream.watch_initial(burst)

    async def _ended(self, *, seconds: float) -> None:
        """Go on at once after a good end; be wary of watches that bring nothing."""
        if self._stream.brought or seconds >= EMPTY_SECONDS:
            self._evidence.clear()
            self._hooks.count("reconnect-end")
            await asyncio.sleep(self._hooks.random())
            return
        self._hooks.count("watch-empty")
        self._suspect("empty")
        if self._suspicion == "none":
            await asyncio.sleep(1.0)
            return
        name = self._collection.resource.name
        error = f"watch {name}: expected it to last, got an empty answer twice"
        await self._patience.wait_out(UnreachableError(error, phase="stream"))

    async def _failed(self, error: ClusterError, snapshot: Snapshot | None) -> None:
        """Wait until it makes sense to find out where to go on from."""
        if snapshot is not None and not snapshot.version:
            await self._streaming.failed(snapshot, error)
            return
        if isinstance(error, ExpiredError):
            self._suspect("expired")
            self._watchable = oldest_watchable(error)
            await self._expired(error)
            return
        is_silent = isinstance(error, SilentError)
        self._hooks.count("reconnect-silent" if is_silent else "reconnect-error")
        # A connection that broke, or was refused, says nothing about what comes next.
        if self._stream.is_open and isinstance(error, ApiStatusError | UnreadableError):
            self._suspect("unreadable")
        await self._patience.wait_out(error)

    async def _expired(self, error: ExpiredError) -> None:
        if _time() - self._stream.synced_at < _JUST_REPAIRED_SECONDS:
            await self._patience.wait_out(error)  # the repair did not help
        else:
            await asyncio.sleep(self._hooks.random())

    def _suspect(self, word: Word) -> None:
        self._suspicion = self._evidence.add(word, version=self._stream.position)


def _time() -> float:
    return asyncio.get_running_loop().time()
