"""Grouping: what shares a transaction, and who waits for whom."""

import asyncio
import threading
from typing import Any

import apsw
import pytest

from bridge.errors import QueueError
from bridge.queue import Delivered, Ordering, Retry, Scope
from bridge.queue.sqlite.queue import SqliteQueue
from bridge.queue.sqlite.settle import LAZY_SECONDS, LINGER_SECONDS, recording
from bridge.queue.sqlite.upkeep import keep_up
from bridge.queue.sqlite.writer import run_pass
from tests.unit.queue.hooks import lease_error, raising
from tests.unit.queue.samples import (
    SCOPE,
    FakeClock,
    QueueFile,
    closed,
    ids,
    leased,
    put,
)

OTHER = Scope(cluster="c-1", resource="pods")


def watch(queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that every statement of the writer is appended to."""
    statements: list[str] = []
    execute = queue._store.execute

    def noting(statement: str, bindings: Any = ()) -> apsw.Cursor:
        statements.append(statement.strip())
        return execute(statement, bindings)

    monkeypatch.setattr(queue._store, "execute", noting)
    return statements


def passing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each pass."""
    passes: list[str] = []

    def noting(*given: Any) -> Any:
        passes.append("pass")
        return run_pass(*given)

    monkeypatch.setattr("bridge.queue.sqlite.writer.run_pass", noting)
    return passes


def keep_up_alone(queue: SqliteQueue) -> bool:
    """Return whether upkeep wants to be called again soon."""
    with queue._store.transaction():
        return keep_up(queue._store)


async def test_puts_that_wait_share_a_transaction(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, if they came together."""
    statements = watch(queue, monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            scope = Scope(cluster="c-1", resource=f"r{number}")
            tasks.create_task(put(queue, str(number), scope=scope), name="put")

    assert statements.count("COMMIT") == 1


@pytest.mark.parametrize(
    ("ordering", "lazily", "seconds"),
    [
        ("none", False, LINGER_SECONDS),
        ("none", True, LAZY_SECONDS),
        ("object", False, LINGER_SECONDS),
        ("object", True, LINGER_SECONDS),
        ("sink", False, 0),
        ("sink", True, 0),
    ],
)
async def test_outcomes_linger_unless_a_sink_waits_for_them(
    queue: SqliteQueue, ordering: Ordering, lazily: bool, seconds: float
) -> None:
    """Only where no order depends on them may they be lazy (issue 11, section 3)."""
    await queue.open_sink("hook", ordering=ordering)
    await put(queue, "a", "b")
    (lease,) = await queue.lease("hook", 1)

    job = recording(queue._store, [Delivered(lease=lease)], lazily=lazily)

    assert job.linger_seconds == seconds


async def test_a_group_is_bounded_in_rows(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two full puts are two transactions."""
    statements = watch(queue, monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        for scope in (SCOPE, OTHER):
            names = [str(number) for number in range(300)]
            tasks.create_task(put(queue, *names, scope=scope), name="put")

    assert statements.count("COMMIT") == 2


async def test_outcomes_wait_a_little_for_company(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are recorded together, though they came one after the other."""
    await put(queue, *[str(number) for number in range(10)])
    leases = await queue.lease("hook", 10)
    monkeypatch.setattr("bridge.queue.sqlite.settle.LINGER_SECONDS", 0.3)
    statements = watch(queue, monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        for lease in leases:
            tasks.create_task(queue.settle([Delivered(lease=lease)]), name="settle")
            await asyncio.sleep(0)

    assert statements.count("COMMIT") == 1


async def test_many_outcomes_wait_for_nobody(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full group goes at once."""
    names = [str(number) for number in range(500)]
    await put(queue, *names)
    leases = await queue.lease("hook", 500)
    monkeypatch.setattr("bridge.queue.sqlite.settle.LINGER_SECONDS", 60)

    await queue.settle([Delivered(lease=lease) for lease in leases])

    assert (await queue.depth("hook")).waiting == 0


async def test_a_put_takes_waiting_outcomes_along(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction for both, and the outcomes first: they make room."""
    await put(queue, "a")
    leases = await queue.lease("hook", 1)
    monkeypatch.setattr("bridge.queue.sqlite.settle.LINGER_SECONDS", 60)
    statements = watch(queue, monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        settling = queue.settle([Delivered(lease=leases[0])])
        tasks.create_task(settling, name="settle")
        await asyncio.sleep(0.01)
        tasks.create_task(put(queue, "b", since="1", to="2"), name="put")

    kinds = [one.split()[0] for one in statements]
    assert kinds.count("COMMIT") == 1
    assert kinds.index("DELETE") < kinds.index("INSERT")


async def test_lazy_outcomes_have_no_commit_of_their_own(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each put takes those along that came since the last (issue 11, section 3)."""
    monkeypatch.setattr("bridge.queue.sqlite.settle.LAZY_SECONDS", 60)
    statements = watch(queue, monkeypatch)
    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            since = str(number) if number else None
            await put(queue, f"e{number}", since=since, to=str(number + 1))
            for lease in await queue.lease("hook", 1):
                settling = queue.settle([Delivered(lease=lease)], lazily=True)
                tasks.create_task(settling, name="settle")
            await asyncio.sleep(0)
        await put(queue, since="5", to="6")

    assert statements.count("COMMIT") == 6


async def test_lazy_outcomes_that_no_put_takes_are_recorded_soon(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait for one no longer than they may (issue 11, section 3)."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    monkeypatch.setattr("bridge.queue.sqlite.settle.LAZY_SECONDS", 0.02)

    await queue.settle([Delivered(lease=lease)], lazily=True)

    assert queue.tally("hook").waiting == 0


async def test_outcomes_in_a_hurry_take_lazy_ones_along(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shortest time of those that wait is the time of all."""
    await put(queue, "a", "b")
    first, second = await queue.lease("hook", 2)
    monkeypatch.setattr("bridge.queue.sqlite.settle.LAZY_SECONDS", 60)
    statements = watch(queue, monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        lazy = queue.settle([Delivered(lease=first)], lazily=True)
        tasks.create_task(lazy, name="lazy")
        await asyncio.sleep(0)
        await queue.settle([Delivered(lease=second)])

    assert statements.count("COMMIT") == 1


async def test_outcomes_are_recorded_before_a_put_that_came_first(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They make room for it."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    statements = watch(queue, monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(put(queue, "b", since="1", to="2"), name="put")
        tasks.create_task(queue.settle([Delivered(lease=lease)]), name="settle")

    kinds = [one.split()[0] for one in statements]
    assert kinds.count("COMMIT") == 1
    assert kinds.index("DELETE") < kinds.index("INSERT")


async def test_purge_and_outcome_in_one_group_agree(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """What was purged does not come back by an outcome beside the purge."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    outcome = Retry(lease=lease, due=clock.wall)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(queue.purge("hook", None), name="purge")
        tasks.create_task(queue.settle([outcome]), name="settle")

    assert (await queue.depth("hook")).waiting == 0
    assert await leased(queue) == []


async def test_leases_are_of_committed_rows_only(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits gets nothing from a put whose commit failed."""
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.lease("hook", 1), name="lease")
        await asyncio.sleep(0.01)
        with monkeypatch.context() as patched:
            raising(queue, patched, apsw.FullError("full"))
            with pytest.raises(QueueError):
                await put(queue, "lost")

        await put(queue, "a")

    assert ids(waiting.result()) == ["a"]


async def test_close_finishes_what_was_submitted(file: QueueFile) -> None:
    """Also outcomes that still wait for company, and when no one waits any more."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        async with asyncio.TaskGroup() as tasks:
            settling = queue.settle([Delivered(lease=lease)], lazily=True)
            task = tasks.create_task(settling, name="settle")
            await asyncio.sleep(0)
            task.cancel()

    async with file.open() as queue:
        assert (await queue.depth("hook")).waiting == 0


async def test_after_close_everything_is_refused(file: QueueFile) -> None:
    """And who waited for a lease is told."""
    async with asyncio.TaskGroup() as tasks, file.open() as queue:
        await queue.open_sink("hook")
        waiting = tasks.create_task(lease_error(queue), name="lease")
        await asyncio.sleep(0.01)

    assert "closed" in str(waiting.result())
    with pytest.raises(QueueError, match="closed"):
        await queue.settle([])


async def test_upkeep_needs_nobody(
    file: QueueFile, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leases expire though nothing else happens, and the waiting sink gets them."""
    monkeypatch.setattr("bridge.queue.sqlite.writer.TICK_SECONDS", 0.05)
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
        await queue.lease("hook", 1)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(queue.lease("hook", 1), name="lease")
            await asyncio.sleep(0.01)
            clock.advance(1801)

    assert ids(waiting.result()) == ["a"]


async def test_an_idle_queue_writes_nothing(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    """Only the clocks of the sinks, once a minute."""
    log = queue._store.settings.path.with_name("queue.db-wal")
    await queue.settle([])
    before = log.stat().st_size
    clock.advance(30)
    queue._writer._tick()
    await queue.settle([])
    idle = log.stat().st_size
    clock.advance(40)
    queue._writer._tick()
    await queue.settle([])

    assert idle == before
    assert log.stat().st_size > before


@pytest.mark.parametrize("ordering", ["none", "object"])
async def test_a_sink_that_has_all_costs_no_pass(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch, ordering: Ordering
) -> None:
    """Its next request waits for the next put (issue 11, section 3)."""
    await queue.open_sink("hook", ordering=ordering)
    await put(queue, "a")
    assert ids(await queue.lease("hook", 5)) == ["a"]
    passes = passing(monkeypatch)

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.lease("hook", 5), name="lease")
        await asyncio.sleep(0.05)
        idle = len(passes)
        await put(queue, "b", since="1", to="2")

    assert (idle, len(passes), ids(waiting.result())) == (0, 1, ["b"])


async def test_a_sink_that_has_all_is_woken_by_a_retry(
    queue: SqliteQueue, clock: FakeClock
) -> None:
    """When its time has come, though its request brought no pass about."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    await queue.settle([Retry(lease=lease, due=clock.wall + 0.05)])

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.lease("hook", 1), name="lease")
        await asyncio.sleep(0.01)
        clock.advance(0.05)

    assert ids(waiting.result()) == ["a"]


async def test_a_lease_cancelled_while_the_thread_works_is_given_back(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it handed out then belongs to nobody."""
    await put(queue, "a")
    is_passed, may_return = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        passed = run_pass(*given)
        is_passed.set()
        may_return.wait(5)
        return passed

    monkeypatch.setattr("bridge.queue.sqlite.writer.run_pass", slow)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(queue.lease("hook", 1), name="lease")
        await asyncio.to_thread(is_passed.wait, 5)
        waiting.cancel()
    may_return.set()

    assert ids(await queue.lease("hook", 1)) == ["a"]


async def test_questions_that_take_too_long_are_given_up(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading thread is free for the next one."""
    reader = queue._reader
    monkeypatch.setattr("bridge.queue.sqlite.read.MOST_SECONDS", 0.0)
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        " SELECT max(i) FROM n"
    )

    with pytest.raises(QueueError, match="took more than"):
        await reader.ask(lambda connection: connection.execute(endless).get)

    monkeypatch.undo()
    assert await queue.cursors() == []


async def test_nothing_ticks_where_nothing_waits(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pass wakes two threads (issue 11, section 3)."""
    monkeypatch.setattr("bridge.queue.sqlite.writer.TICK_SECONDS", 0.01)
    monkeypatch.setattr("bridge.queue.sqlite.writer.IDLE_TICK_SECONDS", 60)
    async with file.open() as queue, asyncio.TaskGroup() as tasks:
        await queue.open_sink("hook")
        waiting = tasks.create_task(queue.lease("hook", 1), name="lease")
        await asyncio.sleep(0.1)
        passes = passing(monkeypatch)
        await asyncio.sleep(0.1)
        waiting.cancel()

    assert passes == []


@pytest.mark.parametrize("waits", ["lease", "retry", "gate", "room"])
async def test_it_ticks_each_second_while_something_waits(
    queue: SqliteQueue, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, waits: str
) -> None:
    """For a clock, which may be set back, or for room."""
    await put(queue, "a")
    [lease] = await queue.lease("hook", 1)
    outcomes = {
        "lease": [],
        "retry": [Retry(lease=lease, due=clock.wall + 60)],
    }.get(waits, [Delivered(lease=lease)])
    await queue.settle(outcomes)
    await queue.gate("hook", closed(clock.wall + 60) if waits == "gate" else None)
    if waits == "room":
        queue._store.capacity.refusal = "queue is full"
        monkeypatch.setattr(queue._store.capacity, "tidy", lambda: None)

    assert keep_up_alone(queue) is True


async def test_a_clock_set_back_is_noticed_by_an_idle_queue(
    file: QueueFile, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry waits no longer for it (issue 10, item 46; issue 11, section 3)."""
    monkeypatch.setattr("bridge.queue.sqlite.writer.TICK_SECONDS", 0.01)
    monkeypatch.setattr("bridge.queue.sqlite.writer.IDLE_TICK_SECONDS", 0.1)
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        await asyncio.sleep(0.1)
        await queue.settle([Retry(lease=lease, due=clock.wall + 60)])
        clock.wall -= 86400
        waiting = queue.lease("hook", 1)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(waiting, name="lease")
            await asyncio.sleep(0.1)
            clock.advance(61)

    assert ids(task.result()) == ["a"]


async def ask_and_fail(queue: SqliteQueue) -> None:
    """Ask for a lease, and let the queue fail before the pass begins."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(queue.lease("hook", 1), name="lease")
        await asyncio.sleep(0)
        queue._writer._fail(QueueError("broken"), [])


async def test_fault_takes_back_a_pass_that_has_not_begun(file: QueueFile) -> None:
    """A lease that was just asked for fails too, and nothing is leased."""
    async with file.open() as first:
        await first.open_sink("hook")
        await put(first, "a")
    async with file.open() as second:
        await second.open_sink("hook")
        with pytest.raises(ExceptionGroup) as caught:
            await ask_and_fail(second)

        assert caught.group_contains(QueueError, match="broken")
        assert second._writer._starting.cancelled()
