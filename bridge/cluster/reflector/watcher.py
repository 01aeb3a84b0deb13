"""Watch a collection again and again, each time from where the last watch ended."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from bridge.cluster import (
    BATCH_LIMIT,
    BatchConsumer,
    Bookmark,
    Change,
    ProgressMark,
)
from bridge.cluster.changes import read_line
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.progress import ProgressMarks
from bridge.cluster.reflector.retry import Observer, WatchRetry
from bridge.cluster.reflector.watchlist import SILENCE_SECONDS as INITIAL_SECONDS
from bridge.cluster.reflector.watchlist import InitialEvents, watch_list_unsupported
from bridge.cluster.requests import WatchStream
from bridge.cluster.store import Store
from bridge.errors import ClusterError, UnreachableError

SILENCE_SECONDS = 150.0
"""Two and a half missed bookmarks; servers that send them do so every minute."""


class SilentError(UnreachableError):
    """A watch that should bring bookmarks brought nothing for `SILENCE_SECONDS`."""


def watch_seconds(random: Callable[[], float]) -> int:
    """Return the `timeoutSeconds` of a watch: 5 to 10 minutes, as client-go's."""
    return 300 + int(300 * random())


class Watcher:
    """Watches a collection, and keeps how far the watches came.

    Attributes:
        position: Version up to which everything was put.
        synced_at: When a snapshot was last read, by the loop's clock.
        mark: The last progress mark that was put, or the one given.
        is_open: Whether the server accepted the last watch.
        brought: How many items the last watch brought.
    """

    def __init__(
        self,
        list_watch: ListWatch,
        *,
        into: BatchConsumer,
        store: Store | None,
        retry: WatchRetry,
        mark: ProgressMark | None,
        observer: Observer,
    ) -> None:
        """Start nowhere: set `position` before watching.

        Args:
            list_watch: What is watched.
            into: Takes the batches.
            store: Keeps what is known of each object; None: nothing is kept.
            retry: Is reset when a watch is open.
            mark: The last progress mark of an earlier run; None: there is none.
            observer: Receives reports and counts.
        """
        self.position = ""
        self.synced_at = float("-inf")
        self.mark = mark
        self.is_open = False
        self.brought = 0
        self._list_watch = list_watch
        self._into = into
        self._store = store
        self._retry = retry
        self._observer = observer
        self._marks = ProgressMarks(
            newest_version=list_watch.newest_version, now=observer.now
        )

    async def watch(self) -> None:
        """Put what comes after `position`, until the server ends the watch.

        Raises:
            ClusterError: It could not be opened, or it did not end well.
        """
        async with self._open(self.position) as stream:
            self._opened()
            await self._follow(stream)

    async def watch_initial(self, initial: InitialEvents) -> None:
        """Put what is there, as a snapshot, and what comes after it.

        Raises:
            WatchListUnsupportedError: The server cannot stream what is there.
            ClusterError: It could not be opened, or it did not end well.
        """
        async with AsyncExitStack() as stack:
            stream = await self._open_initial(stack)
            self._opened()
            rest = await initial.read(stream)
            self.synced(initial.snapshot.version)
            self.brought = 1
            await self._put(rest)
            await self._follow(stream)

    def synced(self, version: str) -> None:
        """Go on from the version of a snapshot."""
        self.position = version
        self.synced_at = asyncio.get_running_loop().time()

    def _open(
        self, version: str, *, initial: bool = False
    ) -> AbstractAsyncContextManager[WatchStream]:
        self.is_open, self.brought = False, 0
        self._marks.cut()
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

    async def _follow(self, stream: WatchStream) -> None:
        while (lines := await self._read(stream)) != []:
            await self._put(lines or ())
            await self._put_mark(await self._proven_mark())
        await self._put_mark(self._marks.ended(position=self.position))

    async def _read(self, stream: WatchStream) -> list[bytes] | None:
        """Return lines; an empty list at the end; None when a mark is due."""
        bookmarks = self._list_watch.resource.has_bookmarks
        silence = asyncio.get_running_loop().time() + SILENCE_SECONDS
        try:
            async with asyncio.timeout_at(silence if bookmarks else self._marks.due_at):
                return await stream.read()
        except TimeoutError as error:
            if not bookmarks:
                return None
            raise SilentError(
                f"watch {self._list_watch.resource.name}: expected a bookmark every "
                f"minute, got nothing for {SILENCE_SECONDS:.0f} s",
                phase="stream",
            ) from error

    async def _proven_mark(self) -> ProgressMark | None:
        if self._list_watch.resource.has_bookmarks:
            return None
        await self._marks.list_if_due()
        return self._marks.proven(position=self.position)

    async def _put_mark(self, mark: ProgressMark | None) -> None:
        if mark is not None:
            self.mark = mark
            await self._into.put([mark])

    async def _put(self, lines: Sequence[bytes]) -> None:
        for start in range(0, len(lines), BATCH_LIMIT):
            items, error = self._items(lines[start : start + BATCH_LIMIT])
            self.brought += len(items)
            if items:
                await self._into.put(items)
                self.position = items[-1].resource_version
            if error is not None:
                raise error

    def _items(
        self, lines: Sequence[bytes]
    ) -> tuple[list[Change | Bookmark], ClusterError | None]:
        """Return the items of the lines, and the error that ends the watch, if any."""
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
