"""A real volume of 4 MiB that fills up; only root can mount one."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.errors import QueueFullError
from bridge.queue import Dead, Delivered
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import MIB, SCOPE, QueueFile, ids, put

VOLUME_BYTES = 4 * MIB


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """Return a real volume of 4 MiB; only root can make one."""
    path = tmp_path / "volume"
    path.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={VOLUME_BYTES}", "tmpfs", str(path)]
    mounted = subprocess.run(["mount", *options], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("a small volume can only be mounted by root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
async def small(small_volume: Path) -> AsyncIterator[SqliteQueue]:
    """Return a queue that thinks it has 64 MiB, on that volume."""
    file = QueueFile(path=small_volume / "queue.db")
    async with file.open(reserve=MIB) as queue:
        await queue.open_sink("hook")
        yield queue


async def fill(queue: SqliteQueue) -> list[str]:
    """Put until the volume is full; return the ids that were taken."""
    taken: list[str] = []
    while True:
        names = [f"{len(taken) + number}" for number in range(10)]
        since = await queue.cursor(SCOPE)
        try:
            await put(queue, *names, since=since, to=names[-1], size=2000)
        except QueueFullError:
            return taken
        taken += names


async def test_real_volume_is_filled_and_drained(small: SqliteQueue) -> None:
    """Every outcome is recorded, all that was taken is delivered, and it goes on."""
    taken = await fill(small)
    assert len(taken) > 500

    found: list[str] = []
    while len(found) < len(taken):
        leases = await small.lease("hook", 50)
        found += ids(leases)
        await small.settle([Delivered(lease=lease) for lease in leases])

    assert found == taken
    for _ in range(20):
        small._writer._tick()
        await small.settle([])
    await put(small, "late", since=taken[-1], to="late", size=2000)


async def test_real_volume_filled_by_others(small: SqliteQueue) -> None:
    """To the last byte: the reserve lets a whole backlog be settled."""
    await put(small, *[str(number) for number in range(400)], size=2000)
    folder = small._store.settings.path.parent
    with (folder / "others").open("wb", buffering=0) as others:
        try:
            while True:
                others.write(b"x" * 4096)
        except OSError:
            pass

    for _ in range(8):
        leases = await small.lease("hook", 50)
        outcomes = [Dead(lease=lease, reason="no") for lease in leases]
        await small.settle(outcomes)
    with pytest.raises(QueueFullError):
        await put(small, *[str(n) for n in range(400)], since="1", to="2", size=3000)

    assert (await small.depth("hook")).dead == 400


async def test_real_full_volume_can_be_opened(small_volume: Path) -> None:
    """With the reserve's room, if there is no other."""
    file = QueueFile(path=small_volume / "queue.db")
    async with file.open(reserve=MIB) as queue:
        await queue.open_sink("hook")
        await put(queue, "a")
    others = small_volume / "others"
    free = os.statvfs(small_volume)
    others.write_bytes(b"x" * (free.f_bavail * free.f_frsize))

    async with file.open(reserve=MIB) as queue:
        await queue.open_sink("hook")
        leases = await queue.lease("hook", 1)
        await queue.settle([Delivered(lease=lease) for lease in leases])

        assert (await queue.depth("hook")).waiting == 0
