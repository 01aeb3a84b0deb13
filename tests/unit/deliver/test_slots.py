"""How the slots of the process are shared among its sinks."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.deliver import FairSlots

SINKS = ("a", "b", "c")


async def grab(slots: FairSlots, sink: str, held: list[str]) -> None:
    """Take a slot and say so."""
    await slots.take(sink)
    held.append(sink)


async def settle_down() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_sink_never_takes_the_last_slot_of_another():
    """Of four, one is each sink's own; one is shared."""
    slots, held = FairSlots(4, sinks=SINKS), []

    async with asyncio.TaskGroup() as tasks:
        greedy = [tasks.create_task(grab(slots, "a", held)) for _ in range(5)]
        await settle_down()
        first = list(held)
        await grab(slots, "b", held)
        await grab(slots, "c", held)
        for one in greedy:
            one.cancel()

    assert (first, held) == (["a", "a"], ["a", "a", "b", "c"])


async def test_shared_slots_go_round():
    """Two sinks that wait get one each, however many wait of the first."""
    slots, held = FairSlots(5, sinks=SINKS), []
    for sink in ("a", "b", "c", "c", "c"):
        await slots.take(sink)

    async with asyncio.TaskGroup() as tasks:
        for sink in ("a", "a", "b"):
            tasks.create_task(grab(slots, sink, held))
            await settle_down()
        for _ in range(3):
            slots.give_back("c")
            await settle_down()
        slots.give_back("a")

    assert sorted(held[:2]) == ["a", "b"]
    assert held[2:] == ["a"]


async def test_one_who_waits_may_leave():
    """Its turn goes to the next; one that was granted meanwhile is given back."""
    slots, held = FairSlots(1, sinks=["a"]), []
    await slots.take("a")

    async with asyncio.TaskGroup() as tasks:
        left, granted, last = (
            tasks.create_task(grab(slots, "a", held)) for _ in range(3)
        )
        await settle_down()
        left.cancel()
        slots.give_back("a")
        granted.cancel()
        await last

    assert held == ["a"]


@settings(deadline=None, max_examples=100)
@given(st.integers(3, 6), st.lists(st.tuples(st.sampled_from(SINKS), st.booleans())))
def test_no_more_than_the_total_and_always_one_for_each(total, script):
    """In any order of taking and giving back."""

    async def run() -> None:
        slots, held, asked = FairSlots(total, sinks=SINKS), [], dict.fromkeys(SINKS, 0)
        async with asyncio.TaskGroup() as tasks:
            waiting = []
            for sink, takes in script:
                if takes:
                    asked[sink] += 1
                    waiting.append(tasks.create_task(grab(slots, sink, held)))
                elif sink in held:
                    held.remove(sink)
                    asked[sink] -= 1
                    slots.give_back(sink)
                await settle_down()
                wanted = sum(asked.values())
                used = {one: held.count(one) for one in SINKS}
                reserved = sum(not asked[one] for one in SINKS)
                assert all(used[one] or not asked[one] for one in SINKS)
                assert len(held) == min(wanted, total - reserved)
            for one in waiting:
                one.cancel()

    asyncio.run(run())


@pytest.mark.parametrize("total", [3, 9])
async def test_all_slots_can_be_used(total):
    """None is lost in sharing them out."""
    slots = FairSlots(total, sinks=SINKS)

    async with asyncio.timeout(1):
        for sink in ("b", "c", *"a" * (total - 2)):
            await slots.take(sink)
