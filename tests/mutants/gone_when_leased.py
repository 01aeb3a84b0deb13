"""A bridge that removes a delivery when it hands it out."""

import asyncio
import sys
from collections.abc import Sequence

import bridge.app.stores
from bridge.__main__ import main
from bridge.queue import Delivered, Lease
from bridge.queue.sqlite.queue import SqliteQueue


class GoneWhenLeased(SqliteQueue):
    """A lease is a farewell."""

    async def lease(self, sink: str, limit: int) -> Sequence[Lease]:
        """Lose what is leased and not sent when the kill comes."""
        leases = await super().lease(sink, limit)
        await self.settle([Delivered(lease=lease) for lease in leases])
        await asyncio.sleep(0.02)  # or nearly every kill would fall before or after it
        return leases


if __name__ == "__main__":
    bridge.app.stores.SqliteQueue = GoneWhenLeased  # type: ignore[misc]
    sys.exit(main())
