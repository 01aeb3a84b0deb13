"""Turns: who may go on, in order, also when somebody leaves."""

import asyncio

import pytest

from bridge.sinks.transports.llhttp.pool import ConnectionSlots


async def test_turns_are_taken_in_order():
    """As many as may go on; the next one when one is over."""
    turns, began = ConnectionSlots(1), []

    async def work(number):
        await turns.wait_begin()
        began.append(number)
        await asyncio.sleep(0)
        turns.end()

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(work(number), name=f"work {number}")

    assert began == [0, 1, 2]
    assert turns.try_begin()
    assert not turns.try_begin()


@pytest.mark.parametrize("has_come", [False, True])
async def test_turn_of_one_who_left_is_the_next_ones(has_come):
    """Whether it had come just before, or not."""
    turns = ConnectionSlots(1)
    turns.try_begin()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(turns.wait_begin(), name="first")
        second = tasks.create_task(turns.wait_begin(), name="second")
        await asyncio.sleep(0)

        if has_come:
            turns.end()
        first.cancel()
        if not has_come:
            turns.end()

    assert (first.cancelled(), second.cancelled()) == (True, False)
    assert not turns.try_begin()
