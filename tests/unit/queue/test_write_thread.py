"""The thread that writes: one call after another, one wake of the loop for each."""

import asyncio
import threading

import pytest

from bridge.queue.sqlite.write_thread import Done, WriteThread


def note_in(names: list[str]) -> Done:
    """Return what notes each result."""
    return lambda result, _: names.append(result)


async def test_calls_run_in_order_on_one_thread_of_their_own() -> None:
    """Also those that were submitted before it was stopped."""
    thread, names, loop = WriteThread(), [], asyncio.get_running_loop()
    last = loop.create_future()
    for _ in range(4):
        thread.submit(lambda: threading.current_thread().name, note_in(names))
    thread.submit(lambda: None, lambda *_: last.set_result(None))
    thread.stop()
    await last

    assert names == ["queue-writer"] * 4


async def test_a_fault_is_raised_where_it_is_waited_for() -> None:
    """And the thread goes on."""
    thread = WriteThread()

    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 / 0)

    assert await thread.run(lambda: 2) == 2
    thread.stop()


async def test_nobody_is_told_who_waits_no_more() -> None:
    """The call is done all the same."""
    thread, may_go, done = WriteThread(), threading.Event(), []
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(thread.run(may_go.wait), name="call")
        await asyncio.sleep(0)
        waiting.cancel()
    may_go.set()

    await thread.run(lambda: done.append("next"))

    assert (waiting.cancelled(), done) == (True, ["next"])
    thread.stop()
