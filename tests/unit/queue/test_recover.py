"""Salvage of a damaged file, page by page."""

import asyncio
import random
import shutil
from pathlib import Path

import apsw
import pytest

from bridge.errors import QueueCorruptError, QueueError, QueueLockedError
from bridge.queue import Dead, Delivered
from bridge.queue.sqlite import schema
from bridge.queue.sqlite.recover import recover
from bridge.queue.sqlite.schema import PAGE_BYTES
from tests.unit.queue.contract.base import LONG_AGO
from tests.unit.queue.samples import (
    SCOPE,
    QueueFile,
    closed,
    entry,
    ids,
    knows,
    rejected,
)

EVENTS = 300
DELIVERED = 20


async def fill(file: QueueFile) -> None:
    """Make a file with one of everything and 279 waiting deliveries."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        entries = [
            entry(str(number), size=2000, routes=("all",)) for number in range(EVENTS)
        ]
        await queue.put(entries, scope=SCOPE, since=None, to="4")
        await queue.put(
            [rejected("raw"), knows("k", b"v")], scope=SCOPE, since="4", to="5"
        )
        leases = await queue.lease("hook", DELIVERED)
        await queue.settle([Delivered(lease=lease) for lease in leases])
        [lease] = await queue.lease("hook", 1)
        await queue.settle([Dead(lease=lease, reason="no")])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return such a file, for all tests of this module."""
    file = QueueFile(path=tmp_path_factory.mktemp("filled") / "queue.db")
    asyncio.run(fill(file))
    return file.path


@pytest.fixture
def full(filled: Path, tmp_path: Path) -> QueueFile:
    """Return a copy of it, closed, to be damaged."""
    shutil.copyfile(filled, tmp_path / "queue.db")
    return QueueFile(path=tmp_path / "queue.db")


def damage(path: Path, *pages: int) -> None:
    """Overwrite pages, counted from 0, with noise."""
    noise = random.Random(5)
    with path.open("r+b") as file:
        for page in pages:
            file.seek(page * PAGE_BYTES)
            file.write(noise.randbytes(PAGE_BYTES))


async def waiting(file: QueueFile) -> list[str]:
    """Return the ids of all events that wait."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        return ids(await queue.lease("hook", 500))


def page_of(path: Path, text: bytes) -> int:
    """Return the page, counted from 0, that holds a text."""
    return path.read_bytes().index(text) // PAGE_BYTES


async def test_recover_of_a_sound_file_carries_everything(
    full: QueueFile, tmp_path: Path
) -> None:
    """Nothing is in doubt and nothing is lost."""
    recovery = recover(full.path, tmp_path / "new.db")

    assert (recovery.events, recovery.deliveries) == (EVENTS + 1, EVENTS - 21)
    assert (recovery.dead_letters, recovery.cursors) == (2, 1)
    assert (recovery.in_doubt, recovery.lost) == (0, 0)
    new = QueueFile(path=tmp_path / "new.db")
    assert await waiting(new) == [str(number) for number in range(21, EVENTS)]
    async with new.open() as queue:
        assert await queue.cursor(SCOPE) == "5"
        assert [pair async for pair in queue.remembered(SCOPE)] == [("k", b"v")]


async def test_recover_mends_the_first_page(full: QueueFile, tmp_path: Path) -> None:
    """Without it SQLite takes the file for no database at all."""
    damage(full.path, 0)

    recovery = recover(full.path, tmp_path / "new.db")

    assert recovery.deliveries == EVENTS - 21


async def test_recover_loses_only_the_events_of_a_damaged_page(
    full: QueueFile, tmp_path: Path
) -> None:
    """A page holds eight of them; they are counted."""
    damage(full.path, page_of(full.path, b'{"id":"150"'))

    recovery = recover(full.path, tmp_path / "new.db")

    assert 1 <= recovery.lost <= 8
    assert recovery.deliveries == EVENTS - 21 - recovery.lost
    new = QueueFile(path=tmp_path / "new.db")
    assert {"149", "150", "151"} - set(await waiting(new))


async def test_recover_delivers_again_what_is_in_doubt(
    full: QueueFile, tmp_path: Path
) -> None:
    """The list of deliveries is gone: all events wait, but dead letters stay dead."""
    damage(full.path, 6)

    recovery = recover(full.path, tmp_path / "new.db")

    assert recovery.in_doubt == EVENTS - 1
    assert set(await waiting(QueueFile(path=tmp_path / "new.db"))) == {
        str(number) for number in range(EVENTS) if number != DELIVERED
    }


@pytest.mark.parametrize("page", range(2, 14))
async def test_recover_survives_the_loss_of_any_root(
    full: QueueFile, tmp_path: Path, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever table begins there, the others are carried over and can be opened."""
    monkeypatch.setattr("bridge.queue.sqlite.recover._MOST_FAILURES", 500)
    damage(full.path, page)

    recover(full.path, tmp_path / "new.db")

    async with QueueFile(path=tmp_path / "new.db").open() as queue:
        await queue.open_sink("hook")


async def test_recover_never_gives_a_number_twice(
    full: QueueFile, tmp_path: Path
) -> None:
    """The next event is not taken for one that was there before."""
    recover(full.path, tmp_path / "new.db")
    new = QueueFile(path=tmp_path / "new.db")

    async with new.open() as queue:
        await queue.open_sink("hook")
        assert queue._store.totals.last_event == EVENTS + 1


async def test_recover_reads_the_log(tmp_path: Path) -> None:
    """What was committed and not yet moved into the file is carried over too."""
    file = QueueFile(path=tmp_path / "queue.db")
    async with file.open() as queue:
        await queue.open_sink("hook")
        await queue.put([entry("a")], scope=SCOPE, since=None, to="1")
        for name in ("queue.db", "queue.db-wal"):
            (tmp_path / f"crashed-{name}").write_bytes((tmp_path / name).read_bytes())

    recover(tmp_path / "crashed-queue.db", tmp_path / "new.db")

    assert await waiting(QueueFile(path=tmp_path / "new.db")) == ["a"]


def test_recover_leaves_the_damaged_file_alone(full: QueueFile, tmp_path: Path) -> None:
    """And leaves nothing else behind."""
    damage(full.path, 0, 4)
    before = full.path.read_bytes()

    recover(full.path, tmp_path / "new.db")

    assert full.path.read_bytes() == before
    assert not list(tmp_path.glob("*damaged*"))


def test_recover_drops_rows_that_cannot_be(tmp_path: Path) -> None:
    """A page of noise may still look like a page."""
    old = apsw.Connection(str(tmp_path / "queue.db"))
    old.execute(schema.V1.replace("STRICT, WITHOUT", "WITHOUT").replace("STRICT", ""))
    row = "INSERT INTO event (seq, stored, ends, id, body) VALUES (?, ?, 1, 'a', x'00')"
    old.executemany(row, [(1, "noise"), (2, 5)])
    old.close()

    assert recover(tmp_path / "queue.db", tmp_path / "new.db").events == 1


def old_file(path: Path) -> None:
    """Make a file of version 1, with a gate and two deliveries."""
    old = apsw.Connection(str(path))
    schema.create(old)
    old.execute(schema.V1)
    old.pragma("user_version", 1)
    old.execute(
        "INSERT INTO sink (name, gate_until, gate_reason)"
        " VALUES ('hook', 1, 'paused: 401')"
    )
    for one in (entry("a").encoded, entry("b").encoded):
        assert one is not None
        row = (one.data_offset, one.id, one.body)
        old.execute(
            "INSERT INTO event (stored, ends, data_offset, id, body)"
            " VALUES (1, 1, ?, ?, ?)",
            row,
        )
    old.execute("INSERT INTO delivery (sink, event, due) VALUES (1, 1, 1), (1, 2, 1)")
    old.close()


@pytest.mark.parametrize("pages", [(), (0,)])
async def test_recover_reads_a_file_of_version_1(
    tmp_path: Path, pages: tuple[int, ...]
) -> None:
    """Its gates, too; also if its first page has to be mended."""
    old_file(tmp_path / "queue.db")
    damage(tmp_path / "queue.db", *pages)

    recovery = recover(tmp_path / "queue.db", tmp_path / "new.db")

    assert (recovery.events, recovery.deliveries, recovery.in_doubt) == (2, 2, 0)
    async with QueueFile(path=tmp_path / "new.db").open() as queue:
        await queue.open_sink("hook")
        assert ids(await queue.lease("hook", 5)) == ["a", "b"]
        assert await queue.gated("hook") == closed(1e-6, "401")


async def test_recover_carries_routes(full: QueueFile, tmp_path: Path) -> None:
    """As far as they can be read; what is in doubt is not known."""
    recover(full.path, tmp_path / "new.db")
    shutil.copyfile(full.path, tmp_path / "damaged.db")
    old = apsw.Connection(str(tmp_path / "damaged.db"))
    old.execute("UPDATE route_set SET names = 'noise'")
    old.close()
    recover(tmp_path / "damaged.db", tmp_path / "other.db")

    found = []
    for name in ("new.db", "other.db"):
        async with QueueFile(path=tmp_path / name).open() as queue:
            found.append({one.routes async for one in queue.kept(LONG_AGO, None)})
    assert found == [{("all",)}, {()}]


async def test_recovered_rows_are_given_lanes(full: QueueFile, tmp_path: Path) -> None:
    """Those in doubt as well."""
    async with full.open() as queue:
        await queue.open_sink("hook", ordering="object")
    damage(full.path, 6)
    recover(full.path, tmp_path / "new.db")

    async with QueueFile(path=tmp_path / "new.db").open() as queue:
        await queue.open_sink("hook", ordering="object")

        assert not queue._store.execute("SELECT * FROM delivery WHERE lane IS NULL").get


def test_recover_of_nothing_says_so(tmp_path: Path) -> None:
    """An empty file has no rows."""
    (tmp_path / "queue.db").write_bytes(b"")

    with pytest.raises(QueueCorruptError, match="nothing of it can be read"):
        recover(tmp_path / "queue.db", tmp_path / "new.db")


def test_recover_of_no_file_says_so(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(QueueError, match=r"queue\.db.*No such file"):
        recover(tmp_path / "queue.db", tmp_path / "new.db")


def test_recover_overwrites_nothing(tmp_path: Path) -> None:
    """The new file must not exist."""
    (tmp_path / "new.db").write_bytes(b"")

    with pytest.raises(QueueError, match="expected no file there"):
        recover(tmp_path / "queue.db", tmp_path / "new.db")


async def test_recover_of_a_file_in_use_is_refused(tmp_path: Path) -> None:
    """Its owner is named."""
    file = QueueFile(path=tmp_path / "queue.db")

    async with file.open():
        with pytest.raises(QueueLockedError, match=r"process \d+ owns it"):
            recover(file.path, tmp_path / "new.db")
