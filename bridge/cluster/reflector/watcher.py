"""Watches, one after the other, each from where the last one came to."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing

from bridge.cluster import BATCH_LIMIT, Bookmark, Change, Item, ProgressMark
from bridge.cluster.changes import read_line
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.observer import Observer
from bridge.cluster.reflector.progress import ProgressMarks
from bridge.cluster.reflector.retry import WatchRetry
from bridge.cluster.reflector.watchlist import SILENCE_SECONDS as INITIAL_SECONDS
from bridge.cluster.reflector.watchlist import InitialEvents, watch_list_unsupported
from bridge.cluster.requests import WatchStream
from bridge.cluster.store import Store
from bridge.errors import ClusterError, UnreachableError

SILENCE_SECONDS = 150.0
"""Two and a half missed bookmarks, which come every minute where they come."""


class SilentError(UnreachableError):
    """A watch that should bring bookmarks brought nothing for too long."""


def watch_seconds(random: Callable[[], float]) -> int:
    """Return how long the server is to keep a watch: 5 to 10 minutes, as client-go."""
    return 300 + int(300 * random())


class Watcher:
    """Watches a collection and remembers how far it came.

    Attributes:
        position: Version up to which everything was yielded.
        synced_at: When a snapshot was last read, by the loop's clock.
        note: The last note that was yielded, or the one given.
        is_open: Whether the server accepted the last watch.
        brought: How many items the last watch brought.
    """

    def __init__(
        self,
        list_watch: ListWatch,
        *,
        store: Store | None,
        retry: WatchRetry,
        note: ProgressMark | None,
        observer: Observer,
    ) -> None:
        """Start nowhere: set `position` before watching.

        Args:
            list_watch: What is watched.
            store: Is told what changes; None: nothing is remembered.
            retry: Told when a watch is open.
            note: What was noted before; None: nothing.
            observer: What the caller lends.
        """
        self.position = ""
        self.synced_at = float("-inf")
        self.note = note
        self.is_open = False
        self.brought = 0
        self._list_watch = list_watch
        self._store = store
        self._retry = retry
        self._observer = observer
        self._notes = ProgressMarks(
            newest_version=list_watch.newest_version, now=observer.now
        )

    async def watch(self) -> AsyncGenerator[list[Item]]:
        """Yield what comes after `position`, until the server ends the watch.

        Raises:
            ClusterError: It could not be opened, or it did not end well.
        """
        async with AsyncExitStack() as stack:
            stream = await stack.enter_async_context(self._open(self.position))
            self._opened()
            async with aclosing(self._follow(stream)) as batches:
                async for batch in batches:
                    yield batch

    async def watch_initial(self, burst: InitialEvents) -> AsyncGenerator[list[Item]]:
        """Yield what is there, as a snapshot, and what happens after it.

        Raises:
            NotStreamedError: The server does not know how.
            ClusterError: It could not be opened, or it did not end well.
        """
        async with AsyncExitStack() as stack:
            stream = await self._open_initial(stack)
            self._opened()
            async with aclosing(burst.read(stream)) as batches:
                async for batch in batches:
                    yield batch
            self.synced(burst.snapshot.version)
            self.brought = 1
            for batch in self._batches(burst.rest):
                yield batch
            async with aclosing(self._follow(stream)) as batches:
                async for batch in batches:
                    yield batch

    def synced(self, version: str) -> None:
        """Go on from the version of a snapshot."""
        self.position = version
        self.synced_at = asyncio.get_running_loop().time()

    def _open(
        self, version: str, *, initial: bool = False
    ) -> AbstractAsyncContextManager[WatchStream]:
        self.is_open, self.brought = False, 0
        self._notes.cut()
        seconds = watch_seconds(self._observer.random)
        return self._list_watch.watch(version, timeout_seconds=seconds, initial=initial)

    async def _open_initial(self, stack: AsyncExitStack) -> WatchStream:
        # Some proxies hold the headers back until the first line.
        try:
            async with asyncio.timeout(INITIAL_SECONDS):
                return await stack.enter_async_context(self._open("", initial=True))
        except TimeoutError as error:
            raise watch_list_unsupported(self._list_watch, "no answer") from error

    def _opened(self) -> None:
        self.is_open = True
        self._retry.succeeded()

    async def _follow(self, stream: WatchStream) -> AsyncGenerator[list[Item]]:
        while (lines := await self._read(stream)) != []:
            for batch in self._batches(lines or []):
                yield batch
            if note := await self._take_note():
                yield [note]
        if note := self._kept(self._notes.ended(position=self.position)):
            yield [note]

    async def _read(self, stream: WatchStream) -> list[bytes] | None:
        """Return lines; none: the end; None: it is time for something else."""
        bookmarks = self._list_watch.resource.has_bookmarks
        silence = asyncio.get_running_loop().time() + SILENCE_SECONDS
        try:
            async with asyncio.timeout_at(silence if bookmarks else self._notes.due_at):
                return await stream.read()
        except TimeoutError as error:
            if not bookmarks:
                return None
            raise SilentError(
                f"watch {self._list_watch.resource.name}: expected a bookmark every "
                f"minute, got nothing for {SILENCE_SECONDS:.0f} s",
                phase="stream",
            ) from error

    async def _take_note(self) -> ProgressMark | None:
        if self._list_watch.resource.has_bookmarks:
            return None
        await self._notes.list_if_due()
        return self._kept(self._notes.proven(position=self.position))

    def _kept(self, note: ProgressMark | None) -> ProgressMark | None:
        self.note = note or self.note
        return note

    def _batches(self, lines: Sequence[bytes]) -> Iterator[list[Item]]:
        for start in range(0, len(lines), BATCH_LIMIT):
            items, error = self._items(lines[start : start + BATCH_LIMIT])
            self.brought += len(items)
            if items:
                yield [*items]
                self.position = items[-1].resource_version
            if error is not None:
                raise error

    def _items(
        self, lines: Sequence[bytes]
    ) -> tuple[list[Change | Bookmark], ClusterError | None]:
        """Return what the lines say, and the error that ends it, if one does."""
        items: list[Change | Bookmark] = []
        resource = self._list_watch.resource
        keeps = self._store.keeps if self._store is not None else None
        for line in lines:
            try:
                item = read_line(line, resource=resource, keeps=keeps)
            except ClusterError as error:
                return items, error
            if item is None:
                self._observer.count("line-skipped")
            else:
                items.append(self._followed(item))
        return items, None

    def _followed(self, item: Change | Bookmark) -> Change | Bookmark:
        if self._store is None or isinstance(item, Bookmark):
            return item
        return self._store.follow(item)
