"""Batches in the order of a sink: runs of its oldest events go together."""

import asyncio

import pytest

from bridge.sinks.http.settings import BatchConfig
from tests.unit.deliver.scripted import Bench, ScriptedSink, error, raising, refusing

pytestmark = pytest.mark.looptime


async def ordered(size: int = 4, linger: str = "0s", most: str = "1MiB", **sink):
    """Return deliveries in the order of the sink, in batches."""
    batch = BatchConfig(size=size, bytes=most, linger=linger)
    more = {"batch": batch, "is_ordered": True}
    bench = Bench(ScriptedSink(max_batch=size, **sink), concurrency=1, more=more)
    await bench.queue.open_sink("hook", ordering="sink", run=size)
    return bench


async def test_runs_go_together_in_the_order_of_the_sink() -> None:
    """A batch carries more than one event, and nothing overtakes."""
    bench = await ordered(seconds=0.1)
    bench.put(*"abcdefghij")

    async with bench.running():
        await asyncio.sleep(5)

    assert bench.sink.sent == [list("abcd"), list("efgh"), list("ij")]


async def test_what_does_not_fit_into_a_batch_waits_for_its_end() -> None:
    """Also when the first part fails: the rest does not go before it."""
    bench = await ordered(most="30B", answer=raising(iter([error(500)])))
    bench.put(*"abc", body=b"x" * 10)

    async with bench.running():
        await asyncio.sleep(60)

    assert bench.sink.sent[0] == ["a", "b"]
    assert bench.queue.delivered == ["a", "b", "c"]


async def test_one_event_that_is_larger_than_a_batch_goes_alone() -> None:
    """In its place."""
    bench = await ordered(most="30B")
    bench.put("a", body=b"x" * 100)
    bench.put("b", "c", body=b"x")

    async with bench.running():
        await asyncio.sleep(5)

    assert bench.sink.sent == [["a"], ["b", "c"]]


async def test_a_half_that_is_to_be_tried_again_holds_back_the_other() -> None:
    """A refused batch is halved, but in order."""

    def answer(ids: list[str]) -> None:
        if len(ids) > 2:
            refusing("a")(ids)
        if ids == ["a", "b"] and bench.sink.sent.count(ids) == 1:
            raise error(500)

    bench = await ordered(answer=answer)
    bench.put(*"abcd")

    async with bench.running():
        await asyncio.sleep(60)

    assert bench.queue.delivered == list("abcd")


async def test_a_refused_event_lets_those_behind_it_go() -> None:
    """Halved until it stands alone: a dead letter leaves a hole in the order."""
    bench = await ordered(answer=refusing("b"))
    bench.put(*"abcd")

    async with bench.running():
        await asyncio.sleep(5)

    assert (bench.queue.delivered, bench.dead) == (list("acd"), ["b"])


async def test_nothing_lingers_that_nothing_could_join() -> None:
    """No more is leased until a run has ended."""
    bench = await ordered(linger="60s")
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(5)

    assert bench.sink.times == pytest.approx([0], abs=0.1)
