"""Read a snapshot from the watch that then goes on (KEP-3157, WatchList).

One request instead of a list of many pages and a watch. The objects come in the order
of their keys, so their versions say nothing about how far the stream has come: only the
bookmark that ends them does. Not every API server can do that, and some do not say so.
"""

import asyncio
from collections.abc import Sequence

from bridge.cluster import Bookmark, Change
from bridge.cluster.changes import ListedObject, ends_initial, is_for_later, read_line
from bridge.cluster.reflector.list_watch import ListWatch
from bridge.cluster.reflector.retry import Observer, WatchRetry
from bridge.cluster.reflector.snapshot import Snapshot
from bridge.cluster.requests import WatchStream
from bridge.cluster.store import MetadataFilter
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    UnreachableError,
    UnreadableError,
)

SILENCE_SECONDS = 30.0
"""A server that ignores what it is asked for never sends the bookmark."""

_CUTS_LIMIT = 3
"""A list makes progress page by page where a stream is cut again and again."""

# Not those that say something else: credentials, RBAC, no such resource, 410, 429.
_NOT_UNDERSTOOD = frozenset({400, 406, 415, 422})


class WatchListUnsupportedError(UnreachableError):
    """The API server does not stream the initial state."""


class InitialEvents:
    """Reads the initial events of one watch, as a snapshot.

    Attributes:
        snapshot: Takes the objects, and puts what they mean.
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
            snapshot: Takes the objects, and puts what they mean.
            list_watch: What is watched.
            keeps: The metadata that is kept of objects.
            observer: Receives counts.
        """
        self.snapshot = snapshot
        self._list_watch = list_watch
        self._keeps = keeps
        self._observer = observer

    async def read(self, stream: WatchStream) -> Sequence[bytes]:
        """Put the snapshot, to the bookmark that ends it; return the lines after that.

        Raises:
            WatchListUnsupportedError: The bookmark does not come.
            ClusterError: The watch ended before it, in any way.
        """
        self.snapshot.begin(self.snapshot.plan)
        rest = None
        while rest is None:
            rest = await self._take(await self._lines(stream))
        return rest

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

    async def _take(self, lines: Sequence[bytes]) -> Sequence[bytes] | None:
        """Give the items of the lines to the snapshot, in their order.

        Returns:
            The lines after the bookmark that ends the list; None: it has not come yet.
        """
        listed: list[ListedObject] = []
        resource, keeps = self._list_watch.resource, self._keeps
        for position, line in enumerate(lines):
            try:
                item = read_line(line, resource=resource, keeps=keeps)
            except ClusterError:
                await self.snapshot.take(listed)
                raise
            if item is None:
                self._skip(line)
            elif (found := _listed(item)) is not None:
                listed.append(found)
            else:
                await self.snapshot.take(listed)
                listed = []
                if await self._ends(item, line):
                    return lines[position + 1 :]
        await self.snapshot.take(listed)
        return None

    async def _ends(self, item: Change | Bookmark, line: bytes) -> bool:
        """Give the snapshot a deletion or its end; return whether it is the end."""
        if isinstance(item, Change):
            await self.snapshot.deleted_while_listing(item)
            return False
        if not ends_initial(line):
            raise watch_list_unsupported(self._list_watch, "another bookmark")
        await self.snapshot.finish(item.resource_version)
        return True

    def _skip(self, line: bytes) -> None:
        """Skip a line of an unknown type, but no object."""
        if not is_for_later(line):
            raise UnreadableError(
                f"watch {self._list_watch.resource.name}: expected what is there, each "
                f"with a resourceVersion, got a line of {len(line)} bytes without one"
            )
        self._observer.count("line-skipped")


def _listed(item: Change | Bookmark) -> ListedObject | None:
    if isinstance(item, Bookmark) or item.change == "deleted" or item.known is None:
        return None
    return ListedObject(object=item.object, known=item.known, event=item.event)


def watch_list_unsupported(
    list_watch: ListWatch, got: str
) -> WatchListUnsupportedError:
    """Return the error for a stream without the bookmark that ends it."""
    return WatchListUnsupportedError(
        f"watch {list_watch.resource.name}: expected what is there and a bookmark with "
        f"k8s.io/initial-events-end, got {got}",
        phase="stream",
    )


class WatchListSupport:
    """Decides whether a snapshot is streamed or listed, and learns from failures."""

    def __init__(self, *, retry: WatchRetry, observer: Observer) -> None:
        """Expect the API server to stream."""
        self._retry = retry
        self._observer = observer
        self._is_understood = True

    def is_fit(self, snapshot: Snapshot) -> bool:
        """Return whether a snapshot is to be streamed; else it is listed.

        Only the newest state can be streamed. After a rollback its version has to come
        first, and a stream ends with it.
        """
        plan = snapshot.plan
        return (
            self._is_understood
            and plan.version is None
            and plan.cause != "rolled-back"
            and snapshot.cuts < _CUTS_LIMIT
        )

    async def failed(self, snapshot: Snapshot, error: ClusterError) -> None:
        """Learn from an error, and wait before the next attempt."""
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
