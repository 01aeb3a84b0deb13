"""Batches: how they fill, and what becomes of one that is refused in part."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.sinks.http.settings import BatchConfig
from tests.unit.deliver.scripted import Bench, ScriptedSink, error, raising

looptime = pytest.mark.looptime


def batching(linger: str = "0s", size: int = 4, **more) -> Bench:
    """Return deliveries in batches."""
    batch = BatchConfig(linger=linger, **more)
    return Bench(ScriptedSink(max_batch=size), more={"batch": batch})


@looptime
async def test_without_linger_what_is_there_goes_at_once() -> None:
    """One that waits alone goes alone."""
    bench = batching()
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)
        bench.put("b", "c")
        await asyncio.sleep(1)

    assert bench.sink.sent == [["a"], ["b", "c"]]


@looptime
async def test_linger_waits_for_a_fuller_batch_and_never_longer() -> None:
    """The time runs from the first event, not from the last."""
    bench = batching(linger="2.0s")

    async with bench.running():
        for id_ in "abc":
            bench.put(id_)
            await asyncio.sleep(0.9)
        await asyncio.sleep(1)

    assert bench.sink.sent == [["a", "b", "c"]]
    assert bench.sink.times == pytest.approx([2.0], abs=0.1)


@looptime
async def test_full_batch_does_not_linger() -> None:
    """The rest of what came with it does, from then on."""
    bench = batching(linger="2.0s")
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1.5)
        bench.put(*"cdef")
        await asyncio.sleep(3)

    assert bench.sink.sent == [list("abcd"), ["e", "f"]]
    assert bench.sink.times == pytest.approx([1.5, 3.5], abs=0.1)


@looptime
async def test_batch_is_full_by_bytes_too() -> None:
    """Brackets and commas are counted; one event that is larger goes alone."""
    bench = batching(bytes="34B")
    bench.put(*"abcd", body=b"x" * 10)
    bench.put("large", body=b"x" * 100)
    bench.put("e", body=b"x" * 10)

    async with bench.running():
        await asyncio.sleep(1)

    assert bench.sink.sent == [list("abc"), ["d"], ["large"], ["e"]]


@looptime
async def test_stop_of_the_process_cuts_the_linger() -> None:
    """What only lies ready waits for the next start."""
    bench = batching(linger="600.0s")
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)

    assert asyncio.get_running_loop().time() < 10  # virtual
    assert (bench.sink.sent, len(bench.queue.rows)) == ([], 1)


@looptime
async def test_stop_of_the_sink_cuts_the_linger() -> None:
    """What lies ready goes back at once."""
    bench = batching(linger="600.0s")
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(1)
        leased = (await bench.queue.depth("hook")).leased
        await bench.delivery.stop("moving")
        await asyncio.sleep(1)
        released = (await bench.queue.depth("hook")).leased

    assert (leased, released, bench.sink.sent) == (1, 0, [])


@looptime
async def test_what_lingered_while_the_gate_was_shut_joins_what_comes_after() -> None:
    """It is leased still, and may be sent again."""
    bench = batching(linger="9.0s", size=2)
    bench.sink.answer = raising(iter([error(429)]))
    bench.put("a", "b", "c")

    async with bench.running():
        await asyncio.sleep(1)
        bench.put("d")
        await asyncio.sleep(2)

    last = bench.sink.sent[-1]
    assert ("c" in last, len(last)) == (True, 2)


FAULTS = {
    "taken": None,
    "refused": PermanentSinkError("413", reason="status", status=413),
    "later": TemporarySinkError("500", reason="status", status=500),
    "rest": TemporarySinkError("503", reason="status", status=503, scope="sink"),
    "paused": SinkPausedError("401", reason="status", status=401),
    "bug": ZeroDivisionError("oops"),
}


class Ledger:
    """Notes what is handed out, and that it comes back, once."""

    def __init__(self, bench: Bench) -> None:
        """Look at what the queue gives and is told."""
        self.out: set[object] = set()
        self._lease, self._settle = bench.queue.lease, bench.queue.settle
        bench.queue.lease, bench.queue.settle = self.lease, self.settle

    async def lease(self, sink, limit):
        """See `Queue.lease`."""
        leases = await self._lease(sink, limit)
        self.out.update(lease.handle for lease in leases)
        return leases

    async def settle(self, outcomes, **how) -> None:
        """See `Queue.settle`; a second outcome of one lease is a KeyError."""
        for outcome in outcomes:
            self.out.remove(outcome.lease.handle)
        await self._settle(outcomes, **how)

    async def wait_until_all_came_back(self) -> None:
        """Let the loop turn as often as that can take, and no more."""
        for turn in range(5000):
            await asyncio.sleep(0)
            if turn > 50 and not self.out:
                return
        raise AssertionError(self.out)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(sorted(FAULTS)), max_size=30), st.integers(1, 9))
def test_no_answer_to_a_part_loses_or_settles_twice(script, size) -> None:
    """Random answers to each part of a batch: every lease is settled once."""
    answers = iter(script)

    def answer(_ids) -> None:
        fault = FAULTS[next(answers, "taken")]
        if fault is not None:
            raise fault

    async def run() -> None:
        bench = Bench(ScriptedSink(answer=answer, max_batch=8), concurrency=2)
        ledger = Ledger(bench)
        ids = [f"e{number}" for number in range(size)]
        bench.put(*ids)
        with capture_logs():  # tracebacks take longer than all else
            async with bench.running():
                await ledger.wait_until_all_came_back()
        waiting = [row.lease.event.id for row in bench.queue.rows.values()]
        assert sorted([*bench.queue.delivered, *bench.dead, *waiting]) == sorted(ids)

    asyncio.run(run())
