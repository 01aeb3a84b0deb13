"""One delivery of each object at a time, the oldest first; others flow."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from bridge.queue import Dead, Delivered, Lease, Queue, Released, Retry
from bridge.queue.sqlite import operate as replay
from bridge.queue.sqlite import statements as sql
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.hooks import watched
from tests.unit.queue.samples import SCOPE, FakeClock, QueueFile, entry, leased


async def put(queue: Queue, *names: str, since: str | None = None, to: str) -> None:
    """Put events whose first letter is their key."""
    entries = [entry(name, key=name[0]) for name in names]
    await queue.put(entries, scope=SCOPE, since=since, to=to)


async def take(queue: SqliteQueue, limit: int = 500) -> dict[str, Lease]:
    """Lease, and return the leases by id."""
    return {one.event.id: one for one in await queue.lease("hook", limit)}


@pytest.fixture
async def queue(file: QueueFile) -> AsyncIterator[SqliteQueue]:
    """Return an open queue with one sink in order by object."""
    async with file.open() as opened:
        await opened.open_sink("hook", ordering="object")
        yield opened


async def test_one_of_each_object_is_leased(queue: SqliteQueue) -> None:
    """The oldest; others flow."""
    await put(queue, "a1", "a2", "b1", "a3", "c1", to="1")

    assert await leased(queue) == ["a1", "b1", "c1"]
    assert await leased(queue) == []


@pytest.mark.parametrize("outcome", [Delivered, partial(Dead, reason="no")])
async def test_the_next_follows_when_one_ended(queue: SqliteQueue, outcome) -> None:
    """Answered or given up."""
    await put(queue, "a1", "a2", "b1", to="1")
    leases = await take(queue)

    await queue.settle([outcome(lease=leases["a1"])])

    assert await leased(queue) == ["a2"]


async def test_retry_holds_the_object_up_and_nothing_else(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Until it is due."""
    await put(queue, "a1", "a2", "b1", "b2", to="1")
    leases = await take(queue)
    retry = Retry(lease=leases["a1"], due=clock.wall + 5)
    await queue.settle([retry, Delivered(lease=leases["b1"])])

    assert await leased(queue) == ["b2"]
    clock.advance(5)
    assert await leased(queue) == ["a1"]


async def test_released_comes_again_before_what_is_younger(queue: SqliteQueue) -> None:
    """It is still the oldest."""
    await put(queue, "a1", "a2", to="1")
    leases = await take(queue)

    await queue.settle([Released(lease=leases["a1"])])

    assert await leased(queue) == ["a1"]


async def test_lease_that_expires_lets_nothing_younger_go(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Its delivery has not ended."""
    await put(queue, "a1", "a2", to="1")
    await take(queue)
    clock.advance(1801)
    queue._writer._tick()

    assert await leased(queue) == ["a1"]


async def test_delivered_of_a_lost_lease_lets_the_next_go(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Though nothing of the object was leased any more."""
    await put(queue, "a1", "a2", to="1")
    leases = await take(queue)
    clock.advance(1801)
    queue._writer._tick()
    await queue.gate("hook", None)

    await queue.settle([Delivered(lease=leases["a1"])])

    assert await leased(queue) == ["a2"]


async def test_replay_waits_for_the_younger_one_that_is_leased(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Then it goes first."""
    await put(queue, "a1", "a2", "a3", to="1")
    await queue.settle([Delivered(lease=(await take(queue))["a1"])])
    second = await take(queue)
    await queue.enqueue("hook", ["e1"])
    clock.advance(1)
    assert await leased(queue) == []

    await queue.settle([Retry(lease=second["a2"], due=clock.wall)])
    clock.advance(1)

    assert await leased(queue) == ["a1"]


async def test_what_a_replay_overtook_is_not_forgotten(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """It was given back, must wait for the older one, and follows it."""
    await put(queue, "a1", "a2", to="1")
    await queue.settle([Delivered(lease=(await take(queue))["a1"])])
    second = await take(queue)
    await queue.enqueue("hook", ["e1"])
    await queue.settle([Released(lease=second["a2"])])
    clock.advance(1)

    first = await take(queue)
    await queue.settle([Delivered(lease=first["a1"])])

    assert await leased(queue) == ["a2"]


async def test_retry_that_is_due_waits_for_an_older_one_that_is_not(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """A replay that failed holds up what is younger."""
    await put(queue, "a1", "a2", to="1")
    await queue.settle([Delivered(lease=(await take(queue))["a1"])])
    leases = await take(queue)
    await queue.settle([Retry(lease=leases["a2"], due=clock.wall + 5)])
    await queue.enqueue("hook", ["e1"])
    clock.advance(1)
    leases = await take(queue)
    await queue.settle([Retry(lease=leases["a1"], due=clock.wall + 60)])
    clock.advance(10)

    assert await leased(queue) == []


async def test_replays_of_one_object_go_one_by_one(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """In the order of their events, and all of them."""
    names = [f"a{number}" for number in range(5)]
    entries = [entry(name, key="a", sinks=()) for name in names]
    await queue.put(entries, scope=SCOPE, since=None, to="1")
    await queue.enqueue("hook", ["e5", "e3", "e1", "e2", "e4"])
    clock.advance(1)

    assert await deliver_all(queue) == names


async def deliver_all(queue: SqliteQueue) -> list[str]:
    """Deliver what can be leased until nothing can; return the ids in order."""
    found: list[str] = []
    while (await queue.depth("hook")).waiting:
        leases = await take(queue)
        found += leases
        await queue.settle([Delivered(lease=one) for one in leases.values()])
    return found


async def test_purge_lets_the_next_go(queue: SqliteQueue, clock: FakeClock) -> None:
    """One that was put since, and was passed over because of what was purged."""
    await put(queue, "a1", to="1")
    leases = await take(queue)
    await queue.settle([Retry(lease=leases["a1"], due=clock.wall + 60)])
    await put(queue, "a2", since="1", to="2")
    assert await leased(queue) == []

    await queue._order(partial(replay.purge_waiting, queue._store, "hook", 1))

    assert await leased(queue) == ["a2"]


async def test_dead_letter_of_a_full_backlog_lets_the_next_go(
    file: QueueFile, clock: FakeClock
) -> None:
    """What was pushed out held its object up."""
    async with file.open() as queue:
        full = {"max_backlog": 2, "on_full": "dead-letter-oldest"}
        await queue.open_sink("hook", ordering="object", **full)
        await put(queue, "a1", "a2", to="1")
        leases = await take(queue)
        await queue.settle([Retry(lease=leases["a1"], due=clock.wall + 60)])
        assert await leased(queue) == []

        await put(queue, "b1", since="1", to="2")

        assert await leased(queue) == ["a2", "b1"]


async def test_many_freed_lanes_are_searched_for_anew(
    file: QueueFile, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is remembered of them is bounded."""
    monkeypatch.setattr("bridge.queue.sqlite.order.MOST_FREED", 1)
    async with file.open() as queue:
        full = {"max_backlog": 4, "on_full": "dead-letter-oldest"}
        await queue.open_sink("hook", ordering="object", **full)
        await put(queue, "a1", "b1", "a2", "b2", to="1")
        for lease in (await take(queue)).values():
            await queue.settle([Retry(lease=lease, due=clock.wall + 60)])
        assert await leased(queue) == []

        await put(queue, "c1", "c2", since="1", to="2")

        assert await leased(queue) == ["a2", "b2", "c1"]


@pytest.mark.parametrize("is_tail", [True, False])
async def test_a_long_lane_stalls_nobody(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch, is_tail: bool
) -> None:
    """A search looks at few rows, and goes on by itself."""
    monkeypatch.setattr("bridge.queue.sqlite.search.LEAST_ROWS", 2)
    await leased(queue)
    await put(queue, *[f"a{number}" for number in range(40)], "b1", to="1")
    if not is_tail:
        queue._store.backlog("hook").search_anew()

    first = await queue.lease("hook", 1)
    second = await queue.lease("hook", 1)

    assert [one.event.id for one in (*first, *second)] == ["a0", "b1"]


async def test_long_lane_of_replays_stalls_nobody(
    queue: SqliteQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search of what is delayed is bounded, too."""
    monkeypatch.setattr("bridge.queue.sqlite.search.LEAST_ROWS", 2)
    entries = [entry(f"{key}", key=key, sinks=()) for key in "a" * 30 + "b"]
    await queue.put(entries, scope=SCOPE, since=None, to="1")
    await queue.enqueue("hook", [f"e{number}" for number in range(1, 32)])
    clock.advance(1)

    first = await queue.lease("hook", 1)
    second = await queue.lease("hook", 1)

    assert [one.event.id for one in (*first, *second)] == ["a", "b"]


async def test_what_was_just_put_comes_from_memory(queue: SqliteQueue) -> None:
    """As without order; what has to wait is read from the file later."""
    await leased(queue)
    await put(queue, "a1", "a2", "b1", to="1")
    statements = watched(queue)

    assert await leased(queue) == ["a1", "b1"]
    assert not [one for one in statements if "group_concat" in one]


async def test_order_survives_a_restart(file: QueueFile) -> None:
    """Lanes are in the file."""
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")
        await put(queue, "a1", "b1", "a2", to="1")
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")

        assert await leased(queue) == ["a1", "b1"]


async def test_order_of_delayed_ones_survives_a_restart(
    file: QueueFile, clock: FakeClock
) -> None:
    """What follows in their lanes waits for them."""
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")
        await put(queue, "a1", "b1", "a2", to="1")
        retry = Retry(lease=(await take(queue))["a1"], due=clock.wall + 60)
        await queue.settle([retry])
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")

        assert await leased(queue) == ["b1"]


async def test_lanes_in_which_nothing_waits_are_not_looked_up(
    queue: SqliteQueue,
) -> None:
    """What was just put is the oldest of its object, if no other one waits."""
    statements = watched(queue)
    await put(queue, "a1", "b1", to="1")
    leases = await take(queue)
    await queue.settle([Delivered(lease=one) for one in leases.values()])
    await put(queue, "a2", since="1", to="2")

    assert await leased(queue) == ["a2"]
    assert sql.HEADS not in statements


@pytest.mark.parametrize("most", [0, 20_000])
async def test_what_comes_back_goes_before_what_is_younger(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Also if more came back than is asked for, and if lanes are not remembered."""
    monkeypatch.setattr("bridge.queue.sqlite.order.MOST_MIXED", most)
    await put(queue, "a1", "b1", to="1")
    await queue.settle([Released(lease=one) for one in (await take(queue)).values()])
    await put(queue, "b2", "c1", since="1", to="2")

    first = await take(queue, 1)
    second = await take(queue, 1)

    assert [*first, *second] == ["a1", "b1"]
    assert await leased(queue) == ["c1"]


async def test_late_answer_ends_what_was_read_into_memory(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """Its row is in the file no more."""
    await put(queue, "a1", "b1", "c1", to="1")
    late = await take(queue, 2)
    clock.advance(1801)
    queue._writer._tick()
    await queue.purge("hook", ["e3"])
    assert [*await take(queue, 1)] == ["a1"]

    await queue.settle([Delivered(lease=late["b1"])])

    assert await leased(queue) == []


async def test_what_came_back_and_is_not_leased_yet_holds_its_object_up(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though there was room for more than came back."""
    entries = [entry(f"a{number}", key=f"{number}") for number in range(60)]
    await queue.put(entries, scope=SCOPE, since=None, to="1")
    await queue.settle([Released(lease=one) for one in (await take(queue)).values()])
    younger = [entry("b59", key="59"), entry("c", key="c")]
    await queue.put(younger, scope=SCOPE, since="1", to="2")
    monkeypatch.setattr("bridge.queue.sqlite.lease._MOST_BYTES", 1000)

    assert [*await take(queue)][50:] == ["c"]


async def test_leased_ones_alone_are_passed_over(queue: SqliteQueue) -> None:
    """When all rows are searched again, which a purge makes necessary."""
    await put(queue, "a1", "b1", to="1")
    await take(queue)
    await queue.purge("hook", ["e2"])
    assert await leased(queue) == []

    await put(queue, "c1", since="1", to="2")

    assert await leased(queue) == ["c1"]
    assert queue._store.backlog("hook").position == 3
