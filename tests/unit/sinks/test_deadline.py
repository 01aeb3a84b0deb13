"""Deadlines: what asyncio.timeout promises, with one timer for many attempts."""

import asyncio

import pytest

from bridge.sinks.transports.deadline import Deadlines

pytestmark = pytest.mark.looptime


async def test_attempt_that_takes_too_long_is_cut_off():
    """It ends with TimeoutError when its time is over."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    with pytest.raises(TimeoutError), Deadlines(15).attempt():
        await asyncio.sleep(100)

    assert loop.time() - began == pytest.approx(15)


async def test_each_attempt_has_its_own_time():
    """Of attempts that began one after the other, each ends at its own time."""
    loop, deadlines, ends = asyncio.get_running_loop(), Deadlines(15), []
    began = loop.time()

    async def attempt(delay, duration):
        await asyncio.sleep(delay)
        try:
            with deadlines.attempt():
                await asyncio.sleep(duration)
        except TimeoutError:
            ends.append(round(loop.time() - began))

    async with asyncio.TaskGroup() as tasks:
        for delay, duration in ((0, 1), (4, 100), (5, 2), (7, 100), (40, 100)):
            tasks.create_task(attempt(delay, duration), name=f"after {delay}")

    assert ends == [19, 22, 55]


async def test_attempt_in_time_is_left_alone():
    """The timer of an attempt that is over harms nobody."""
    deadlines = Deadlines(15)

    with deadlines.attempt():
        await asyncio.sleep(14)
    await asyncio.sleep(100)

    assert not asyncio.current_task().cancelling()


async def test_error_of_the_attempt_passes():
    """What the attempt itself raises is not changed."""
    with pytest.raises(ValueError, match="its own"), Deadlines(15).attempt():
        raise ValueError("its own")


async def test_error_that_answers_the_cut_passes():
    """Like asyncio.timeout: only a CancelledError becomes a TimeoutError."""

    async def stubborn():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            raise ValueError("its own") from None

    with pytest.raises(ValueError, match="its own"), Deadlines(15).attempt():
        await stubborn()

    assert not asyncio.current_task().cancelling()


async def test_attempt_is_cut_off_once():
    """One that takes its time to clean up is not disturbed by the next deadline."""
    deadlines, cleaned = Deadlines(15), []

    async def tidy(delay):
        try:
            await asyncio.sleep(100)
        finally:
            await asyncio.sleep(10)
            cleaned.append(delay)

    async def attempt(delay):
        await asyncio.sleep(delay)
        with pytest.raises(TimeoutError), deadlines.attempt():
            await tidy(delay)

    async with asyncio.TaskGroup() as tasks:
        for delay in (0, 5):
            tasks.create_task(attempt(delay), name=f"after {delay}")

    assert cleaned == [0, 5]


async def test_cancelled_attempt_stays_cancelled():
    """Who cancels an attempt sees it cancelled, not timed out."""
    deadlines = Deadlines(15)

    async def attempt():
        with deadlines.attempt():
            await asyncio.sleep(100)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(attempt(), name="attempt")
        await asyncio.sleep(1)
        task.cancel()

    assert task.cancelled()


async def test_cancelled_at_its_end_stays_cancelled():
    """When both happen at once, the caller's wish wins."""
    deadlines = Deadlines(15)

    async def attempt():
        with deadlines.attempt():
            await asyncio.sleep(100)

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(attempt(), name="attempt")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0)
        loop.call_at(loop.time() + 15, task.cancel)

    assert task.cancelled()


async def test_close_forgets_the_timer():
    """A sink that is closed leaves nothing in the loop, and closing twice is fine."""
    deadlines = Deadlines(15)
    with deadlines.attempt():
        deadlines.close()
        deadlines.close()
        await asyncio.sleep(100)


async def test_attempt_needs_a_task():
    """Outside a task there is nothing to cut off."""
    seen = []

    def enter():
        with pytest.raises(RuntimeError, match="expected a task"):
            Deadlines(15).attempt().__enter__()
        seen.append(True)

    asyncio.get_running_loop().call_soon(enter)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert seen == [True]
