"""A bridge whose bookmarks do not queue behind the events they stand for."""

import asyncio
import sys
from collections.abc import Sequence

import bridge.ingest.build
import bridge.ingest.reader
from bridge.__main__ import main
from bridge.cluster import Change, Item
from bridge.ingest import ScopeReader
from bridge.ingest.buffer import Buffer
from bridge.ingest.plan import Plan


class Ahead(Buffer):
    """Knows the newest version that was read, though nothing of it is stored."""

    newest: str | None = None

    async def put(self, batch: Sequence[Item]) -> None:
        """Take note before anything is stored."""
        last = batch[-1] if batch else None
        if isinstance(last, Change) and not last.listed:
            Ahead.newest = last.resource_version
        await super().put(batch)


class Overtaking(ScopeReader):
    """Moves the cursor to what was read, then stores what led there."""

    _stored: str | None = None

    async def _put(self, plan: Plan) -> None:
        """Lose what waits in the buffer when the kill comes."""
        if Ahead.newest is None:
            await super()._put(plan)
            self._stored = plan.to
            return
        self._stored = self._stored or plan.since
        bookmark = Plan(since=self._stored, to=Ahead.newest)
        await super()._put(bookmark)
        await asyncio.sleep(0.02)
        plan.since = plan.to = self._stored = bookmark.to
        await super()._put(plan)


if __name__ == "__main__":
    bridge.ingest.reader.Buffer = Ahead  # type: ignore[misc]
    bridge.ingest.build.ScopeReader = Overtaking  # type: ignore[misc]
    sys.exit(main())
