"""What is there, streamed by the watch that then goes on (KEP-3157, WatchList).

One request instead of a list of many pages and a watch. The objects come in the order
of their keys, so their versions say nothing about how far the stream has come: only the
bookmark that ends them does. Not every API server can do that, and some do not say so.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from bridge.cluster import Bookmark, Change, Item
from bridge.cluster.changes import ListedObject, ends_initial, is_for_later, read_line
from bridge.cluster.metadata import MetadataFilter
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.observer import Observer
from bridge.cluster.reflector.retry import WatchRetry
from bridge.cluster.reflector.snapshot import Snapshot
from bridge.cluster.requests import WatchStream
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    UnreachableError,
    UnreadableError,
)

SILENCE_SECONDS = 30.0
"""A server that ignores what it is asked for never sends the bookmark."""

_CUTS_LIMIT = 3
"""A list gets on page by page where a stream is cut again and again."""

# Not those that say something else: credentials, RBAC, no such resource, 410, 429.
_NOT_UNDERSTOOD = frozenset({400, 406, 415, 422})


class WatchListUnsupportedError(UnreachableError):
    """The API server does not stream what is there."""


class InitialEvents:
    """Reads what is there from one watch, as a snapshot.

    Attributes:
        snapshot: What it is read for.
        rest: Lines that came after the end of it, in the same read.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        list_watch: ListWatch,
        keeps: MetadataFilter,
        observer: Observer,
    ) -> None:
        """Expect a watch that has just begun.

        Args:
            snapshot: Told what is there.
            list_watch: What is watched.
            keeps: What is remembered of objects.
            observer: What the caller lends.
        """
        self.snapshot = snapshot
        self.rest: Sequence[bytes] = ()
        self._list_watch = list_watch
        self._keeps = keeps
        self._observer = observer

    async def read(self, stream: WatchStream) -> AsyncGenerator[list[Item]]:
        """Yield what the snapshot makes of it, to the bookmark that ends it.

        Raises:
            NotStreamedError: It does not come.
            ClusterError: The watch ended before, in whatever way.
        """
        self.snapshot.begin(self.snapshot.plan)
        while not self.snapshot.version:
            for part in self._parts(await self._lines(stream)):
                async with aclosing(self._told(part)) as batches:
                    async for batch in batches:
                        yield batch

    async def _lines(self, stream: WatchStream) -> list[bytes]:
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                lines = await stream.read()
        except TimeoutError as error:
            raise watch_list_unsupported(
                self._list_watch, "nothing for 30 s"
            ) from error
        if not lines:
            raise UnreachableError(
                f"watch {self._list_watch.resource.name}: expected a bookmark after "
                "what is there, got the end of the stream",
                phase="stream",
            )
        return lines

    def _parts(
        self, lines: Sequence[bytes]
    ) -> Iterator[Sequence[ListedObject] | Change | Bookmark]:
        """Yield what is there, what is gone again, and the end, in their order."""
        listed: list[ListedObject] = []
        resource, keeps = self._list_watch.resource, self._keeps
        for position, line in enumerate(lines):
            try:
                item = read_line(line, resource=resource, keeps=keeps)
            except ClusterError:
                yield listed
                raise
            if item is None:
                self._skip(line)
            elif (found := _listed(item)) is not None:
                listed.append(found)
            else:
                yield listed
                listed = []
                if isinstance(item, Bookmark):
                    self._must_end(line)
                    self.rest = lines[position + 1 :]
                yield item
                if isinstance(item, Bookmark):
                    return
        yield listed

    def _skip(self, line: bytes) -> None:
        """Pass over what later servers may say, but not over what is there."""
        if not is_for_later(line):
            raise UnreadableError(
                f"watch {self._list_watch.resource.name}: expected what is there, each "
                f"with a resourceVersion, got a line of {len(line)} bytes without one"
            )
        self._observer.count("line-skipped")

    def _must_end(self, line: bytes) -> None:
        if not ends_initial(line):
            raise watch_list_unsupported(self._list_watch, "another bookmark")

    def _told(
        self, part: Sequence[ListedObject] | Change | Bookmark
    ) -> AsyncGenerator[list[Item]]:
        if isinstance(part, Bookmark):
            return self.snapshot.finish(part.resource_version)
        if isinstance(part, Change):
            return self.snapshot.deleted_while_listing(part)
        return self.snapshot.take(part)


def _listed(item: Change | Bookmark) -> ListedObject | None:
    if isinstance(item, Bookmark) or item.change == "deleted" or item.known is None:
        return None
    return ListedObject(object=item.object, known=item.known)


def watch_list_unsupported(
    list_watch: ListWatch, got: str
) -> WatchListUnsupportedError:
    """Return the error that says what came instead of the bookmark."""
    return WatchListUnsupportedError(
        f"watch {list_watch.resource.name}: expected what is there and a bookmark with "
        f"k8s.io/initial-events-end, got {got}",
        phase="stream",
    )


class WatchListSupport:
    """Decides whether what is there is streamed or listed, and learns from failures."""

    def __init__(self, *, retry: WatchRetry, observer: Observer) -> None:
        """Expect the API server to know how."""
        self._retry = retry
        self._observer = observer
        self._is_understood = True

    def is_fit(self, snapshot: Snapshot) -> bool:
        """Tell whether a snapshot is to be streamed; else it is listed.

        Only the newest state can be streamed. After a rollback its version has to be
        told first, which a stream tells last.
        """
        plan = snapshot.plan
        return (
            self._is_understood
            and plan.version is None
            and plan.cause != "rolled-back"
            and snapshot.cuts < _CUTS_LIMIT
        )

    async def failed(self, snapshot: Snapshot, error: ClusterError) -> None:
        """Return when it makes sense to try again, in this way or another."""
        refused = isinstance(error, ApiStatusError) and error.status in _NOT_UNDERSTOOD
        if refused or isinstance(error, WatchListUnsupportedError):
            self._is_understood = False
            self._observer.count("watchlist-fallback")
            return
        if snapshot.is_begun:
            snapshot.is_begun = False
            snapshot.cuts += 1
            self._observer.count("relist-restart")
        await self._retry.back_off(error)
