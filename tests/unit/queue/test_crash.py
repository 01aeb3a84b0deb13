"""A kill at any moment: nothing promised is lost, and mutants are caught."""

import asyncio
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from bridge.queue import Delivered, Entry, Lease
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.lives import Ledger, Snapshots, faults_of, live
from tests.unit.queue.samples import SCOPE, QueueFile

LOG_HEADER_BYTES = 32
FRAME_BYTES = 24 + 16384


class CursorFirst(SqliteQueue):
    """Two commits where one is promised."""

    async def put(self, entries: Any, *, scope: Any, since: Any, to: Any) -> None:
        """Lose the entries of a kill that falls between the commits."""
        await super().put([], scope=scope, since=since, to=to)
        await super().put(entries, scope=scope, since=to, to=to)


class EntriesFirst(SqliteQueue):
    """Two commits where one is promised, the other way round."""

    async def put(self, entries: Any, *, scope: Any, since: Any, to: Any) -> None:
        """Store the entries twice when a kill falls between the commits."""
        await super().put(entries, scope=scope, since=since, to=since)
        await super().put([], scope=scope, since=since, to=to)


class ForwardLater(SqliteQueue):
    """A dead letter goes in one commit, its forwarded event comes in another."""

    async def settle(self, outcomes: Any, **_: Any) -> None:
        """Lose a dead letter when a kill falls between the commits."""
        forwards = [one for one in outcomes if getattr(one, "forward", None)]
        await super().settle([Delivered(lease=one.lease) for one in forwards])
        if forwards:
            cursor = await self.cursor(SCOPE)
            entries = [
                Entry(event=None, encoded=one.forward.event, sinks=(one.forward.sink,))
                for one in forwards
            ]
            await self.put(entries, scope=SCOPE, since=cursor, to=cursor)
        await super().settle([one for one in outcomes if one not in forwards])


class GoneWhenLeased(SqliteQueue):
    """A lease is a farewell."""

    async def lease(self, sink: str, limit: int) -> Sequence[Lease]:
        """Lose what is leased and not answered when the kill comes."""
        leases = await super().lease(sink, limit)
        await self.settle([Delivered(lease=lease) for lease in leases[1:]])
        return leases


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory, if there is one: hundreds of files are opened."""
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() else tmp_path
    with TemporaryDirectory(prefix="kubebridge-", dir=where) as path:
        yield Path(path)


async def faults_at_every_statement(kind: type[SqliteQueue], folder: Path) -> set[str]:
    """Live, be killed before each statement, and return all that is wrong then."""
    ledger, snapshots = Ledger(), Snapshots(folder=folder)
    async with QueueFile(path=folder / "queue.db", kind=kind).open() as queue:
        snapshots.watch(queue, ledger)
        with suppress(ValueError, TimeoutError):  # a mutant runs out of leases
            async with asyncio.timeout(1.5):
                await live(queue, ledger)
    assert len(snapshots.taken) > 60
    faults: set[str] = set()
    for copy, promised in snapshots.taken:
        faults.update(await faults_of(copy, promised))
    return faults


@pytest.mark.timeout(60)
async def test_a_kill_before_any_statement_breaks_no_promise(folder: Path) -> None:
    """Whatever the writer was about to do."""
    assert await faults_at_every_statement(SqliteQueue, folder) == set()


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("mutant", "fault"),
    [
        (CursorFirst, "events lost"),
        (EntriesFirst, "events beyond the cursor"),
        (GoneWhenLeased, "events lost"),
        (ForwardLater, "events lost in lanes"),
    ],
)
async def test_a_kill_before_any_statement_finds_mutants(
    folder: Path, mutant: type[SqliteQueue], fault: str
) -> None:
    """The check above can fail."""
    faults = await faults_at_every_statement(mutant, folder)

    assert any(one.startswith(fault) for one in faults)


@pytest.mark.timeout(60)
async def test_a_log_cut_anywhere_breaks_no_promise(folder: Path) -> None:
    """At each frame, and within: as a write that was lost leaves it."""
    file, ledger = QueueFile(path=folder / "queue.db"), Ledger()
    async with file.open(reserve=0) as queue:
        await live(queue, ledger)
        whole = Snapshots(folder=folder)
        whole.take(file.path, Ledger(answered=ledger.answered, lanes=ledger.lanes))
    [(copy, promised)] = whole.taken
    log = copy.path.with_name("queue.db-wal")
    frames = (log.stat().st_size - LOG_HEADER_BYTES) // FRAME_BYTES
    assert frames > 20
    bytes_, database = log.read_bytes(), copy.path.read_bytes()

    for frame in range(frames):
        for within in (0, 11, FRAME_BYTES // 2):
            copy.path.write_bytes(database)
            log.write_bytes(bytes_[: LOG_HEADER_BYTES + frame * FRAME_BYTES + within])
            assert await faults_of(copy, promised) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", range(4))
async def test_a_process_killed_breaks_no_promise(tmp_path: Path, seed: int) -> None:
    """Kill -9 of a real process, somewhere between its promises."""
    file, ledger = QueueFile(path=tmp_path / "queue.db"), Ledger()
    command = [sys.executable, "-m", "tests.unit.queue.victim", str(file.path)]
    end = random.Random(seed).randrange(14)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:  # noqa: ASYNC220
        assert victim.stdout is not None
        for number, line in enumerate(victim.stdout):
            note(ledger, line.split())
            if number == end:
                break
        victim.kill()
        for line in victim.stdout:
            note(ledger, line.split())

    assert await faults_of(file, ledger) == []


def note(ledger: Ledger, promise: list[str]) -> None:
    """Note what the process said."""
    match promise:
        case ["put", batch]:
            ledger.put = int(batch)
        case ["answered", id_]:
            ledger.answered.add(id_)
        case ["recorded", id_]:
            ledger.recorded.add(id_)
        case ["lanes", id_]:
            ledger.lanes.append(id_)
        case ["forwarded", id_]:
            ledger.forwarded.add(id_)
