"""How old a delivery is: only time counts in which its sink could be tried."""

import pytest

from bridge.queue import Lease, Retry
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import FakeClock, QueueFile, closed, leased, put


async def settle_retry(queue: SqliteQueue, lease: Lease, due: float) -> None:
    """Delay one delivery."""
    await queue.settle([Retry(lease=lease, due=due)])


async def test_age_counts_only_time_in_which_the_sink_could_be_tried(
    file: QueueFile, clock: FakeClock
) -> None:
    """Not the time behind a gate, and not the time the process was down."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        clock.advance(7)
        await settle_retry(queue, lease, clock.wall)
        await queue.gate("hook", closed(clock.wall + 500, "paused"))
        clock.advance(400)
        await queue.gate("hook", None)
        clock.advance(20)
    clock.advance(4000)
    async with file.open() as queue:
        await queue.open_sink("hook")
        clock.advance(3)
        [lease] = await queue.lease("hook", 1)

        assert lease.age_seconds == pytest.approx(30)


async def test_age_counts_from_the_first_attempt(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Not from when the event was stored, and not from the last attempt."""
    await put(queue, "a")
    clock.advance(1000)
    for seconds in (7, 8):
        [lease] = await queue.lease("hook", 1)
        clock.advance(seconds)
        await settle_retry(queue, lease, clock.wall)
    clock.advance(1)

    assert (await queue.lease("hook", 1))[0].age_seconds == pytest.approx(16)


async def test_age_counts_from_a_gates_own_end(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """A gate whose time came is open, though nobody removed it."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    await settle_retry(queue, lease, clock.wall)
    await queue.gate("hook", closed(clock.wall + 50, "resting"))
    clock.advance(50)
    assert await leased(queue, 1) == ["a"]
    clock.advance(9)

    assert queue._store.backlog("hook").tryable.read(
        queue._store.clock.steady()
    ) == pytest.approx(9_000_000)
