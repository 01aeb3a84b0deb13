"""Timers by name, on the event loops that there are."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop

from bridge.queue.sqlite.writer import Timers


async def fired(*seconds: float) -> list[float]:
    """Set one timer to each of these; return those that called back in a while."""
    timers, called = Timers(asyncio.get_running_loop()), []
    for one in seconds:
        timers.set("one", one, lambda one=one: called.append(one))
    await asyncio.sleep(0.05)
    timers.cancel_all()
    return called


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
@pytest.mark.parametrize(
    ("seconds", "expected"),
    [([0, 0], [0]), ([0.01, 60], [0.01]), ([60, 0.01], [0.01]), ([60, 0], [0])],
)
def test_of_two_timers_of_one_name_the_earlier_counts(
    loop: Callable[[], asyncio.AbstractEventLoop],
    seconds: list[float],
    expected: list[float],
) -> None:
    """Also where a handle does not know its time, as those of uvloop."""
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(fired(*seconds)) == expected
