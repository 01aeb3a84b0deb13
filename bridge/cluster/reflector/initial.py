"""What is there, streamed by the watch that then goes on (KEP-3157, WatchList).

One request instead of a list of many pages and a watch. The objects come in the order
of their keys, so their versions say nothing about how far the stream has come: only the
bookmark that ends them does. Not every API server can do that, and some do not say so.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing

from bridge.cluster import Bookmark, Change, Item
from bridge.cluster.changes import Listed, ends_initial, is_for_later, read_line
from bridge.cluster.exchange import WatchStream
from bridge.cluster.identity import Keeps
from bridge.cluster.reflector.collection import Collection
from bridge.cluster.reflector.hooks import Hooks
from bridge.cluster.reflector.patience import Patience
from bridge.cluster.reflector.snapshot import Snapshot
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


class NotStreamedError(UnreachableError):
    """The API server does not stream what is there."""


class Burst:
    """Reads what is there from one watch, as a snapshot.

    Attributes:
        snapshot: What it is read for.
        rest: Lines that came after the end of it, in the same read.
    """

    def __init__(
        self, snapshot: Snapshot, *, collection: Collection, keeps: Keeps, hooks: Hooks
    ) -> None:
        """Expect a watch that has just begun.

        Args:
            snapshot: Told what is there.
            collection: What is watched.
            keeps: What is remembered of objects.
            hooks: What the caller lends.
        """
        self.snapshot = snapshot
        self.rest: Sequence[bytes] = ()
        self._collection = collection
        self._keeps = keeps
        self._hooks = hooks

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
            raise not_streamed(self._collection, "nothing for 30 s") from error
        if not lines:
            raise UnreachableError(
                f"watch {self._collection.resource.name}: expected a bookmark after "
                "what is there, got the end of the stream",
                phase="stream",
            )
        return lines

    def _parts(
        self, lines: Sequence[bytes]
    ) -> Iterator[Sequence[Listed] | Change | Bookmark]:
        """Yield what is there, what is gone again, and the end, in their order."""
        listed: list[Listed] = []
        resource, keeps = self._collection.resource, self._keeps
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
                f"watch {self._collection.resource.name}: expected what is there, each "
                f"with a resourceVersion, got a line of {len(line)} bytes without one"
            )
        self._hooks.count("line-skipped")

    def _must_end(self, line: bytes) -> None:
        if not ends_initial(line):
            raise not_streamed(self._collection, "another bookmark")

    def _told(
        self, part: Sequence[Listed] | Change | Bookmark
    ) -> AsyncGenerator[list[Item]]:
        if isinstance(part, Bookmark):
            return self.snapshot.finish(part.resource_version)
        if isinstance(part, Change):
            return self.snapshot.vanish(part)
        return self.snapshot.take(part)


def _listed(item: Change | Bookmark) -> Listed | None:
    if isinstance(item, Bookmark) or item.change == "deleted" or item.known is None:
        return None
    return Listed(object=item.object, known=item.known)


def not_streamed(collection: Collection, got: str) -> NotStreamedError:
    """Return the error that says what came instead of the bookmark."""
    return NotStreamedError(
        f"watch {collection.resource.name}: expected what is there and a bookmark with "
        f"k8s.io/initial-events-end, got {got}",
        phase="stream",
    )


class Streaming:
    """Decides whether what is there is streamed or listed, and learns from failures."""

    def __init__(self, *, patience: Patience, hooks: Hooks) -> None:
        """Expect the API server to know how."""
        self._patience = patience
        self._hooks = hooks
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
        if refused or isinstance(error, NotStreamedError):
            self._is_understood = False
            self._hooks.count("watchlist-fallback")
            return
        if snapshot.is_begun:
            snapshot.is_begun = False
            snapshot.cuts += 1
            self._hooks.count("relist-restart")
        await self._patience.wait_out(error)
