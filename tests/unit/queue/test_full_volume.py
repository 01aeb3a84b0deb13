"""A volume without room: nothing is lost, nothing is sent for ever."""

import asyncio
from typing import Any

import apsw
import pytest

from bridge.errors import OutcomeNotRecordedError, QueueFullError
from bridge.queue import Delivered, Released, Retry, Scope
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import (
    SCOPE,
    FakeClock,
    QueueFile,
    closed,
    leased,
    put,
)


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
    monkeypatch.setattr(queue._store.capacity.reserve, "release", lambda: False)
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


async def test_put_on_a_full_volume_sheds_little(
    queue: SqliteQueue, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is removed is written to the log first, and that needs room as well."""
    monkeypatch.setattr("bridge.queue.sqlite.capacity._LEAST_PAGES", 1)
    names = [str(number) for number in range(30)]
    await put(queue, *names, sinks=(), size=2000)
    reserve = queue._store.capacity.reserve
    monkeypatch.setattr(reserve, "free_bytes", lambda: 0)
    monkeypatch.setattr(reserve, "has_ample_volume", lambda: False)
    queue._store.capacity.volume_is_full = True

    with pytest.raises(QueueFullError):
        await put(queue, "late", since="1", to="2", size=20_000)

    left = queue._store.execute("SELECT count(*) FROM event").get
    assert 20 <= left <= 23


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


async def test_puts_that_are_too_much_together_are_taken_one_by_one(
    queue: SqliteQueue, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one that fails ends it (issue 10, item 32)."""
    capacity = iter([True, False, False, True])

    def refusing(statement: str, bindings: Any = ()) -> apsw.Cursor:
        if statement == "COMMIT":
            volume.is_full = next(capacity, False)
        return volume._run(statement, bindings)

    monkeypatch.setattr(queue._store, "execute", refusing)
    scopes = [Scope(cluster="c", resource=name) for name in "abcd"]
    puts = [put(queue, scope.resource, scope=scope) for scope in scopes]
    ended = await asyncio.gather(*puts, return_exceptions=True)  # noqa: TID251  # all

    assert [type(one) for one in ended] == [type(None)] * 2 + [QueueFullError] * 2
    assert await leased(queue) == ["a", "b"]


async def test_log_that_the_file_cannot_take_is_made_room_for(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the reserve: otherwise the volume stays full for ever (issue 10, item 32)."""
    capacity = queue._store.capacity
    capacity.volume_is_full = True
    cuts = iter([False, True])
    monkeypatch.setattr(capacity, "_cut", lambda: next(cuts))

    capacity.cut_files()

    assert not capacity.reserve.is_held
    assert list(cuts) == []


async def test_refusal_stands_while_the_reserve_is_gone(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing new is taken in meanwhile."""
    capacity = queue._store.capacity
    capacity.refuse_by_volume()
    capacity.reserve._path.unlink()
    monkeypatch.setattr(capacity.reserve, "make", lambda: None)

    capacity.tidy()

    assert "volume is full" in str(capacity.refusal)


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
    await queue.gate("hook", closed(clock.wall + 60, "paused"))
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
    reserve = queue._store.capacity.reserve
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
