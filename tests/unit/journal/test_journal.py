"""The journal records attempts beside the queue, and never stands in its way."""

import asyncio
import os
import time

import apsw
import pytest

from bridge.journal import Attempt, journal
from bridge.journal import file as journal_file
from bridge.journal.file import JournalFile
from bridge.journal.journal import Journal
from bridge.journal.settings import JournalConfig
from bridge.metrics import Metrics


def attempt(event="e1", sink="hook", number=1, at=None, ending="delivered", **more):
    """Return an attempt that ended just now."""
    return Attempt(
        event=event,
        sink=sink,
        number=number,
        at=time.time() if at is None else at,
        duration_seconds=0.5,
        ending=ending,
        **more,
    )


@pytest.fixture
def path(tmp_path):
    """Where the journal is."""
    return tmp_path / "state" / "queue.db.journal"


@pytest.fixture
def metrics():
    """What is counted."""
    return Metrics(version="1")


@pytest.fixture
def opening(path, metrics):
    """Return what opens the journal."""

    def opening(*, max_size="4MiB", keep="1h"):
        return Journal.open(
            path,
            settings=JournalConfig(maxSize=max_size, keep=keep),
            metrics=metrics,
        )

    return opening


def counted(metrics, name):
    """Return a metric."""
    return metrics.registry.get_sample_value(f"kubebridge_journal_{name}")


async def test_attempts_of_an_event_are_found(opening):
    """Oldest first, of one sink or of all, without waiting for them to be stored."""
    async with opening() as one:
        one.add(attempt(number=1, ending="retry", status=503, reason="refused"))
        one.add(attempt(event="e2"))
        one.add(attempt(sink="spare"))
        one.add(attempt(number=2, status=200, excerpt=b"ok", id="x"))

        of_hook = await one.attempts_of("e1", "hook")
        of_all = await one.attempts_of("e1")

    assert [each.number for each in of_hook] == [1, 2]
    assert (of_hook[0].status, of_hook[0].reason) == (503, "refused")
    assert (of_hook[1].excerpt, of_hook[1].id) == (b"ok", "x")
    assert [each.sink for each in of_all] == ["hook", "spare", "hook"]


async def test_attempts_outlive_the_process(opening):
    """What was added before a clean stop is there after it."""
    async with opening() as one:
        one.add(attempt())
    async with opening() as one:
        assert len(await one.attempts_of("e1")) == 1


async def test_attempts_are_stored_soon(opening, monkeypatch, path):
    """A kill takes only what came after the last time."""
    monkeypatch.setattr(journal, "FLUSH_SECONDS", 0.01)
    async with opening() as one:
        one.add(attempt())
        await is_stored(path)

        assert rows(path) == 1


async def is_stored(path):
    """Wait until a chunk is there."""
    for _ in range(500):
        if path.exists() and rows(path):
            return
        await asyncio.sleep(0.01)


def rows(path):
    """Return how many chunks another process sees."""
    connection = apsw.Connection(str(path))
    try:
        return connection.execute("SELECT count(*) FROM chunk").get
    except apsw.Error:
        return 0
    finally:
        connection.close()


async def test_many_attempts_are_stored_at_once(opening, monkeypatch, path):
    """As one row, without waiting for the time."""
    monkeypatch.setattr(journal, "CHUNK_ATTEMPTS", 3)
    async with opening() as one:
        for number in range(7):
            one.add(attempt(event=f"e{number}"))

    assert rows(path) == 3


async def test_the_last_attempts_of_many_deliveries_are_found(opening, monkeypatch):
    """Each by event and sink; one that was forgotten is left out."""
    monkeypatch.setattr(journal, "CHUNK_ATTEMPTS", 2)
    async with opening() as one:
        for number in (1, 2):
            one.add(attempt("e1", number=number))
            one.add(attempt("e2", sink="spare", number=number))
        one.add(attempt("e3"))

        found = await one.last_attempts([("e1", "hook"), ("e2", "spare"), ("e9", "x")])
        nothing = await one.last_attempts([])

    assert {key: each.number for key, each in found.items()} == {
        ("e1", "hook"): 2,
        ("e2", "spare"): 2,
    }
    assert nothing == {}


async def test_the_search_ends_once_all_were_found(opening, monkeypatch):
    """Older attempts are not looked at."""
    monkeypatch.setattr(journal, "CHUNK_ATTEMPTS", 1)
    monkeypatch.setattr(journal, "_QUESTION_CHUNKS", 1)
    async with opening() as one:
        for number in range(1, 4):
            one.add(attempt(number=number))

        found = await one.last_attempts([("e1", "hook")])

    assert found["e1", "hook"].number == 3


async def test_attempts_are_read_in_order_from_any_place(opening, monkeypatch):
    """Page by page; a place that is none is the beginning."""
    monkeypatch.setattr(journal, "CHUNK_ATTEMPTS", 2)
    async with opening() as one:
        for number in range(1, 6):
            one.add(attempt(f"e{number}"))

        all_ = [each async for each in one.recorded()]
        rest = [each async for each in one.recorded(all_[2].handle)]
        none = [each async for each in one.recorded("e1 OR 1")]

    assert [each.attempt.event for each in all_] == ["e1", "e2", "e3", "e4", "e5"]
    assert (rest, none) == (all_[3:], all_)


async def test_attempts_before_a_time_are_left_out(opening):
    """Chunk by chunk."""
    async with opening() as one:
        one.add(attempt(at=time.time() - 100))
        await one.attempts_of("e1")
        one.add(attempt("e2"))

        found = [each async for each in one.recorded(since=time.time() - 50)]

    assert [each.attempt.event for each in found] == ["e2"]


async def test_old_attempts_go(opening):
    """After the time that they are kept."""
    async with opening(keep="60s") as one:
        one.add(attempt(at=time.time() - 100))
        await one.attempts_of("e1")
        one.add(attempt("e2"))

        assert await one.attempts_of("e1") == []
        assert len(await one.attempts_of("e2")) == 1


async def test_the_file_is_bounded(opening, path):
    """The oldest chunks go; the newest stay."""
    async with opening(max_size="200kB") as one:
        for number in range(100):
            one.add(attempt(f"e{number}", ending="retry", excerpt=os.urandom(4096)))
            newest = await one.attempts_of(f"e{number}")

        assert len(newest) == 1
        assert await one.attempts_of("e0") == []

    assert path.stat().st_size <= 300_000


async def test_a_chunk_that_went_meanwhile_is_passed_over(path):
    """Somebody reads while the oldest go."""
    file = JournalFile.open(path, max_size_bytes=2**20)
    file.append([attempt()], oldest=0)

    found = list(file.read([7, 1]))

    file.close()
    assert [len(each) for each in found] == [1]


async def test_excerpts_are_cut(opening):
    """Of a success little is worth keeping, of a failure 4 kB."""
    long = b"x" * 9000
    async with opening() as one:
        one.add(attempt(excerpt=long))
        one.add(attempt(ending="dead", excerpt=long))

        found = await one.attempts_of("e1")

    assert [len(each.excerpt) for each in found] == [256, 4096]


@pytest.mark.parametrize("handle", ["", "x", "e" + "9" * 30])
async def test_an_event_without_a_usable_handle_does_no_harm(opening, handle):
    """It is found as it was recorded."""
    async with opening() as one:
        one.add(attempt(handle))

        assert len(await one.attempts_of(handle)) == 1


DAMAGED = {
    "text": lambda path: path.write_bytes(b"this is no database" * 1000),
    "another": lambda path: make(path, "CREATE TABLE a (b)"),
    "later": lambda path: make(path, "CREATE TABLE a (b); PRAGMA user_version = 9"),
}


def make(path, script):
    """Write another database."""
    connection = apsw.Connection(str(path))
    connection.execute(script)
    connection.close()


@pytest.mark.parametrize("kind", DAMAGED)
async def test_a_file_that_is_damaged_is_set_aside(opening, path, kind):
    """It is evidence only: recording begins anew, and the old file is still there."""
    path.parent.mkdir()
    DAMAGED[kind](path)
    path.with_name(path.name + "-wal").write_bytes(b"")

    async with opening() as one:
        one.add(attempt())
        found = await one.attempts_of("e1")

    assert len(found) == 1
    assert path.with_name(path.name + ".damaged").exists()


async def test_a_page_that_is_damaged_is_noticed(opening, path):
    """At open; it is no reason to fail."""
    async with opening() as one:
        one.add(attempt())
    content = bytearray(path.read_bytes())
    content[4096 * 2 :] = b"\xff" * (len(content) - 4096 * 2)
    path.write_bytes(content)

    async with opening() as one:
        one.add(attempt("e2"))
        found = await one.attempts_of("e2")

    assert len(found) == 1
    assert path.with_name(path.name + ".damaged").exists()


async def test_a_chunk_that_cannot_be_read_is_no_answer(opening, path):
    """Whoever asks gets nothing, and recording goes on."""
    async with opening() as one:
        one.add(attempt())
    make(path, "UPDATE chunk SET attempts = x'00'")

    async with opening() as one:
        assert await one.attempts_of("e1") == []
        one.add(attempt("e2"))
        assert len(await one.attempts_of("e2")) == 1


async def test_a_full_volume_stops_recording_for_a_while(opening, metrics, monkeypatch):
    """What is left belongs to the queue; attempts are dropped and counted."""
    monkeypatch.setattr(journal_file, "SPARE_BYTES", 2**62)
    async with opening() as one:
        one.add(attempt())
        await one.attempts_of("e1")
        await asyncio.sleep(0)
        assert counted(metrics, "recording") == 0
        monkeypatch.setattr(journal_file, "SPARE_BYTES", 0)
        one.add(attempt())
        assert await one.attempts_of("e1") == []

    assert counted(metrics, "dropped_total") == 2


async def test_recording_goes_on_after_a_rest(opening, metrics, monkeypatch):
    """Once the volume has room again."""
    monkeypatch.setattr(journal, "REST_SECONDS", 0.0)
    monkeypatch.setattr(journal_file, "SPARE_BYTES", 2**62)
    async with opening() as one:
        one.add(attempt())
        await one.attempts_of("e1")
        await asyncio.sleep(0)
        monkeypatch.setattr(journal_file, "SPARE_BYTES", 0)
        one.add(attempt())
        found = await one.attempts_of("e1")
        await asyncio.sleep(0)

    assert len(found) == 1
    assert counted(metrics, "recording") == 1


async def test_a_place_that_cannot_be_written_does_no_harm(opening, path, metrics):
    """Nothing is recorded, and nobody is stopped."""
    path.parent.parent.joinpath("state").write_text("a file, no folder")

    async with opening() as one:
        one.add(attempt())
        assert await one.attempts_of("e1") == []

    assert counted(metrics, "dropped_total") == 1


async def test_a_thread_that_is_late_loses_attempts_not_memory(
    opening, metrics, monkeypatch
):
    """What comes beyond a bound is dropped and counted."""
    monkeypatch.setattr(journal, "CHUNK_ATTEMPTS", 1)
    monkeypatch.setattr(journal, "MOST_UNDER_WAY", 2)
    async with opening() as one:
        for number in range(5):
            one.add(attempt(f"e{number}"))
        found = [each async for each in one.recorded()]

    assert [each.attempt.event for each in found] == ["e0", "e1"]
    assert counted(metrics, "dropped_total") == 3
