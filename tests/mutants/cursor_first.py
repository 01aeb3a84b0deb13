"""A bridge that saves its cursor first and its events after it."""

import asyncio
import sys
from typing import Any

import bridge.app.stores
from bridge.__main__ import main
from bridge.queue.sqlite.queue import SqliteQueue


class CursorFirst(SqliteQueue):
    """Two commits where one is promised."""

    async def put(self, entries: Any, *, scope: Any, since: Any, to: Any) -> None:
        """Lose the entries of a kill that falls between the commits."""
        await super().put([], scope=scope, since=since, to=to)
        await asyncio.sleep(0.02)
        await super().put(entries, scope=scope, since=to, to=to)


if __name__ == "__main__":
    bridge.app.stores.SqliteQueue = CursorFirst  # type: ignore[misc]
    sys.exit(main())
