"""Events whose stored bytes are not those that were put (issue 10, item 48)."""

from pathlib import Path

import apsw
import pytest

from bridge.errors import QueueError
from bridge.queue import Delivered, Ordering
from bridge.queue.sqlite import schema
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.queue.sqlite.settle import DAMAGED
from tests.unit.queue.samples import FakeClock, QueueFile, ids, leased, put

ORDERINGS: list[Ordering] = ["none", "object", "sink"]


async def stored(file: QueueFile, *names: str) -> None:
    """Put events and leave the file."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, *names, size=2000)


def damage(path: Path, event: str) -> None:
    """Turn one bit of a body, as a disk would."""
    with apsw.Connection(str(path)) as connection:
        body = bytearray(
            connection.execute("SELECT body FROM event WHERE id = ?", (event,)).get
        )
        body[1000] ^= 1
        connection.execute(
            "UPDATE event SET body = ? WHERE id = ?", (bytes(body), event)
        )


async def letters(queue: SqliteQueue) -> list[tuple[str, str, bool]]:
    """Return the dead letters: which event, why, and whether it is one."""
    found = [one async for one in queue.dead("hook", None)]
    return [(one.event.id, one.reason, one.is_event) for one in found]


@pytest.mark.parametrize("ordering", ORDERINGS)
async def test_damaged_event_becomes_a_dead_letter_and_the_others_go(
    file: QueueFile, ordering: Ordering
) -> None:
    """It is never sent (issue 10, item 48)."""
    await stored(file, "a", "b", "c")
    damage(file.path, "b")
    async with file.open() as queue:
        await queue.open_sink("hook", ordering=ordering)
        sent: list[str] = []
        while (await queue.depth("hook")).waiting:
            leases = await queue.lease("hook", 5)
            sent += ids(leases)
            await queue.settle([Delivered(lease=lease) for lease in leases])

        assert sent == ["a", "c"]
        assert await letters(queue) == [("b", DAMAGED, False)]
        assert queue.tally("hook").dead == 1


async def test_damaged_event_is_not_delivered_anew(file: QueueFile) -> None:
    """Its dead letter says why not (issue 10, item 48)."""
    await stored(file, "a")
    damage(file.path, "a")
    async with file.open() as queue:
        await queue.open_sink("hook")
        assert await leased(queue) == []
        [letter] = [one async for one in queue.dead("hook", None)]

        with pytest.raises(QueueError, match="damaged bytes"):
            await queue.enqueue("hook", [letter.handle])
        assert await queue.enqueue("hook", [letter.kept]) == 0


async def test_damage_is_condemned_later_on_a_full_volume(
    file: QueueFile, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile nothing is sent of it (issue 10, item 48)."""
    await stored(file, "a")
    damage(file.path, "a")
    async with file.open() as queue:
        await queue.open_sink("hook")
        with monkeypatch.context() as full:
            full.setattr(
                "bridge.queue.sqlite.writer.run", lambda _, jobs: [None] * len(jobs)
            )
            assert (await leased(queue), await letters(queue)) == ([], [])
        clock.advance(1801)
        queue._writer._tick()
        assert await leased(queue) == []
        assert [one[0] for one in await letters(queue)] == ["a"]


@pytest.mark.parametrize("version", [1, 2])
async def test_events_of_earlier_versions_have_no_checksum_and_are_sent(
    file: QueueFile, version: int
) -> None:
    """As they are: nobody knows what they were (issue 10, item 48)."""
    file.path.parent.mkdir(parents=True)
    with apsw.Connection(str(file.path)) as old:
        schema.migrate(old, path="old", migrations=schema.MIGRATIONS[:version])
        old.execute("INSERT INTO sink (id, name) VALUES (1, 'hook')")
        old.execute(
            "INSERT INTO event VALUES (1, 1, 9, 0, 'a', x'7b7d'"
            + ", NULL" * (version - 1)
            + ")"
        )
        old.execute("INSERT INTO delivery (sink, event, due) VALUES (1, 1, 1)")

    async with file.open() as queue:
        await queue.open_sink("hook")

        assert await leased(queue) == ["a"]
