"""Where a test reaches into the embedded queue."""

from typing import Any

import apsw
import pytest

from bridge.errors import QueueError
from bridge.queue.sqlite.queue import SqliteQueue


def raising(queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    """Have the next commit fail."""
    execute = queue._store.execute

    def failing(statement: str, bindings: Any = ()) -> apsw.Cursor:
        if statement == "COMMIT":
            raise error
        return execute(statement, bindings)

    monkeypatch.setattr(queue._store, "execute", failing)


async def lease_error(queue: SqliteQueue) -> Exception | None:
    """Wait for a lease that does not come, and return why."""
    try:
        await queue.lease("hook", 1)
    except QueueError as error:
        return error
    return None


def watched(queue: SqliteQueue) -> list[str]:
    """Return a list that each statement of the writer is added to from now on."""
    statements: list[str] = []
    execute = queue._store.execute
    queue._store.execute = lambda *given: (  # type: ignore[method-assign]
        statements.append(given[0]) or execute(*given)
    )
    return statements
