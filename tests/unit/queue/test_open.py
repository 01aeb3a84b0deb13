"""What `open` makes, takes, and refuses."""

import asyncio
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from bridge.errors import (
    QueueCorruptError,
    QueueError,
    QueueLockedError,
    QueueNewerError,
)
from bridge.queue.sqlite import schema
from bridge.queue.sqlite.capacity import Reserve
from tests.unit.queue.samples import SCOPE, QueueFile, put

LANDED = Path(__file__).parent / "landed"


async def test_open_makes_folder_and_file(tmp_path: Path) -> None:
    """With the settings that can only be made at the beginning."""
    path = tmp_path / "a" / "b" / "queue.db"

    async with QueueFile(path=path).open() as queue:
        pragma = queue._store.connection.pragma
        assert pragma("page_size") == 16384
        assert pragma("auto_vacuum") == 2
        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert path.with_name("queue.db.reserve").stat().st_size == 1024 * 1024


async def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Also those from before, whatever the umask was (issue 10, item 23)."""
    path = tmp_path / "a" / "queue.db"
    async with QueueFile(path=path).open():
        pass
    for one in path.parent.iterdir():
        one.chmod(0o664)

    async with QueueFile(path=path).open() as queue:
        await queue.open_sink("hook")
        files = [one for one in path.parent.iterdir() if one.is_file()]
        modes = {one.name: one.stat().st_mode & 0o777 for one in files}

    assert modes == dict.fromkeys(modes, 0o600)
    assert len(modes) == 5  # the file, its log and index, lock and reserve
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("reserve", [0, 2**19, 2**21])
async def test_resize_changes_what_is_open(tmp_path: Path, reserve: int) -> None:
    """A reload need not close the file (issue 10, item 3)."""
    path = tmp_path / "queue.db"
    async with QueueFile(path=path).open() as queue:
        known = queue._store.settings
        sizes = {"max_size": 2**20, "keep": 1.0, "keep_size": 2**10, "reserve": reserve}
        await queue.resize(known.model_copy(update=sizes))
        settings, capacity = queue._store.settings, queue._store.capacity

        assert (settings.keep, settings.keep_size) == (1.0, 2**10)
        assert (capacity.max_bytes, capacity.reserve.is_held) == (2**20, True)
        held = path.with_name("queue.db.reserve")
        assert (held.stat().st_size if held.exists() else 0) == reserve
        limit = queue._store.connection.pragma("journal_size_limit")

    assert limit == 2 * max(1, min(1024, reserve // 32768 or 1024)) * 16384


async def test_resize_to_the_same_changes_nothing(tmp_path: Path) -> None:
    """Nor does the reserve leave its place meanwhile."""
    path = tmp_path / "queue.db"
    async with QueueFile(path=path).open() as queue:
        before = path.with_name("queue.db.reserve").stat().st_ino
        settings = queue._store.settings
        await queue.resize(settings.model_copy(update={"keep": 2 * settings.keep}))
        settings = queue._store.settings
        await queue.resize(settings.model_copy())

        assert queue._store.settings is settings
        assert path.with_name("queue.db.reserve").stat().st_ino == before


async def test_open_takes_an_empty_file(tmp_path: Path) -> None:
    """A file of no bytes is a new queue."""
    path = tmp_path / "queue.db"
    path.write_bytes(b"")

    async with QueueFile(path=path).open() as queue:
        assert queue._store.connection.pragma("page_size") == 16384


async def test_open_in_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    """The folder and the system's word are in the message."""
    (tmp_path / "file").write_text("")

    with pytest.raises(QueueError, match="file/sub: expected one that can be written"):
        async with QueueFile(path=tmp_path / "file" / "sub" / "queue.db").open():
            pass


async def test_open_of_a_folder_says_so(tmp_path: Path) -> None:
    """A folder is no file; SQLite's word is passed on under the path."""
    (tmp_path / "queue.db").mkdir()

    with pytest.raises(QueueError, match=r"queue .*queue\.db: unable to open"):
        async with QueueFile(path=tmp_path / "queue.db").open():
            pass


async def test_open_waits_for_the_owner_to_leave(file: QueueFile) -> None:
    """A restart may overlap."""
    async with asyncio.TaskGroup() as tasks:

        async def second() -> None:
            async with file.open(lock_timeout_seconds=5):
                pass

        async with file.open():
            waiting = tasks.create_task(second(), name="second")
            await asyncio.sleep(0.05)
            assert not waiting.done()


async def test_open_gives_up_on_an_owner_that_stays(file: QueueFile) -> None:
    """The owner is named."""
    async with file.open():
        with pytest.raises(QueueLockedError, match=r"process \d+ owns it.*0\.2 s"):
            async with file.open():
                pass


async def test_open_is_refused_while_another_process_owns_the_file(
    tmp_path: Path,
) -> None:
    """And allowed once that process is killed."""
    file = QueueFile(path=tmp_path / "queue.db")
    program = (
        "import fcntl, os, sys, time\n"
        "d = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(d, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, f"{file.path}.lock"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:  # noqa: ASYNC220
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(QueueLockedError, match="process unknown"):
            async with file.open():
                pass
        owner.kill()

    async with file.open():
        pass


async def test_open_of_a_damaged_file_leaves_it_as_it_is(file: QueueFile) -> None:
    """Its path and the way to salvage it are in the message."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
    damaged = b"x" * 100 + file.path.read_bytes()[100:]
    file.path.write_bytes(damaged)

    with pytest.raises(QueueCorruptError, match="queue recover"):
        async with file.open():
            pass

    assert file.path.read_bytes() == damaged


async def test_open_reads_a_small_file_through(file: QueueFile) -> None:
    """A page that nobody would have asked for soon is found all the same."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, *[str(number) for number in range(100)], size=2000)
    whole = file.path.read_bytes()
    place = whole.index(b'{"id":"50"') // 16384 * 16384
    file.path.write_bytes(whole[:place] + b"\xff" * 16384 + whole[place + 16384 :])

    with pytest.raises(QueueCorruptError):
        async with file.open():
            pass


async def test_open_of_a_large_file_leaves_damage_to_be_met(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading gigabytes at each start costs more than it finds."""
    monkeypatch.setattr("bridge.queue.sqlite.connection.CHECKED_BYTES", 1000)
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, *[str(number) for number in range(100)], size=2000)
    whole = file.path.read_bytes()
    place = whole.index(b'{"id":"50"') // 16384 * 16384
    file.path.write_bytes(whole[:place] + b"\xff" * 16384 + whole[place + 16384 :])

    async with file.open() as queue:
        with pytest.raises(QueueCorruptError, match="queue recover"):
            await queue.open_sink("hook")


async def test_open_of_another_database_is_refused(file: QueueFile) -> None:
    """Nothing is written into it."""
    file.path.parent.mkdir()
    other = apsw.Connection(str(file.path))
    other.execute("CREATE TABLE mine (a)")
    other.close()

    with pytest.raises(QueueCorruptError, match="got another database"):
        async with file.open():
            pass


async def test_open_of_a_newer_file_is_refused(file: QueueFile) -> None:
    """An older program does not know what it would break."""
    async with file.open() as queue:
        queue._store.connection.pragma("user_version", 99)

    with pytest.raises(QueueNewerError, match="expected schema 3 or older, got 99"):
        async with file.open():
            pass


async def test_an_error_in_the_block_ends_the_ownership(file: QueueFile) -> None:
    """The next one can open it at once."""
    with pytest.raises(RuntimeError):
        async with file.open():
            raise RuntimeError

    async with file.open() as queue:
        assert await queue.cursor(SCOPE) is None


@pytest.mark.parametrize("version", range(1, len(schema.MIGRATIONS) + 1))
def test_each_landed_schema_leads_to_this_one(version: int) -> None:
    """A file of any earlier version ends up like a new one."""
    old, new = apsw.Connection(":memory:"), apsw.Connection(":memory:")
    old.pragma("application_id", schema.APPLICATION_ID)
    old.execute((LANDED / f"v{version}.sql").read_text())
    old.pragma("user_version", version)

    schema.migrate(old, path="old")
    schema.migrate(new, path="new")

    listed = "SELECT sql FROM sqlite_schema ORDER BY name"
    assert old.execute(listed).fetchall() == new.execute(listed).fetchall()


def test_a_landed_schema_is_never_changed() -> None:
    """What files in the world were made with is on record."""
    assert (LANDED / "v1.sql").read_text() == schema.V1
    assert (LANDED / "v2.sql").read_text() == schema.V1 + schema.V2
    assert (LANDED / "v3.sql").read_text() == schema.V1 + schema.V2 + schema.V3


def test_a_migration_happens_whole_or_not_at_all() -> None:
    """A script that fails leaves the version before it."""
    connection = apsw.Connection(":memory:")
    broken = (
        *schema.MIGRATIONS,
        "ALTER TABLE event ADD COLUMN a TEXT; SELECT nonsense;",
    )

    with pytest.raises(apsw.SQLError):
        schema.migrate(connection, path="file", migrations=broken)

    assert connection.pragma("user_version") == len(schema.MIGRATIONS)
    assert "a" not in [row[1] for row in connection.execute("PRAGMA table_info(event)")]


def test_reserve_is_made_only_with_room_to_spare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice its size must be free."""
    reserve = Reserve(path=tmp_path / "reserve", size_bytes=10_000)
    monkeypatch.setattr(Reserve, "free_bytes", lambda _: 19_999)
    reserve.make()
    refused = reserve.is_held
    monkeypatch.setattr(Reserve, "free_bytes", lambda _: 20_000)
    reserve.make()

    assert (refused, reserve.is_held) == (False, True)
    assert (reserve.release(), reserve.release(), reserve.is_held) == (
        True,
        False,
        False,
    )


def test_reserve_is_an_eighth_of_the_volume_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was made too large gives room back (issue 10, item 32)."""
    (tmp_path / "reserve").write_bytes(bytes(16_000))
    monkeypatch.setattr(Reserve, "_volume_bytes", lambda _: 24_000)
    reserve = Reserve(path=tmp_path / "reserve", size_bytes=16_000)

    reserve.make()

    assert (reserve.size_bytes, reserve.is_held) == (3000, True)
    assert (tmp_path / "reserve").stat().st_size == 3000


def test_reserve_that_cannot_be_made_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No part of it is left behind."""
    monkeypatch.setattr(Reserve, "_volume_bytes", lambda _: 1 << 65)
    reserve = Reserve(path=tmp_path / "reserve", size_bytes=1 << 62)
    reserve.free_bytes = lambda: 1 << 63  # type: ignore[method-assign]

    reserve.make()

    assert not reserve.is_held
    assert not (tmp_path / "reserve").exists()


def test_reserve_of_no_size_is_always_held(tmp_path: Path) -> None:
    """Who wants none is never refused for it."""
    assert Reserve(path=tmp_path / "reserve", size_bytes=0).is_held
