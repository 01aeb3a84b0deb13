"""A queue that is full: by its own measure, by a sink's backlog."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bridge.errors import EntryTooLargeError, QueueFullError
from bridge.queue import Delivered, Entry
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import (
    MIB,
    SCOPE,
    FakeClock,
    QueueFile,
    encoded,
    entry,
    ids,
    knows,
    put,
)

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def fill(queue: SqliteQueue, count: int = 100) -> int:
    """Put events of 100 kB until the queue refuses; return how many it took."""
    for number in range(count):
        since = None if number == 0 else str(number - 1)
        try:
            await put(queue, str(number), since=since, to=str(number), size=100_000)
        except QueueFullError:
            return number
    return count


async def deliver_all(queue: SqliteQueue, count: int) -> None:
    """Lease and deliver so many."""
    while count:
        leases = await queue.lease("hook", count)
        await queue.settle([Delivered(lease=lease) for lease in leases])
        count -= len(leases)


async def kept(queue: SqliteQueue) -> list[str]:
    """Return the ids of all events that are still stored."""
    return [one.event.id async for one in queue.kept(LONG_AGO, None)]


async def test_put_refuses_what_would_pass_the_size(file: QueueFile) -> None:
    """The cursor stands, the reason can be read, and room makes it go on."""
    async with file.open(max_size=2 * MIB) as queue:
        await queue.open_sink("hook")
        taken = await fill(queue)
        assert 14 <= taken <= 18
        assert await queue.cursor(SCOPE) == str(taken - 1)
        assert "bytes are used" in str((await queue.storage()).full)

        await deliver_all(queue, taken)
        await put(queue, "late", since=str(taken - 1), to="late", size=100_000)

        assert (await queue.storage()).full is None


async def test_put_refused_leaves_nothing_behind(file: QueueFile) -> None:
    """No row, no memory."""
    async with file.open(max_size=2 * MIB) as queue:
        await queue.open_sink("hook")
        taken = await fill(queue)

        with pytest.raises(QueueFullError, match="is full"):
            await put(
                queue, "x", since=str(taken - 1), size=100_000, remember=("k", b"")
            )

        assert (await queue.depth("hook")).waiting == taken
        assert [pair async for pair in queue.remembered(SCOPE)] == []


async def test_put_of_nothing_is_taken_by_a_full_queue(file: QueueFile) -> None:
    """A bookmark needs no room, nor what a reader notes beside it or forgets."""
    async with file.open(max_size=2 * MIB) as queue:
        await queue.open_sink("hook")
        taken = await fill(queue)

        await queue.put(
            [knows("@note", b"x" * 100_000), knows("+a/b", None)],
            scope=SCOPE,
            since=str(taken - 1),
            to="later",
        )

        assert await queue.cursor(SCOPE) == "later"


async def test_kept_events_leave_before_a_put_is_refused(file: QueueFile) -> None:
    """Oldest first, and no more of them than needed; what waits stays."""
    async with file.open(max_size=2 * MIB) as queue:
        await queue.open_sink("hook")
        await put(queue, "waits", to="0", sinks=("hook",))
        await queue.lease("hook", 1)
        names = [str(number) for number in range(100)]
        for number in range(1, 100):
            to = str(number)
            await put(queue, to, since=str(number - 1), to=to, sinks=(), size=100_000)

        left = await kept(queue)

        assert left[0] == "waits"
        assert left[1:] == names[-len(left) + 1 :]
        assert len(left) > 1


async def test_shedding_goes_on_where_it_ended(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A put does not wait for all of it; the next one sheds more."""
    monkeypatch.setattr("bridge.queue.sqlite.upkeep._CHUNK", 1)
    monkeypatch.setattr("bridge.queue.sqlite.upkeep._MOST_CHUNKS", 2)
    async with file.open(max_size=2 * MIB) as queue:
        await queue.open_sink("hook")
        names = [str(number) for number in range(1000)]
        await put(queue, *names[:500], size=1000)
        await put(queue, *names[500:], sinks=(), since="1", to="2", size=1000)
        since, refused = "2", 0
        while refused < 600:
            try:
                await put(queue, "big", since=since, to="3", sinks=(), size=MIB)
            except QueueFullError:
                refused += 1
            else:
                break

        assert 200 < refused < 600


async def test_entry_larger_than_the_queue_is_named(file: QueueFile) -> None:
    """By its place among the entries; nothing is stored."""
    async with file.open(max_size=MIB) as queue:
        await queue.open_sink("hook")

        with pytest.raises(EntryTooLargeError, match="event big") as raised:
            await queue.put(
                [entry("a"), entry("big", size=2 * MIB)],
                scope=SCOPE,
                since=None,
                to="1",
            )

        assert raised.value.index == 1
        assert await queue.cursor(SCOPE) is None


async def test_put_larger_than_the_queue_is_taken_by_an_empty_one(
    file: QueueFile,
) -> None:
    """Otherwise it would never fit."""
    async with file.open(max_size=MIB) as queue:
        await queue.open_sink("hook")
        names = [str(number) for number in range(20)]

        await put(queue, *names, size=100_000)

        assert (await queue.depth("hook")).waiting == 20
        with pytest.raises(QueueFullError):
            await put(queue, "more", since="1", to="2")


async def test_full_backlog_blocks_and_names_the_sink(file: QueueFile) -> None:
    """Nothing of the put is stored, for other sinks neither."""
    async with file.open() as queue:
        await queue.open_sink("other")
        await queue.open_sink("hook", max_backlog=3)
        await put(queue, "a")
        await put(queue, "b", since="1", to="2")

        with pytest.raises(QueueFullError, match=r"at most 3.*got 2 and 2") as raised:
            await put(queue, "c", "d", since="2", to="3", sinks=("other", "hook"))

        assert raised.value.sink == "hook"
        assert (await queue.depth("other")).waiting == 0
        assert (await queue.storage()).full is None


async def test_backlog_smaller_than_a_put_takes_it_once_empty(file: QueueFile) -> None:
    """Otherwise it would never fit."""
    async with file.open() as queue:
        await queue.open_sink("hook", max_backlog=1)

        await put(queue, "a", "b", "c")

        assert (await queue.depth("hook")).waiting == 3


async def test_full_backlog_turns_the_oldest_into_dead_letters(
    file: QueueFile, clock: FakeClock
) -> None:
    """But none that is under way; the new ones wait."""
    async with file.open() as queue:
        await queue.open_sink("hook", max_backlog=3, on_full="dead-letter-oldest")
        await put(queue, "a", "b", "c")
        [under_way] = await queue.lease("hook", 1)

        await put(queue, "d", "e", since="1", to="2")

        letters = [letter async for letter in queue.dead("hook", None)]
        assert [(one.event.id, one.attempts) for one in letters] == [("b", 0), ("c", 0)]
        assert "more than 3 deliveries waited for sink hook" in letters[0].reason
        assert ids(await queue.lease("hook", 10)) == ["d", "e"]
        assert queue.tally("hook").dead == 2
        await queue.settle([Delivered(lease=under_way)])
        assert queue.tally("hook").delivered == 1


async def test_rejected_entries_take_room_too(file: QueueFile) -> None:
    """A flood of what cannot be converted fills the queue like any other."""
    async with file.open(max_size=MIB) as queue:
        raw = Entry(event=None, encoded=encoded("raw", 500_000), error="no uid")
        await queue.put([raw], scope=SCOPE, since=None, to="1")

        with pytest.raises(QueueFullError):
            await queue.put([raw], scope=SCOPE, since="1", to="2")


async def remember(queue: SqliteQueue, names: Sequence[str], since: str | None) -> int:
    """Remember 100 kB of each until the queue refuses; return how many it took."""
    value = b"x" * 100_000
    for number, name in enumerate(names):
        to = name
        try:
            await queue.put([knows(name, value)], scope=SCOPE, since=since, to=to)
        except QueueFullError:
            return number
        since = to
    return len(names)


async def test_what_is_remembered_takes_room(file: QueueFile) -> None:
    """A put of it is refused like any other; what is forgotten gives it back."""
    async with file.open(max_size=2 * MIB) as queue:
        names = [f"+{number:03}" for number in range(100)]

        taken = await remember(queue, names, None)
        assert 14 <= taken <= 20
        gone = [knows(name, None) for name in names[: taken - 1]]
        await queue.put(gone, scope=SCOPE, since=names[taken - 1], to="1")
        again = await remember(queue, names, "1")

        assert taken - 2 <= again <= taken


async def test_what_is_remembered_anew_takes_no_more_room(file: QueueFile) -> None:
    """The new value replaces the old one."""
    async with file.open(max_size=2 * MIB) as queue:
        names = [f"+{number % 5}" for number in range(100)]

        assert await remember(queue, names, None) == 100


async def test_kept_events_leave_for_what_is_remembered(file: QueueFile) -> None:
    """Memory is needed, kept events are only nice to have."""
    async with file.open(max_size=2 * MIB) as queue:
        names = [str(number) for number in range(15)]
        await put(queue, *names, sinks=(), size=100_000)

        assert await remember(queue, [f"+{number}" for number in range(14)], "1") == 14
        assert len(await kept(queue)) < 15
