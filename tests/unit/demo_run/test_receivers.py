"""Receivers keep an honest account of what they took, however they answer."""

import asyncio
from collections import Counter

import aiohttp
import pytest

from bridge.demo import receivers
from bridge.demo.receivers import Moods, Receiver, answer_well, hang_up, receive

STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BINARY = {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "b-1",
    "ce-source": "/",
    "ce-type": "io.kubebridge.event.normal.v1",
}


def event(event_id="a-1", event_type="io.kubebridge.event.normal.v1"):
    """Return an event in the structured mode."""
    names = f'"id":"{event_id}","source":"/","type":"{event_type}"'
    return f'{{"specversion":"1.0",{names},"data":{{}}}}'.encode()


async def post(url, body=b"", headers=STRUCTURED):
    """Return the status of one delivery; None: the connection broke."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.post(url, data=body, headers=headers) as response:
                return response.status
        except aiohttp.ClientError:
            return None


def broken(answer):
    """Return a behaviour in its bad mood that knows one answer."""
    moods = Moods()
    moods.answers = (answer,)
    return moods


async def test_receiver_takes_both_modes():
    """Structured and binary events are read by the CloudEvents SDK."""
    async with receive("one", answer_well, note="") as receiver:
        statuses = [
            await post(receiver.url, event()),
            await post(receiver.url, b"{}", BINARY),
        ]

    assert statuses == [204, 204]
    assert receiver.taken == Counter({"a-1": 1, "b-1": 1})


async def test_receiver_counts_duplicates():
    """An id that comes again is a duplicate."""
    async with receive("one", answer_well, note="") as receiver:
        for _ in range(3):
            await post(receiver.url, event())

    assert receiver.duplicates == 2


async def test_receiver_counts_gaps_apart():
    """An announcement is not an event of the workload."""
    async with receive("one", answer_well, note="") as receiver:
        await post(receiver.url, event(event_type="io.kubebridge.gap.v1"))

    assert (receiver.gaps, receiver.taken) == (1, Counter())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"{}", b'{"specversion":"1.0","time":5}']
)
async def test_receiver_refuses_what_is_no_event(body):
    """Garbage is answered 400 and counted."""
    async with receive("one", answer_well, note="") as receiver:
        status = await post(receiver.url, body)

    assert status == 400
    assert (receiver.refused, receiver.unreadable) == (1, 1)


@pytest.mark.parametrize(
    ("answer", "status", "taken", "refused"),
    [
        (receivers.fail, 500, 0, 1),
        (receivers.close_for_a_while, 503, 0, 1),
        (receivers.throttle, 429, 0, 1),
        (receivers.reset, None, 0, 1),
        (receivers.forget, None, 1, 1),
        (receivers.answer_late, 202, 1, 0),
    ],
)
async def test_moods_answer_badly(answer, status, taken, refused):
    """Each bad answer is one that is worth another try."""
    async with receive("one", broken(answer), note="") as receiver:
        got = await post(receiver.url, event())

    assert (got, receiver.taken.total(), receiver.refused) == (status, taken, refused)


async def test_moods_recover():
    """Once the mood is good every event is taken."""
    moods = broken(receivers.fail)
    moods.bad = False
    async with receive("one", moods, note="") as receiver:
        assert await post(receiver.url, event()) == 204


async def test_hanging_up_counts_the_calls():
    """A receiver that never answers knows that somebody called."""
    async with hang_up("dead") as receiver:
        status = await post(receiver.url, event())

    assert status is None
    assert receiver.hopeless
    assert receiver.refused == 1


async def test_wait_until_has_waits_for_every_id():
    """It waits until the last of them was taken."""
    receiver = Receiver(name="one", url="", note="", mode="binary")
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(receiver.wait_until_has(["a", "b"]))
        for event_id in ("b", "c", "a"):
            await asyncio.sleep(0)
            assert not waiting.done()
            receiver.take(event_id, "io.kubebridge.event.normal.v1")
