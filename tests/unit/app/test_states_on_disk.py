"""What holds a sink back, on a real queue file and over restarts."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from bridge.deliver import DeadLetterSink, RetryPolicy, Sender
from bridge.deliver.settings import BreakerConfig
from bridge.errors import PermanentSinkError
from tests.unit.api.world import SCOPE, open_world
from tests.unit.deliver.scripted import ScriptedSink, always, error


@asynccontextmanager
async def delivering(path, sink, **more):
    """Deliver to `hook` in a process of its own, as far as the file can tell."""
    async with open_world(path) as world:
        world.status = world.health.sinks["hook"]
        world.cursor = await world.queue.cursor(SCOPE)
        delivery = Sender(
            sink=sink,
            queue=world.queue,
            concurrency=2,
            policy=more.pop("policy", RetryPolicy()),
            status=world.status,
            metrics=world.metrics,
            **more,
        )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            run = delivery.run(stop=stop, grace_seconds=5)
            tasks.create_task(run, name="delivery")
            try:
                yield world, delivery
            finally:
                stop.set()


async def eventually(holds):
    """Wait until something holds, for at most five seconds."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until_closed(queue, *, times):
    """Wait until a gate was closed so often running, for at most five seconds."""
    async with asyncio.timeout(5):
        while (  # noqa: ASYNC110
            (gate := await queue.gated("hook")) is None or gate.count < times
        ):
            await asyncio.sleep(0.01)


async def test_stopped_sink_stays_stopped_over_a_restart(tmp_path):
    """Until it is resumed: then what waited is delivered."""
    sink = ScriptedSink()
    async with delivering(tmp_path / "q.db", sink) as (world, delivery):
        await delivery.stop("moving")
        await world.store("a")

    async with delivering(tmp_path / "q.db", sink) as (world, delivery):
        await eventually(lambda: world.status.state == "stopped")
        assert (world.status.reason, sink.sent) == ("moving", [])
        await delivery.resume()
        await eventually(lambda: sink.sent == [["a"]])


async def test_an_open_circuit_stays_open_over_a_restart(tmp_path):
    """With the count of its openings, so that the next is longer."""
    sink = ScriptedSink(answer=always(error(500)))
    limits = BreakerConfig(attempts=1, min="50ms", max="1h")
    async with delivering(tmp_path / "q.db", sink, breaker=limits) as (world, _):
        await world.store("a")
        await until_closed(world.queue, times=4)

    async with delivering(tmp_path / "q.db", sink, breaker=limits) as (world, _):
        gate = await world.queue.gated("hook")
        await until_closed(world.queue, times=5)

    assert (gate.kind, gate.count, len(sink.sent)) == ("circuit-open", 4, 5)


@pytest.mark.parametrize("status", [429, 503])
async def test_sink_that_asks_for_a_rest_is_left_alone_over_a_restart(tmp_path, status):
    """One attempt, then none until its time is over."""
    sink = ScriptedSink(answer=always(error(status, retry_after_seconds=1000.0)))
    async with delivering(tmp_path / "q.db", sink) as (world, _):
        await world.store("a")
        await eventually(lambda: world.status.state == "resting")

    async with delivering(tmp_path / "q.db", sink) as (world, _):
        await world.store("b")
        await eventually(lambda: world.status.state == "resting")
        await asyncio.sleep(0.1)
        gate = await world.queue.gated("hook")

    assert (gate.kind, gate.count, sink.sent) == ("resting", 1, [["a"]])


async def test_dead_letter_for_another_sink_is_settled(tmp_path):
    """The delivery ends."""
    fault = PermanentSinkError("422", reason="status", status=422)
    letters = DeadLetterSink(name="spare", failed="https://example.com")
    policy = RetryPolicy(dead_letters=letters)
    sink = ScriptedSink(answer=always(fault))
    async with delivering(tmp_path / "q.db", sink, policy=policy) as (world, _):
        await world.store("a")
        await eventually(lambda: world.queue.tally("hook").dead == 1)
