"""Which deliveries are handed out, in which order, and what they are worth."""

import asyncio

import pytest

from bridge.errors import QueueCorruptError, QueueError
from bridge.queue import Dead, Delivered, Lease, Released, Retry
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import FakeClock, QueueFile, ids, leased, put


async def settle_retry(queue: SqliteQueue, lease: Lease, due: float) -> None:
    """Delay one delivery."""
    await queue.settle([Retry(lease=lease, due=due)])


async def test_backlog_larger_than_memory_is_leased_in_order(
    queue: SqliteQueue,
) -> None:
    """What the tail could not hold is read from the file, and nothing twice."""
    names = [f"{number:04}" for number in range(2500)]
    for start in range(0, 2500, 500):
        since = None if start == 0 else str(start)
        part = names[start : start + 500]
        await put(queue, *part, since=since, to=str(start + 500))

    found = [name for _ in range(10) for name in ids(await queue.lease("hook", 300))]

    assert found == names


async def test_tail_is_used_again_after_a_backlog(queue: SqliteQueue) -> None:
    """Once the file is read to its end, what is put next comes from memory."""
    for number in range(3):
        since = None if number == 0 else str(number - 1)
        names = [f"{number}-{one}" for one in range(500)]
        await put(queue, *names, since=since, to=str(number))
    while await leased(queue):
        pass

    await put(queue, "late", since="2", to="3")

    assert len(queue._store.backlog("hook").tail) == 1
    assert await leased(queue) == ["late"]


async def test_what_is_in_memory_is_leased_without_the_thread(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hop costs more than a lease."""
    await leased(queue)
    await put(queue, "a", "b")
    passes: list[object] = []
    submit = queue._writer._thread.submit
    monkeypatch.setattr(
        queue._writer._thread,
        "submit",
        lambda *given: (passes.append(given), submit(*given)),
    )

    found = ids([*await queue.lease("hook", 1), *await queue.lease("hook", 1)])

    assert (found, passes) == (["a", "b"], [])


async def test_large_events_leave_the_tail(queue: SqliteQueue) -> None:
    """The tail is bounded in bytes, too."""
    await put(queue, "a", "b", "c", size=900_000)

    assert len(queue._store.backlog("hook").tail) == 2
    assert await leased(queue) == ["a", "b"]
    assert await leased(queue) == ["c"]


async def test_lease_is_bounded_in_bytes(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease stops at a reasonable size and goes on with the next."""
    monkeypatch.setattr("bridge.queue.sqlite.lease._MOST_BYTES", 1000)
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, *[str(number) for number in range(120)])
        assert len(await leased(queue)) == 50
        assert len(await leased(queue)) == 50
        assert len(await leased(queue)) == 20


async def test_due_deliveries_and_fresh_ones_take_turns_by_age(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """What was due first goes first, be it a repeat or new."""
    await put(queue, "old")
    [lease] = await queue.lease("hook", 1)
    clock.advance(10)
    await put(queue, "new-1", since="1", to="2")
    await settle_retry(queue, lease, clock.wall + 5)
    clock.advance(10)
    await put(queue, "new-2", since="2", to="3")

    assert [*await leased(queue, 2), *await leased(queue, 2)] == [
        "new-1",
        "old",
        "new-2",
    ]


async def test_old_and_new_take_turns_one_by_one(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """What was not taken is found the next time, be it a repeat or new."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    await put(queue, "b", since="1", to="2")
    await settle_retry(queue, lease, clock.wall + 5)
    clock.advance(10)
    await put(queue, "c", since="2", to="3")

    assert [(await leased(queue, 1))[0] for _ in range(3)] == ["b", "a", "c"]


async def test_fresh_deliveries_that_had_to_wait_are_not_forgotten(
    file: QueueFile, clock: FakeClock
) -> None:
    """After a restart, when older ones that are due go first."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a", "b")
        for lease in await queue.lease("hook", 2):
            await settle_retry(queue, lease, clock.wall + 1)
        clock.advance(5)
        await put(queue, "c", "d", since="1", to="2")
    async with file.open() as queue:
        await queue.open_sink("hook")

        assert await leased(queue, 3) == ["a", "b", "c"]
        assert await leased(queue, 3) == ["d"]


async def test_delayed_deliveries_come_back_in_order(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """By the time they are due, a few at a time, none before it."""
    await put(queue, "a", "b", "c", "d")
    for number, lease in enumerate(await queue.lease("hook", 4)):
        await settle_retry(queue, lease, clock.wall + 40 - 10 * number)
    clock.advance(30)

    assert await leased(queue, 2) == ["d", "c"]
    assert await leased(queue, 2) == ["b"]
    clock.advance(10)
    assert await leased(queue, 2) == ["a"]


async def test_released_goes_first(queue: SqliteQueue) -> None:
    """What came back is older than what waits."""
    await put(queue, "a", "b", "c", "d")
    first = await queue.lease("hook", 2)
    await queue.settle([Released(lease=lease) for lease in first])

    assert await leased(queue, 1) == ["a"]
    assert await leased(queue, 2) == ["b", "c"]


async def test_released_that_was_purged_is_forgotten(queue: SqliteQueue) -> None:
    """A purge ends what came back as well."""
    await put(queue, "a", "b")
    leases = await queue.lease("hook", 2)
    await queue.settle([Released(lease=lease) for lease in leases])

    await queue.purge("hook", None)

    assert await leased(queue) == []


async def test_released_that_a_full_backlog_pushed_out_is_forgotten(
    file: QueueFile,
) -> None:
    """It is a dead letter now."""
    async with file.open() as queue:
        await queue.open_sink("hook", max_backlog=2, on_full="dead-letter-oldest")
        await put(queue, "a", "b")
        leases = await queue.lease("hook", 2)
        await queue.settle([Released(lease=lease) for lease in leases])
        await put(queue, "c", since="1", to="2")

        assert await leased(queue) == ["b", "c"]


async def test_lease_that_is_not_settled_expires(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Its delivery is handed out again, and its outcome is void."""
    await put(queue, "a")
    [lost] = await queue.lease("hook", 1)
    clock.advance(1801)
    queue._writer._tick()
    [lease] = await queue.lease("hook", 1)

    await queue.settle([Dead(lease=lost, reason="no"), Released(lease=lost)])

    assert lease.attempt == 1
    assert (await queue.depth("hook")).leased == 1


async def test_delivered_wins_over_a_lost_lease(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """The sink has it; whoever leased it since has nothing to report."""
    await put(queue, "a")
    [lost] = await queue.lease("hook", 1)
    clock.advance(1801)
    queue._writer._tick()
    [lease] = await queue.lease("hook", 1)

    await queue.settle([Delivered(lease=lost)])
    await settle_retry(queue, lease, clock.wall)

    assert (await queue.depth("hook")).waiting == 0
    assert queue.tally("hook").delivered == 1


async def test_of_two_outcomes_delivered_counts(queue: SqliteQueue) -> None:
    """Whoever gives the lease back as well changes nothing."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)

    await queue.settle([Released(lease=lease), Delivered(lease=lease)])

    assert await leased(queue) == []


async def test_lease_cancelled_after_its_answer_is_given_back(
    queue: SqliteQueue,
) -> None:
    """The leases of a task that was cancelled before its turn belong to nobody."""
    await put(queue, "a")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(queue.lease("hook", 1), name="lease")
        answered = queue._writer._grant
        queue._writer._grant = lambda *given: (answered(*given), task.cancel())  # type: ignore[method-assign,assignment]

    assert await leased(queue) == ["a"]


@pytest.mark.parametrize("turns", range(6))
async def test_lease_cancelled_at_any_turn_leaks_nothing(
    queue: SqliteQueue, turns: int
) -> None:
    """Before, while or after the thread works on it."""
    await put(queue, "a")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(queue.lease("hook", 1), name="lease")
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        task.cancel()

    if task.cancelled():
        assert await leased(queue) == ["a"]


async def test_delivery_without_its_event_is_corruption(queue: SqliteQueue) -> None:
    """It is never passed over in silence."""
    names = [f"{number}" for number in range(500)]
    await put(queue, *names, since=None, to="1")
    await put(queue, *[f"x{name}" for name in names], since="1", to="2")
    await put(queue, "late", since="2", to="3")
    await leased(queue)
    await leased(queue)
    queue._store.execute("DELETE FROM event WHERE id = 'late'")

    with pytest.raises(QueueCorruptError, match="without its event 1001"):
        await queue.lease("hook", 1)


async def test_lease_of_another_store_is_refused(queue: SqliteQueue) -> None:
    """A handle means something only where it was made."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    foreign = Lease(
        handle="JS-7",
        sink="hook",
        event=lease.event,
        attempt=1,
        age_seconds=0.0,
        stored=0.0,
    )

    with pytest.raises(QueueError, match="expected one of this queue"):
        await queue.settle([Delivered(lease=foreign)])
