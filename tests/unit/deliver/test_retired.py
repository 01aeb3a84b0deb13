"""A sink that is gone, and one that answers 500 to whatever it gets."""

import asyncio

import pytest

from bridge.deliver import RetryPolicy
from bridge.errors import SinkPausedError
from bridge.queue import Gate
from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    always,
    error,
    failing_first,
    paused,
    raising,
    tripping,
)

pytestmark = pytest.mark.looptime

GONE = SinkPausedError("410", reason="status", status=410, until_resumed=True)


async def test_gone_sink_is_left_alone_until_it_is_resumed() -> None:
    """No try each minute; what waits is kept, and flows when an operator says so."""
    bench = Bench(ScriptedSink(answer=failing_first(GONE)), concurrency=1)
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(150)
        state, sent = bench.status.state, list(bench.sink.sent)
        assert await bench.delivery.resume()
        await asyncio.sleep(1)

    assert (state, sent) == ("stopped", [["a"]])
    assert sorted(bench.queue.delivered) == ["a", "b"]


async def test_sink_that_turns_out_gone_when_tried_is_stopped() -> None:
    """A pause becomes a stop, which a restart finds in the queue."""
    bench = Bench(ScriptedSink(answer=raising(iter([paused(), GONE]))), concurrency=1)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(150)

    assert bench.sink.sent == [["a"]] * 2
    assert bench.queue.gates == {"hook": Gate(until=None, kind="stopped", reason="410")}


async def test_limit_of_500_makes_room_in_an_ordered_sink() -> None:
    """One bad event is given up after its attempts, and the next is delivered."""
    policy = RetryPolicy()

    def answer(ids: list[str]) -> None:
        if ids == ["bad"]:
            raise error(500, max_attempts=5)

    bench = Bench(ScriptedSink(answer=answer), concurrency=1, policy=policy)
    bench.put("bad", "good")
    async with bench.running():
        await asyncio.sleep(20)

    assert bench.sink.sent.count(["bad"]) == 5
    assert (bench.dead, bench.queue.delivered) == (["bad"], ["good"])


async def test_500_with_a_limit_trips_the_breaker() -> None:
    """A Broker that is down answers it to all, and drains none into dead letters."""
    bench = tripping(answer=always(error(500, max_attempts=10)))
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(120)

    assert bench.status.state == "circuit-open"
    assert bench.dead == []
