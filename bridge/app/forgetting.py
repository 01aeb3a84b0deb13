"""Forgets where reading stood in namespaces that are gone.

A cursor of a week ago leads nowhere: the API server's history is minutes long. But it
also holds what was known of the objects there, which grows with every namespace that
ever was. It is forgotten only if its namespace is not read any more while others of
the same resource are, so that an API server that is away, or a kind that is not served,
costs nothing.
"""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from bridge.app.following import EVERYWHERE, Scopes
from bridge.logs import get_logger
from bridge.queue import Queue, Scope, StoredCursor

FORGOTTEN_AFTER: Final = timedelta(days=7)
"""How long after its last move the cursor of a namespace that is gone is kept."""

LOOK_SECONDS: Final = 3600.0
"""How often it is looked for such cursors."""


async def forget_gone(
    scopes: Scopes,
    queue: Queue,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Forget cursors of namespaces that are gone, now and then, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        read = scopes.now().keys()
        for cursor in await queue.cursors():
            if read and _is_gone(cursor, scopes, read, now()):
                await queue.set_cursor(cursor.scope, None)
                get_logger().info(
                    "Cursor of a namespace that is gone forgotten.",
                    resource=cursor.scope.resource,
                    namespace=cursor.scope.namespace,
                    last_moved=cursor.moved,
                )


def _is_gone(
    cursor: StoredCursor, scopes: Scopes, read: Collection[Scope], now: datetime
) -> bool:
    scope = cursor.scope
    is_ours = (scope.cluster, scope.resource) == (scopes.cluster, scopes.resource.name)
    if not is_ours or scope.namespace == EVERYWHERE or scope in read:
        return False
    return now - cursor.moved > FORGOTTEN_AFTER
