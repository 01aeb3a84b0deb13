"""Volumes that were full once: reading goes on by itself (issue 10, item 32)."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.errors import QueueFullError
from bridge.queue import Delivered, Queue
from bridge.queue.sqlite.queue import SqliteQueue
from tests.unit.queue.samples import MIB, QueueFile, put

pytestmark = pytest.mark.timeout(60)
PUT_BYTES = 2 * MIB
MOST_TRIES = 60


@pytest.fixture
def volume(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a volume of so many MiB; only root can."""
    path = tmp_path / "volume"
    path.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", str(path)]
    mounted = subprocess.run(["mount", *options], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("a small volume can only be mounted by root")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


class Flow:
    """Puts like a reader that is refused, and delivers."""

    def __init__(self, queue: SqliteQueue, size: int) -> None:
        self.queue = queue
        self.put = self.delivered = 0
        self._size = size
        self._batch = max(1, min(500, PUT_BYTES // size))

    async def offer(self) -> bool:
        """Put one more part; return whether there was room."""
        since = str(self.put) if self.put else None
        end = self.put + self._batch
        names = [f"{number}" for number in range(self.put, end)]
        try:
            await put(self.queue, *names, since=since, to=str(end), size=self._size)
        except QueueFullError:
            return False
        self.put = end
        return True

    async def offer_until_taken(self) -> None:
        """Try again as a reader does, while a second passes between two tries."""
        for _ in range(MOST_TRIES):
            if await self.offer():
                return
            self.queue._writer._tick()
            await self.queue.storage()
        pytest.fail(f"refused {MOST_TRIES} times: {await self.queue.storage()}")

    async def deliver_all(self) -> None:
        """Deliver everything that waits."""
        while await waits(self.queue):
            leases = await self.queue.lease("hook", 64)
            await self.queue.settle([Delivered(lease=lease) for lease in leases])
            self.delivered += len(leases)


async def waits(queue: Queue) -> int:
    """Return how many deliveries wait."""
    return (await queue.depth("hook")).waiting


@pytest.mark.parametrize("keep", [0.0, 3600.0], ids=["keep nothing", "keep"])
@pytest.mark.parametrize(
    ("volume", "size"),
    [
        (24, 2_000),
        (24, 20_000),
        (24, 1_000_000),
        (48, 20_000),
        (48, 200_000),
        (200, 1_000_000),
    ],
    indirect=["volume"],
)
async def test_volume_that_was_full_is_read_to_again(
    volume: Path, size: int, keep: float
) -> None:
    """Filled, drained, and then some more (issue 10, item 32)."""
    file = QueueFile(path=volume / "queue.db")
    settings = {"reserve": 16 * MIB, "keep_size": 256 * MIB}
    async with file.open(max_size=1024 * MIB, keep=keep, **settings) as q:
        await q.open_sink("hook")
        flow = Flow(q, size)
        while await flow.offer():
            pass
        await flow.deliver_all()
        for _ in range(8):
            await flow.offer_until_taken()
            await flow.deliver_all()
        assert flow.delivered == flow.put > 0


@pytest.mark.parametrize("volume", [24], indirect=True)
async def test_volume_filled_by_others_is_read_to_again(volume: Path) -> None:
    """To the last byte, with much in the log; once they leave (issue 10, item 32)."""
    file = QueueFile(path=volume / "queue.db")
    async with file.open(reserve=16 * MIB) as queue:
        await queue.open_sink("hook")
        flow = Flow(queue, 20_000)
        assert await flow.offer()
        others = volume / "others"
        fill(others)
        while await flow.offer():
            pass
        await flow.deliver_all()
        others.unlink()

        await flow.offer_until_taken()

        assert flow.put == 2 * 104


def fill(path: Path) -> None:
    """Write until the volume is full."""
    with path.open("wb", buffering=0) as others:
        try:
            while True:
                others.write(b"x" * 4096)
        except OSError:
            return
