"""The life of a queue that may end at any moment, and what must hold afterwards.

Batches of three events are put, each with its number as cursor; some are delivered,
some delayed, some given up. They wait for a second sink, too, which gets one of each
object at a time, and whose dead letters go to a third. A `Ledger` notes what was
promised from outside: a put that returned, an answer that the sink gave before it was
to be recorded.
"""

import shutil
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridge.queue import Dead, Delivered, Forward, Released, Retry
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import SCOPE, QueueFile, encoded, entry

BATCHES = 5
SINKS = ("hook", "lanes", "letters")
LOOSE = """
SELECT count(*) FROM delivery JOIN sink ON sink.id = sink
WHERE sink.ordering = 'object' AND lane IS NULL
"""


@dataclass
class Ledger:
    """What is known outside the queue.

    Attributes:
        put: The number of the last batch whose put returned; -1: none did.
        answered: Ids that the sink took.
        recorded: Of these, those whose settle returned.
        lanes: Ids that the second sink took, in the order of its answers.
        forwarded: Ids that were given up; of each a letter has to wait.
    """

    put: int = -1
    answered: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    lanes: list[str] = field(default_factory=list)
    forwarded: set[str] = field(default_factory=set)


def of_batch(batch: int) -> list[str]:
    """Return the ids of a batch."""
    return [f"{batch}-{number}" for number in range(3)]


async def live(
    queue: SqliteQueue, ledger: Ledger, tell: Callable[[str], None] = lambda _: None
) -> None:
    """Put, lease and settle; `tell` hears each promise as it is given."""
    await queue.open_sink("hook")
    await queue.open_sink("lanes", ordering="object")
    await queue.open_sink("letters")
    for batch in range(BATCHES):
        since = None if batch == 0 else str(batch - 1)
        entries = [
            entry(name, sinks=("hook", "lanes"), key=name[-1], routes=("all",))
            for name in of_batch(batch)
        ]
        await queue.put(entries, scope=SCOPE, since=since, to=str(batch))
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
        await live_in_lanes(queue, ledger, tell)


async def live_in_lanes(
    queue: SqliteQueue, ledger: Ledger, tell: Callable[[str], None]
) -> None:
    """Deliver one, forward one, and leave the rest."""
    answered, given_up, *others = await queue.lease("lanes", 3)
    ledger.lanes.append(answered.event.id)
    tell(f"lanes {answered.event.id}")
    name = given_up.event.id
    letter = Forward(sink="letters", event=encoded(f"letter-{name}"))
    dead = Dead(lease=given_up, reason="no", forward=letter)
    released = [Released(lease=lease) for lease in others]
    await queue.settle([Delivered(lease=answered), dead, *released])
    ledger.forwarded.add(name)
    tell(f"forwarded {name}")


async def faults_of(file: QueueFile, ledger: Ledger) -> list[str]:
    """Open what is left and say which promises do not hold."""
    async with file.open() as queue:
        cursor = int(await queue.cursor(SCOPE) or -1)
        sinks = {sink: await waiting_for(queue, sink) for sink in SINKS}
        execute = queue._store.execute
        stored = {str(row[0]) for row in execute("SELECT id FROM event")}
        dead = {letter.event.id async for letter in queue.dead(None, None)}
        [check] = execute("PRAGMA integrity_check").fetchall()
        [(loose,)] = execute(LOOSE).fetchall()
    waiting, lanes = set(sinks["hook"]), set(sinks["lanes"])
    letters = {name.removeprefix("letter-") for name in sinks["letters"]}
    read = {name for batch in range(cursor + 1) for name in of_batch(batch)}
    faults = {
        "cursor before a put that returned": cursor < ledger.put,
        "events lost": read - waiting - dead - ledger.answered,
        "events lost in lanes": read - lanes - letters - set(ledger.lanes),
        "events beyond the cursor": {name for name in stored if "l" not in name} - read,
        "recorded outcomes forgotten": waiting & ledger.recorded,
        "letters lost": ledger.forwarded - letters,
        "given up, and not": lanes & letters,
        "rows without a lane": loose,
        "out of order": sorted(ledger.lanes, key=_key) != _by_key(ledger.lanes),
        "file damaged": check != ("ok",),
    }
    return [f"{name}: {fault}" for name, fault in faults.items() if fault]


async def waiting_for(queue: SqliteQueue, sink: str) -> list[str]:
    """Return the ids of what waits for a sink."""
    return [one.event.id async for one in queue.waiting(sink, None)]


def _key(name: str) -> str:
    return name[-1]


def _by_key(names: list[str]) -> list[str]:
    return sorted(sorted(names), key=_key)


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
