"""A wall clock that is set back keeps nothing waiting."""

import asyncio

import pytest

from bridge.queue import Released, Retry
from bridge.queue.sqlite.clock import ActiveClock, Clock
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import FakeClock, QueueFile, closed, ids, put


async def due_after(queue: SqliteQueue, clock: FakeClock, *delays: float) -> None:
    """Put one event for each delay and have it wait so long."""
    await put(queue, *[str(delay) for delay in delays])
    leases = await queue.lease("hook", len(delays))
    await queue.settle(
        [
            Retry(lease=lease, due=clock.wall + delay)
            for lease, delay in zip(leases, delays, strict=True)
        ]
    )


async def dues(queue: SqliteQueue, clock: FakeClock) -> dict[str, float]:
    """Return in how many seconds each event is due."""
    rows = queue._store.execute(
        "SELECT id, due FROM delivery JOIN event ON seq = event"
    )
    return {id_: due / 1e6 - clock.wall for id_, due in rows if isinstance(due, int)}


async def test_open_caps_what_is_due_too_late(
    file: QueueFile, clock: FakeClock
) -> None:
    """Nothing waits longer than it was told to, an hour at most (issue 10, item 46)."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await due_after(queue, clock, 5, 300, 1800, 7200)
    clock.wall -= 86400

    async with file.open() as queue:
        assert await dues(queue, clock) == pytest.approx(
            {"5": 5, "300": 300, "1800": 1800, "7200": 3600}
        )


async def test_open_leaves_what_is_due_in_time(
    file: QueueFile, clock: FakeClock
) -> None:
    """A restart alone changes no wait."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await due_after(queue, clock, 5, 300, 1800)
    clock.advance(1)

    async with file.open() as queue:
        assert await dues(queue, clock) == pytest.approx(
            {"5": 4, "300": 299, "1800": 1799}
        )


async def test_a_clock_that_is_set_back_at_work_is_noticed(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """What waits is due when it was, and no lease is handed out twice (item 46)."""
    await due_after(queue, clock, 0, 0, 300)
    assert len(await queue.lease("hook", 2)) == 2
    clock.advance(100)
    clock.wall -= 86400
    await asyncio.sleep(1.1)
    assert (await dues(queue, clock))["300"] == pytest.approx(200, abs=0.1)
    clock.advance(201)

    assert ids(await queue.lease("hook", 10)) == ["300"]


async def test_a_gate_opens_when_it_was_to_though_the_clock_is_set_back(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """By whatever, at work (issue 10, item 46)."""
    await queue.gate("hook", closed(clock.wall + 60, "asked"))
    clock.advance(20)
    clock.wall -= 86400
    await asyncio.sleep(1.1)

    assert await queue.gated("hook") == closed(pytest.approx(clock.wall + 40), "asked")


@pytest.mark.parametrize("known", ["a retry", "an event", "a cursor"])
async def test_a_gate_opens_in_time_after_a_restart_with_a_clock_set_back(
    file: QueueFile, clock: FakeClock, known: str
) -> None:
    """What the file knows of the time before says by how much (issue 10, item 46)."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await due_after(queue, clock, 300)
        if known != "a retry":
            clock.advance(1000)
            await put(queue, *(["b"] if known == "an event" else []), since="1")
        await queue.gate("hook", closed(clock.wall + 60, "asked"))
    clock.wall -= 86400

    async with file.open() as queue:
        opens = pytest.approx(clock.wall + 60)
        assert await queue.gated("hook") == closed(opens, "asked")


async def test_a_gate_is_capped_at_an_hour(file: QueueFile, clock: FakeClock) -> None:
    """No clock keeps a sink closed for ever."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await queue.gate("hook", closed(clock.wall + 1800, "asked"))
    clock.wall -= 86400  # and nothing in the file says so

    async with file.open() as queue:
        assert await queue.gated("hook") == closed(clock.wall + 3600, "asked")


async def test_held_rows_are_passed_over_when_searched_again(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """However many deliveries are leased, the next due one is found behind them."""
    await due_after(queue, clock, *[0.001 * number for number in range(30)])
    clock.advance(1)
    assert len(await queue.lease("hook", 25)) == 25
    queue._store.backlog("hook").look_again()

    assert len(await queue.lease("hook", 3)) == 3
    assert len(await queue.lease("hook", 3)) == 2


async def test_what_came_back_is_not_found_a_second_time(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Though the search for due deliveries begins anew."""
    await due_after(queue, clock, 0)
    clock.advance(1)
    [lease] = await queue.lease("hook", 1)
    await queue.settle([Released(lease=lease)])
    queue._store.backlog("hook").look_again()

    assert len(await queue.lease("hook", 2)) == 1


async def test_retry_before_what_was_handed_out_is_found(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """However early it is said to be due."""
    await due_after(queue, clock, 5)
    clock.advance(10)
    [lease] = await queue.lease("hook", 1)

    await queue.settle([Retry(lease=lease, due=clock.wall - 100)])

    assert ids(await queue.lease("hook", 1)) == ["5"]


async def test_replay_in_the_same_instant_is_found(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Though a later event was handed out for the same time."""
    await put(queue, "a", "b", sinks=())
    await queue.enqueue("hook", ["e2"])
    assert ids(await queue.lease("hook", 1)) == ["b"]

    await queue.enqueue("hook", ["e1"])
    clock.advance(0.001)

    assert ids(await queue.lease("hook", 1)) == ["a"]


async def test_search_goes_on_where_it_ended(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Deliveries that were handed out are not looked at again."""
    await due_after(queue, clock, 1, 2, 3)
    clock.advance(10)

    await queue.lease("hook", 2)

    due, event = queue._store.backlog("hook").due_position
    assert (due / 1e6 - clock.wall, event) == (pytest.approx(-8), 2)


async def test_gate_of_our_operator_is_never_shortened(
    file: QueueFile, clock: FakeClock
) -> None:
    """Nor does time count behind it, over restarts and a clock set back."""
    stopped = closed(None, "by hand", kind="stopped")
    async with file.open() as queue:
        await queue.open_sink("hook")
        await due_after(queue, clock, 0)
        await queue.gate("hook", stopped)
        clock.advance(100_000)
    clock.wall -= 200_000
    async with file.open() as queue:
        await queue.open_sink("hook")
        clock.advance(100_000)
        assert await queue.gated("hook") == stopped
        await queue.gate("hook", None)

        [lease] = await queue.lease("hook", 1)

    assert (lease.attempt, lease.age_seconds) == (2, 0.0)


def test_clock_notices_only_a_step_back() -> None:
    """Time that passes, or a step forward, is none; it is told until forgotten."""
    fake = FakeClock()
    clock = Clock(now=fake.now, monotonic=fake.monotonic)
    fake.advance(100)
    fake.wall += 100
    forward = clock.set_back_by()
    fake.wall -= 100
    told = clock.set_back_by()
    clock.forget(told)

    assert (forward, told, clock.set_back_by()) == (0, 100_000_000, 0)


def test_clock_that_loses_little_by_little_is_noticed_too() -> None:
    """Half a second at a time (issue 10, item 46)."""
    fake = FakeClock()
    clock = Clock(now=fake.now, monotonic=fake.monotonic)
    told = []
    for _ in range(3):
        fake.wall -= 0.5
        told.append(clock.set_back_by())

    assert told == [0, 0, 1_500_000]


def test_tryable_clock_stands_while_stopped() -> None:
    """It goes on from where it stood; starting twice changes nothing."""
    clock = ActiveClock(counted=5, steady=100)
    clock.stop(110)
    stopped = clock.read(500)
    clock.start(500)
    clock.start(505)

    assert (stopped, clock.read(510)) == (15, 25)
