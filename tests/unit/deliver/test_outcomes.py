"""Which outcomes may wait for a commit that comes anyway (issue 11, section 3)."""

import asyncio

import pytest

from bridge.deliver.outcomes import MANY, OutcomeRecorder
from bridge.queue import Delivered, Entry, Lease, Outcome, Released
from tests.unit.memory_queue import MemoryQueue
from tests.unit.queue.samples import encoded

pytestmark = pytest.mark.looptime


async def leases_of(queue: MemoryQueue, count: int) -> list[Lease]:
    """Return that many leases."""
    for number in range(count):
        queue.add(Entry(event=None, encoded=encoded(str(number))), "hook")
    return list(await queue.lease("hook", count))


async def record(
    queue: MemoryQueue, outcomes: list[Outcome], *, closed: bool = False
) -> None:
    """Record the outcomes together."""
    recorder = OutcomeRecorder(queue, sink="hook")  # type: ignore[arg-type]
    recorder.add(outcomes)
    if closed:
        recorder.close()
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(recorder.run(), name="record")
        await asyncio.sleep(1)
        run.cancel()


@pytest.mark.parametrize(("count", "lazily"), [(1, True), (MANY, False)])
async def test_a_few_deliveries_are_recorded_lazily(count: int, lazily: bool) -> None:
    """Many are worth a commit of their own: throughput does not suffer."""
    queue = MemoryQueue()
    leases = await leases_of(queue, count)

    await record(queue, [Delivered(lease=lease) for lease in leases])

    assert (queue.lazily, len(queue.delivered)) == ([lazily], count)


async def test_what_comes_back_is_recorded_at_once() -> None:
    """Others wait for it."""
    queue = MemoryQueue()
    first, second = await leases_of(queue, 2)

    await record(queue, [Delivered(lease=first), Released(lease=second)])

    assert queue.lazily == [False]


async def test_the_last_deliveries_are_recorded_at_once() -> None:
    """Nothing more comes that could take them along."""
    queue = MemoryQueue()
    [lease] = await leases_of(queue, 1)

    await record(queue, [Delivered(lease=lease)], closed=True)

    assert (queue.lazily, queue.delivered) == ([False], ["0"])
