"""The life of a queue that may end at any moment, and what must hold afterwards.

Batches of three events are put, each with its number as cursor; some are delivered,
some delayed, some given up. A `Ledger` notes what was promised from outside: a put that
returned, an answer that the sink gave before it was to be recorded.
"""

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.queue import Dead, Delivered, Released, Retry
from bridge.queue.sqlite import SqliteQueue
from tests.unit.queue.samples import SCOPE, QueueFile, put

BATCHES = 5


@dataclass
class Ledger:
    """What is known outside the queue.

    Attributes:
        put: The number of the last batch whose put returned; -1: none did.
        answered: Ids that the sink took.
        recorded: Of these, those whose settle returned.
    """

    put: int = -1
    answered: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)


def of_batch(batch: int) -> list[str]:
    """Return the ids of a batch."""
    return [f"{batch}-{number}" for number in range(3)]


async def live(
    queue: SqliteQueue, ledger: Ledger, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Put, lease and settle; `tell` hears each promise as it is given."""
    await queue.open_sink("hook")
    for batch in range(BATCHES):
        since = None if batch == 0 else str(batch - 1)
        await put(queue, *of_batch(batch), since=since, to=str(batch))
        ledger.put = batch
        tell(f"put {batch}")
        first, *others = await queue.lease("hook", 4)
        ledger.answered.add(first.event.id)
        tell(f"answered {first.event.id}")
        await queue.settle([Delivered(lease=first)])
        ledger.recorded.add(first.event.id)
        tell(f"recorded {first.event.id}")
        kinds = (Retry(lease=others[0], due=0.0), Released(lease=others[1]))
        await queue.settle(kinds)
        if batch == 3:
            [lease] = await queue.lease("hook", 1)
            await queue.settle([Dead(lease=lease, reason="no")])


async def faults_of(file: QueueFile, ledger: Ledger) -> list[str]:
    """Open what is left and say which promises do not hold."""
    async with file.open() as queue:
        cursor = int(await queue.cursor(SCOPE) or -1)
        select = "SELECT event.id FROM event JOIN {} ON event = seq"
        execute = queue._store.execute
        stored = {str(row[0]) for row in execute("SELECT id FROM event")}
        waiting = {str(row[0]) for row in execute(select.format("delivery"))}
        dead = {str(row[0]) for row in execute(select.format("dead"))}
        [check] = execute("PRAGMA integrity_check").fetchall()
    read = {name for batch in range(cursor + 1) for name in of_batch(batch)}
    faults = {
        "cursor before a put that returned": cursor < ledger.put,
        "events lost": read - waiting - dead - ledger.answered,
        "events beyond the cursor": stored - read,
        "recorded outcomes forgotten": waiting & ledger.recorded,
        "file damaged": check != ("ok",),
    }
    return [f"{name}: {fault}" for name, fault in faults.items() if fault]


@dataclass
class Snapshots:
    """Copies of the file as a kill would leave it, before each statement."""

    folder: Path
    taken: list[tuple[QueueFile, Ledger]] = field(default_factory=list)

    def watch(self, queue: SqliteQueue, ledger: Ledger) -> None:
        """Take one before each statement from now on."""
        path, execute = queue._store.settings.path, queue._store.execute

        def copying(statement: str, bindings: Any = ()) -> Any:
            self.take(path, ledger)
            return execute(statement, bindings)

        queue._store.execute = copying  # type: ignore[method-assign]

    def take(self, path: Path, ledger: Ledger) -> None:
        """Copy file and log."""
        copy = self.folder / str(len(self.taken)) / "queue.db"
        copy.parent.mkdir()
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        self.taken.append((QueueFile(path=copy), deepcopy(ledger)))
