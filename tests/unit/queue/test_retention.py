"""How long events stay."""

from datetime import UTC, datetime

import pytest

from bridge.queue import Dead, Delivered
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import SCOPE, FakeClock, QueueFile, put, rejected

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def stored(queue: SqliteQueue) -> list[str]:
    """Return the ids of all event rows, what was not converted included."""
    rows = queue._store.execute("SELECT id FROM event ORDER BY seq")
    return [str(row[0]) for row in rows]


async def deliver(queue: SqliteQueue, count: int, sink: str = "hook") -> None:
    """Lease and deliver."""
    while count:
        leases = await queue.lease(sink, count)
        await queue.settle([Delivered(lease=lease) for lease in leases])
        count -= len(leases)


async def let_pass(queue: SqliteQueue, clock: FakeClock, seconds: float) -> None:
    """Let time pass, and the queue do something, so that it tidies up."""
    clock.advance(seconds)
    await queue.settle([])


async def test_delivered_event_stays_for_its_time(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """An hour here; then it goes."""
    await put(queue, "a")
    await deliver(queue, 1)

    await let_pass(queue, clock, 3599)
    before = await stored(queue)
    await let_pass(queue, clock, 2)

    assert (before, await stored(queue)) == (["a"], [])


async def test_waiting_event_stays_for_ever(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """It goes with its last delivery."""
    await queue.open_sink("other")
    await put(queue, "a", sinks=("hook", "other"))
    await let_pass(queue, clock, 86400)
    await deliver(queue, 1)
    half = await stored(queue)

    await deliver(queue, 1, "other")

    assert (half, await stored(queue)) == (["a"], [])


async def test_dead_letter_keeps_its_event(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Until it is purged."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    await queue.settle([Dead(lease=lease, reason="no")])
    await let_pass(queue, clock, 86400)
    before = await stored(queue)

    await queue.purge("hook", ["d1"])

    assert (before, await stored(queue)) == (["a"], [])


async def test_purged_deliveries_leave_their_events_to_time(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Old ones go at once."""
    await put(queue, "old")
    await let_pass(queue, clock, 86400)
    await put(queue, "new", since="1", to="2")

    await queue.purge("hook", None)

    assert await stored(queue) == ["new"]


async def test_raw_object_goes_with_its_dead_letter(queue: SqliteQueue) -> None:
    """It is no event that could be looked at or replayed."""
    await queue.put([rejected("raw")], scope=SCOPE, since=None, to="1")

    await queue.purge(None, ["d1"])

    assert await stored(queue) == []


async def test_only_the_newest_bytes_are_kept(file: QueueFile) -> None:
    """However young the others are."""
    async with file.open(keep_size=5000) as queue:
        await queue.open_sink("hook")
        await put(queue, *[str(number) for number in range(10)], size=1000)
        await deliver(queue, 10)
        queue._store.next_sweep = 0
        await queue.settle([])

        assert await stored(queue) == ["5", "6", "7", "8", "9"]


async def test_nothing_is_kept_when_told_so(file: QueueFile, clock: FakeClock) -> None:
    """An event goes with its last delivery."""
    async with file.open(keep=0, keep_size=0) as queue:
        await queue.open_sink("hook")
        await put(queue, "a", "b")
        await let_pass(queue, clock, 1)

        await deliver(queue, 1)

        assert await stored(queue) == ["b"]


async def test_restart_keeps_the_bounds(file: QueueFile, clock: FakeClock) -> None:
    """Bytes and times are counted on from what is stored."""
    async with file.open(keep_size=5000) as queue:
        await queue.open_sink("hook")
        await put(queue, "a", "b", "c", size=1000)
        await deliver(queue, 3)

    async with file.open(keep_size=1500) as queue:
        await let_pass(queue, clock, 1)
        assert await stored(queue) == ["b", "c"]
        await let_pass(queue, clock, 3600)
        assert await stored(queue) == []


async def test_many_expired_events_leave_in_chunks(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """One for each transaction, without a rest between, so that none is long."""
    for number in range(3):
        since = None if number == 0 else str(number - 1)
        names = [f"{number}-{one}" for one in range(400)]
        await put(queue, *names, since=since, to=str(number), sinks=())

    lengths = []
    clock.advance(4000)
    for _ in range(4):
        await queue.settle([])
        lengths.append(len(await stored(queue)))

    assert lengths == [700, 200, 0, 0]


async def test_file_shrinks_again(
    file: QueueFile, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Free pages beyond a quarter go back to the volume, some at a time."""
    monkeypatch.setattr("bridge.queue.sqlite.capacity._SLACK_PAGES", 10)
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, *[str(number) for number in range(200)], size=20_000)
        await deliver(queue, 200)
        await let_pass(queue, clock, 4000)
        pages = queue._store.connection.pragma("page_count")

        queue._store.capacity.tidy()

        assert pages > 200
        assert queue._store.connection.pragma("page_count") < 30


async def test_a_cursor_that_stays_has_not_moved(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """The pages of a snapshot leave its time as it was."""
    await put(queue, "a", to="1")
    moved = clock.wall
    clock.advance(60)
    await put(queue, "b", since="1", to="1")

    [cursor] = await queue.cursors()

    assert cursor.moved.timestamp() == moved


async def test_kept_finds_its_time_by_bisection(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Only what was stored since then is shown."""
    for number in range(20):
        since = None if number == 0 else str(number - 1)
        await put(queue, str(number), since=since, to=str(number))
        clock.advance(10)
    moment = datetime.fromtimestamp(clock.wall - 50, UTC)

    found = [one.event.id async for one in queue.kept(moment, None)]

    assert found == ["15", "16", "17", "18", "19"]
