"""Who asks for a token when many want one, over real sockets."""

import asyncio

from bridge.errors import SinkPausedError, TemporarySinkError
from tests.unit.sinks.authorization import (
    Time,
    fault_of,
    granted,
    oauth2,
    refused,
    sent,
    timed,
)
from tests.unit.sinks.receiver import Receiver, answer, hang
from tests.unit.sinks.samples import event


async def test_one_asks_for_all(make_sink, hook, tokens):
    """However many wait."""
    sink = make_sink(hook.url, auth=oauth2(tokens.url), concurrency=8)

    async with asyncio.TaskGroup() as sending:
        for number in range(8):
            sending.create_task(sink.send([event(number)]), name=f"send {number}")

    assert sent(hook) == ["Bearer t1"] * 8
    assert len(tokens.requests) == 1


async def test_one_fails_for_all(make_sink, hook):
    """Those who waited do not ask again one after the other."""
    async with Receiver(refused(401, "invalid_client")) as tokens:
        sink = make_sink(hook.url, auth=oauth2(tokens.url))
        async with asyncio.TaskGroup() as sending:
            tasks = [
                sending.create_task(fault_of(sink, number), name=f"send {number}")
                for number in range(8)
            ]

    assert {task.result().reason for task in tasks} == {"token"}
    assert (len(tokens.requests), hook.requests) == (1, [])


async def test_next_one_asks_when_the_first_is_cut_off(make_sink, hook):
    """An attempt that ends early fails by itself, and not the others."""
    async with Receiver(hang, granted("t2")) as tokens:
        auth = oauth2(tokens.url)
        hasty = make_sink(hook.url, auth=auth, timeout_seconds=0.2)
        patient = make_sink(hook.url, auth=auth)
        async with asyncio.TaskGroup() as sending:
            cut = sending.create_task(fault_of(hasty), name="hasty")
            await tokens.wait_requests(1)
            sending.create_task(patient.send([event()]), name="patient")

    assert isinstance(cut.result(), TemporarySinkError)
    assert sent(hook) == ["Bearer t2"]


async def test_token_is_replaced_early_while_others_use_it(make_sink, hook):
    """Only who finds it old waits for the new one."""
    now = Time()
    gate = asyncio.Event()

    async def slowly(connection, request):
        await gate.wait()
        await granted("t2")(connection, request)

    async with Receiver(granted("t1"), slowly) as tokens:
        sink = make_sink(hook.url, auth=timed(tokens, now))
        await sink.send([event()])
        now.seconds = 3541
        async with asyncio.TaskGroup() as sending:
            sending.create_task(sink.send([event()]), name="renews")
            await tokens.wait_requests(2)
            await sink.send([event()])
            gate.set()

    assert sent(hook) == ["Bearer t1", "Bearer t1", "Bearer t2"]


async def test_old_token_serves_while_there_is_no_new_one(make_sink, hook):
    """Until it has expired; the endpoint is not asked for every event."""
    now = Time()
    async with Receiver(granted("t1"), refused(401, "invalid_client")) as tokens:
        sink = make_sink(hook.url, auth=timed(tokens, now))
        for now.seconds in (0, 3541, 3542):
            await sink.send([event()])
        now.seconds = 3600
        fault = await fault_of(sink)

    assert sent(hook) == ["Bearer t1"] * 3
    assert len(tokens.requests) == 3
    assert isinstance(fault, SinkPausedError)


async def test_many_401_make_one_new_token(make_sink, tokens):
    """Whoever was refused with the old one takes what another has fetched."""

    async def judge(connection, request):
        is_old = request.headers["authorization"] == "Bearer t1"
        await answer(401 if is_old else 204)(connection, request)

    async with Receiver(judge) as hook:
        sink = make_sink(hook.url, auth=oauth2(tokens.url), concurrency=8)
        async with asyncio.TaskGroup() as sending:
            for number in range(8):
                sending.create_task(sink.send([event(number)]), name=f"send {number}")

    assert sorted(sent(hook)) == ["Bearer t1"] * 8 + ["Bearer t2"] * 8
    assert len(tokens.requests) == 2


async def test_refused_token_is_not_taken_for_a_new_one():
    """Not even when somebody else has just failed to replace it early."""
    now = Time()
    gate = asyncio.Event()

    async def busy(connection, request):
        await gate.wait()
        await answer(503, headers={"Retry-After": "9"})(connection, request)

    async with Receiver(granted("t1"), busy, granted("t3")) as tokens:
        auth = timed(tokens, now)
        await auth.get()
        now.seconds = 3541
        async with asyncio.TaskGroup() as tasks:
            early = tasks.create_task(auth.get(), name="early")
            await tokens.wait_requests(2)
            late = tasks.create_task(auth.get(refused="t1"), name="refused")
            asyncio.get_running_loop().call_soon(gate.set)
        await auth.aclose()

    assert (early.result(), late.result()) == ("t1", "t3")
