"""What fails alone, and what ends everything."""

import asyncio
from typing import Any

import apsw
import pytest

from bridge.errors import QueueCorruptError, QueueError, StaleCursorError
from bridge.events import EncodedEvent
from bridge.queue import Entry, Scope
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.hooks import lease_error, raising
from tests.unit.queue.samples import SCOPE, QueueFile, encoded, ids, put

OTHER = Scope(cluster="c-1", resource="pods")


@pytest.mark.parametrize(
    "bad",
    [
        EncodedEvent(id=None, body=b"{}", data_offset=0),  # type: ignore[arg-type]
        EncodedEvent(id="\ud800", body=b"{}", data_offset=0),
        EncodedEvent(id="a", body=b"{}", data_offset=1 << 70),
        EncodedEvent(id="a", body="text", data_offset=0),  # type: ignore[arg-type]
        EncodedEvent(id="a", body=b"{}", data_offset=object()),  # type: ignore[arg-type]
    ],
    ids=["null", "surrogate", "overflow", "type", "object"],
)
async def test_a_bad_row_fails_its_own_put_only(
    queue: SqliteQueue, bad: EncodedEvent
) -> None:
    """The put beside it, of another scope, is stored; sums and numbers agree."""
    rows = [
        Entry(event=None, encoded=encoded("first"), sinks=("hook",)),
        Entry(event=None, encoded=bad, sinks=("hook",)),
    ]
    async with asyncio.TaskGroup() as tasks:
        failing = tasks.create_task(_failure(queue, rows), name="bad")
        tasks.create_task(put(queue, "good", scope=OTHER), name="good")

    assert failing.result() is not None
    assert ids(await queue.lease("hook", 10)) == ["good"]
    assert (await queue.depth("hook")).waiting == 1
    assert (await queue.cursor(SCOPE), await queue.cursor(OTHER)) == (None, "1")


async def _failure(queue: SqliteQueue, rows: list[Entry]) -> Exception | None:
    try:
        await queue.put(rows, scope=SCOPE, since=None, to="1")
    except (QueueError, ValueError, TypeError, OverflowError) as error:
        return error
    return None


async def test_a_damaged_file_fails_more_than_a_stale_reader(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the jobs of a group are run again one by one, damage is still damage."""

    def damaged(*_: Any) -> None:
        raise QueueCorruptError("delivery without event")

    await put(queue, "a")
    monkeypatch.setattr("bridge.queue.sqlite.put.remember", damaged)
    async with asyncio.TaskGroup() as tasks:
        stale = tasks.create_task(_failure(queue, []), name="stale")
        await asyncio.sleep(0)
        with pytest.raises(QueueCorruptError):
            await put(queue, "b", scope=OTHER)

    assert isinstance(stale.result(), QueueCorruptError)


async def test_a_stale_reader_fails_alone(queue: SqliteQueue) -> None:
    """Of two puts of one scope from one cursor the second is refused."""
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(put(queue, "a"), name="first")
        second = tasks.create_task(_stale(queue), name="second")

    assert (first.result(), second.result()) == (None, True)
    assert ids(await queue.lease("hook", 10)) == ["a"]


async def _stale(queue: SqliteQueue) -> bool:
    try:
        await put(queue, "b")
    except StaleCursorError:
        return True
    return False


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (apsw.CorruptError("malformed"), QueueCorruptError),
        (apsw.IOError("disk I/O error"), QueueError),
        (QueueCorruptError("delivery without event"), QueueCorruptError),
    ],
)
async def test_a_fault_of_the_file_ends_everything(
    file: QueueFile,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    expected: type[Exception],
) -> None:
    """Who waits is told, and so is everybody who comes later."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        raising(queue, monkeypatch, error)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(lease_error(queue), name="lease")
            await asyncio.sleep(0.01)
            with pytest.raises(expected):
                await put(queue, "a")
        assert isinstance(waiting.result(), expected)
        with pytest.raises(expected):
            await queue.settle([])
        with pytest.raises(expected):
            await queue.lease("hook", 1)


async def test_a_fault_in_a_bad_moment_is_no_bad_row(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is found damaged inside a put fails the queue, not the put."""

    def damaged(*_: Any) -> None:
        raise QueueCorruptError("delivery without event")

    monkeypatch.setattr("bridge.queue.sqlite.put.remember", damaged)
    with pytest.raises(QueueCorruptError):
        await put(queue, "a")

    with pytest.raises(QueueCorruptError):
        await queue.settle([])


async def test_a_fault_of_upkeep_is_everybodys(
    queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though nobody waits for it."""

    def failing(_: Any) -> None:
        raise QueueError("no such clock")

    monkeypatch.setattr("bridge.queue.sqlite.writer.keep_up", failing)
    queue._writer._tick()

    with pytest.raises(QueueError, match="no such clock"):
        await queue.lease("hook", 1)


async def test_a_fault_that_ended_the_transaction_is_told_as_it_is(
    queue: SqliteQueue,
) -> None:
    """SQLite may have rolled back by itself when a job fails."""
    store = queue._store

    def failing() -> None:
        with store.transaction(), store.job():
            store.execute("ROLLBACK")
            raise apsw.FullError("full")

    with pytest.raises(apsw.FullError):
        failing()

    assert not store.connection.in_transaction
