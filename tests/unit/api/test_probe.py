"""A synthetic event for one sink, end to end."""

import asyncio
import time
from functools import partial

import pytest

from bridge.events.origin import Origin
from bridge.queue import Gate
from tests.unit.api.world import SCOPE

PATH = "/api/v1/sinks/hook/test"


async def asked(client, world, act, *, seconds=5.0, path=PATH):
    """Send a test while the sink does something; return the answer."""
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(client.post(path, json={"timeoutSeconds": seconds}))
        await act()
    answer = await asking
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_test_that_is_delivered_says_how(client, world):
    """Status, duration and the first bytes of the answer."""
    answer = await asked(client, world, world.deliver)

    [attempt] = answer["tries"]
    assert (answer["outcome"], answer["reason"]) == ("delivered", "")
    assert (attempt["status"], attempt["excerpt"]) == (200, "thanks")
    assert attempt["durationSeconds"] == 0.25


async def test_the_event_of_a_test_is_known_as_one(client, world):
    """By type and subject; it comes from this cluster, by the name it has there."""
    origin = Origin(cluster="prod", type_prefix="com.x", extensions={"team": "a"})
    client._transport.app.state.parts = world.context(origin=origin)
    leased = []

    async def look():
        leased.extend(await world.queue.lease("hook", 1))

    await asked(client, world, look, seconds=0.1)

    body = leased[0].event.body
    assert b'"type":"com.x.test.v1"' in body
    assert b'"source":"kubernetes://prod"' in body
    assert b'"subject":"_test/' in body
    assert b'"team":"a"' in body


@pytest.mark.parametrize("stored", [True, False])
async def test_a_cluster_without_a_name_goes_by_its_uid(client, world, stored):
    """That of a cursor, once something was read."""
    if stored:
        await world.put([])
    leased = []

    async def look():
        leased.extend(await world.queue.lease("hook", 1))

    await asked(client, world, look, seconds=0.1)

    name = SCOPE.cluster if stored else "unknown"
    assert f'"cluster":"{name}"'.encode() in leased[0].event.body


@pytest.mark.parametrize(("doing", "outcome"), [("fail", "retry"), ("give_up", "dead")])
async def test_a_test_that_fails_is_taken_back(client, world, doing, outcome):
    """It is not tried again, and stays no dead letter."""
    answer = await asked(client, world, getattr(world, doing))

    depth = await world.queue.depth("hook")
    assert answer["outcome"] == outcome
    assert (depth.waiting, depth.dead) == (0, 0)


async def test_a_sink_that_an_operator_stopped_is_left_alone(client, world):
    """It is said at once, and nothing is sent (issue 10, item 18)."""
    await world.queue.gate("hook", Gate(until=None, kind="stopped", reason="by hand"))

    answer = await asked(client, world, partial(asyncio.sleep, 0), seconds=50)

    assert (answer["outcome"], answer["tries"]) == ("held", [])
    assert (answer["id"], answer["reason"]) == ("", "stopped: by hand")
    assert (await world.queue.depth("hook")).waiting == 0
    assert world.queue.tally("hook").routed == 0


@pytest.fixture
async def resting(world):
    """A sink that would be tried in an hour."""
    until = time.time() + 3600
    gate = Gate(until=until, kind="resting", reason="503")
    await world.queue.gate("hook", gate)
    await world.controls["hook"]._gate.restore()
    return gate


async def test_a_test_is_the_trial_of_a_sink_that_is_held_back(client, world, resting):
    """It is tried now, not in an hour (issue 10, item 18)."""
    answer = await asked(client, world, world.deliver)

    assert (answer["outcome"], answer["reason"]) == ("delivered", "")


async def test_a_trial_that_fails_with_what_waits_longer_is_said_at_once(
    client, world, resting
):
    """The sink is held back again: nobody waits for the turn of the test."""
    await world.store("older")

    async def refuse():
        [lease] = await world.queue.lease("hook", 1)
        assert lease.event.id == "older"
        await world.queue.gate("hook", resting)

    answer = await asked(client, world, refuse, seconds=50)

    assert (answer["outcome"], answer["reason"]) == ("held", "resting: 503")
    assert (await world.queue.depth("hook")).waiting == 1


async def test_a_test_that_gets_no_turn_is_taken_back(client, world):
    """Nothing holds the sink back, but it is busy."""
    answer = await asked(client, world, partial(asyncio.sleep, 0), seconds=0.2)

    assert (answer["outcome"], answer["reason"]) == ("waiting", "")
    assert (await world.queue.depth("hook")).waiting == 0
    assert world.counted("hook", "purged") == 1
