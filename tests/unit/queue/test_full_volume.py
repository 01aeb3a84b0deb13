"""A volume without room: nothing is lost, nothing is sent for ever."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from bridge.errors import OutcomeNotRecordedError, QueueFullError
from bridge.queue import Dead, Delivered, Released, Retry
from bridge.queue.sqlite import SqliteQueue
from tests.unit.queue.samples import (
    MIB,
    SCOPE,
    FakeClock,
    QueueFile,
    ids,
    leased,
    put,
)

VOLUME_BYTES = 4 * MIB


class Volume:
    """Stands between a queue and its file: refuses commits while it is full."""

    def __init__(self, queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have room."""
        self.is_full = False
        self._changes = queue._store.connection.total_changes
        self._before = self._changes()
        self._execute = queue._store.execute
        monkeypatch.setattr(queue._store, "execute", self._run)

    def _run(self, statement: str, bindings: Any = ()) -> apsw.Cursor:
        if statement.startswith("BEGIN"):
            self._before = self._changes()
        if self.is_full and statement == "COMMIT" and self._changes() > self._before:
            raise apsw.FullError("database or disk is full")
        return self._execute(statement, bindings)


@pytest.fixture
def volume(queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch) -> Volume:
    """Return the volume of the queue, without a reserve that could help."""
    monkeypatch.setattr(queue._store.room.reserve, "release", lambda: False)
    return Volume(queue, monkeypatch)


async def test_put_is_refused_by_a_full_volume(
    queue: SqliteQueue, volume: Volume
) -> None:
    """The cursor stands; once there is room it is taken."""
    volume.is_full = True
    with pytest.raises(QueueFullError, match="volume is full"):
        await put(queue, "a")
    assert "volume is full" in str((await queue.storage()).full)
    assert await queue.cursor(SCOPE) is None
    volume.is_full = False

    await put(queue, "a")

    assert await leased(queue) == ["a"]
    assert (await queue.storage()).full is None


async def test_outcomes_beside_a_refused_put_are_recorded(
    queue: SqliteQueue, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The put alone is refused."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    refuse = volume._run

    def refusing_puts(statement: str, bindings: Any = ()) -> apsw.Cursor:
        volume.is_full = statement.startswith("INSERT INTO event") or volume.is_full
        if statement == "ROLLBACK":
            volume.is_full = False
        return refuse(statement, bindings)

    monkeypatch.setattr(queue._store, "execute", refusing_puts)
    async with asyncio.TaskGroup() as tasks:
        settling = queue.settle([Delivered(lease=lease)])
        tasks.create_task(settling, name="settle")
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await put(queue, "b", since="1", to="2")

    assert (await queue.depth("hook")).waiting == 0


async def test_unrecorded_outcome_stops_all_leases(
    queue: SqliteQueue, volume: Volume
) -> None:
    """Until it is recorded: otherwise everything would be sent for ever."""
    await put(queue, "a", "b")
    [lease] = await queue.lease("hook", 1)
    volume.is_full = True

    with pytest.raises(OutcomeNotRecordedError):
        await queue.settle([Delivered(lease=lease)])

    stalled = await leased(queue)
    volume.is_full = False
    still = await leased(queue)
    await queue.settle([Delivered(lease=lease)])
    assert (stalled, still, await leased(queue)) == ([], [], ["b"])


async def test_an_outcome_that_writes_nothing_starts_no_leases(
    queue: SqliteQueue, volume: Volume
) -> None:
    """Giving leases back is no proof of room."""
    await put(queue, "a", "b")
    first, second = await queue.lease("hook", 2)
    volume.is_full = True
    with pytest.raises(OutcomeNotRecordedError):
        await queue.settle([Delivered(lease=first)])

    await queue.settle([Released(lease=second)])

    assert await leased(queue) == []


async def test_leases_do_not_expire_while_outcomes_cannot_be_recorded(
    queue: SqliteQueue, volume: Volume, clock: FakeClock
) -> None:
    """Their holders try again and again to record them."""
    await put(queue, "a", "b")
    first, second = await queue.lease("hook", 2)
    volume.is_full = True
    with pytest.raises(OutcomeNotRecordedError):
        await queue.settle([Delivered(lease=first)])
    clock.advance(4000)
    queue._writer._tick()
    volume.is_full = False

    await queue.settle([Delivered(lease=first)])
    await queue.settle([Retry(lease=second, due=clock.wall)])

    assert [one.attempt for one in await queue.lease("hook", 2)] == [2]


async def test_gate_holds_though_it_cannot_be_recorded(
    queue: SqliteQueue, volume: Volume, file: QueueFile, clock: FakeClock
) -> None:
    """It is written down as soon as something else is."""
    await put(queue, "a", "b")
    volume.is_full = True
    await queue.gate("hook", clock.wall + 60, "paused")
    held = await leased(queue)
    volume.is_full = False

    await put(queue, "c", since="1", to="2")

    assert held == []
    saved = queue._store.execute("SELECT gate_reason FROM sink").fetchall()
    assert saved == [("paused",)]


async def test_an_operators_order_is_refused_by_a_full_volume(
    queue: SqliteQueue, volume: Volume
) -> None:
    """Saying why."""
    await put(queue, "a", sinks=())
    volume.is_full = True

    with pytest.raises(QueueFullError, match="volume is full"):
        await queue.enqueue("hook", ["e1"])


async def test_upkeep_on_a_full_volume_is_left_undone(
    queue: SqliteQueue, volume: Volume, clock: FakeClock
) -> None:
    """It ends nothing, and gives no reserve up."""
    await put(queue, "a", sinks=())
    volume.is_full = True
    clock.advance(4000)

    queue._writer._tick()
    await queue.settle([])

    assert [one async for one in queue.dead(None, None)] == []


async def test_close_on_a_full_volume_succeeds(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """What could not be written down is little: how old deliveries have grown."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        clock.advance(1)
        Volume(queue, monkeypatch).is_full = True


async def test_reserve_is_given_up_for_outcomes(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """Its room lets them be recorded; nothing is taken in until it is there again."""
    await put(queue, "a", "b")
    [lease] = await queue.lease("hook", 1)
    reserve = queue._store.room.reserve
    volume = Volume(queue, monkeypatch)
    volume.is_full = True
    release = reserve.release

    def releasing() -> bool:
        volume.is_full = False
        return release()

    monkeypatch.setattr(reserve, "release", releasing)
    monkeypatch.setattr(reserve, "make", lambda: None)
    await queue.settle([Delivered(lease=lease)])

    with pytest.raises(QueueFullError):
        await put(queue, "c", since="1", to="2")
    monkeypatch.undo()
    queue._writer._tick()
    await queue.settle([])
    await put(queue, "c", since="1", to="2")
    assert await leased(queue) == ["b", "c"]


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """Return a real volume of 4 MiB; only root can make one."""
    path = tmp_path / "volume"
    path.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={VOLUME_BYTES}", "tmpfs", str(path)]
    mounted = subprocess.run(["mount", *options], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("a small volume can only be mounted by root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
async def small(small_volume: Path) -> AsyncIterator[SqliteQueue]:
    """Return a queue that thinks it has 64 MiB, on that volume."""
    file = QueueFile(path=small_volume / "queue.db")
    async with file.open(reserve_bytes=MIB) as queue:
        await queue.open_sink("hook")
        yield queue


async def fill(queue: SqliteQueue) -> list[str]:
    """Put until the volume is full; return the ids that were taken."""
    taken: list[str] = []
    while True:
        names = [f"{len(taken) + number}" for number in range(10)]
        since = await queue.cursor(SCOPE)
        try:
            await put(queue, *names, since=since, to=names[-1], size=2000)
        except QueueFullError:
            return taken
        taken += names


async def test_real_volume_is_filled_and_drained(small: SqliteQueue) -> None:
    """Every outcome is recorded, all that was taken is delivered, and it goes on."""
    taken = await fill(small)
    assert len(taken) > 500

    found: list[str] = []
    while len(found) < len(taken):
        leases = await small.lease("hook", 50)
        found += ids(leases)
        await small.settle([Delivered(lease=lease) for lease in leases])

    assert found == taken
    for _ in range(20):
        small._writer._tick()
        await small.settle([])
    await put(small, "late", since=taken[-1], to="late", size=2000)


async def test_real_volume_filled_by_others(small: SqliteQueue) -> None:
    """To the last byte: the reserve lets a whole backlog be settled."""
    await put(small, *[str(number) for number in range(400)], size=2000)
    folder = small._store.settings.path.parent
    with (folder / "others").open("wb", buffering=0) as others:
        try:
            while True:
                others.write(b"x" * 4096)
        except OSError:
            pass

    for _ in range(8):
        leases = await small.lease("hook", 50)
        outcomes = [Dead(lease=lease, reason="no") for lease in leases]
        await small.settle(outcomes)
    with pytest.raises(QueueFullError):
        await put(small, *[str(n) for n in range(400)], since="1", to="2", size=3000)

    assert (await small.depth("hook")).dead == 400


async def test_real_full_volume_can_be_opened(small_volume: Path) -> None:
    """With the reserve's room, if there is no other."""
    file = QueueFile(path=small_volume / "queue.db")
    async with file.open(reserve_bytes=MIB) as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
    others = small_volume / "others"
    free = os.statvfs(small_volume)
    others.write_bytes(b"x" * (free.f_bavail * free.f_frsize))

    async with file.open(reserve_bytes=MIB) as queue:
        await queue.open_sink("hook")
        leases = await queue.lease("hook", 1)
        await queue.settle([Delivered(lease=lease) for lease in leases])

        assert (await queue.depth("hook")).waiting == 0
