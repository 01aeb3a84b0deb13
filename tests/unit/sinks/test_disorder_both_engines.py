"""Many requests at once, faults and cancellations among them: nobody is mixed up."""

import asyncio
import random
from collections import Counter

import httpx
import pytest
from multidict import CIMultiDict
from yarl import URL

from tests.unit.sinks.receiver import Receiver, close, hang, reset, send

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"


def disorder(chance):
    """Return a behaviour that gives each request its own body back, or misbehaves."""

    async def behave(connection, request):
        body = request.body
        length = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n"
        chunked = chunks % (len(body), body) + b"0\r\n\r\n"
        ways = [send(length)] * 6 + [send(chunked)] * 3
        ways += [send(length + EVIL), send(chunked + EVIL), close, reset, hang]
        await asyncio.sleep(chance.random() / 200)
        await chance.choice(ways)(connection, request)

    return behave


@pytest.mark.parametrize("seed", range(3))
async def test_every_answer_is_that_of_its_own_request(seed, make_transport):
    """And in the end all connections can be had again."""
    chance, outcomes = random.Random(seed), Counter()
    transport = make_transport(timeout_seconds=0.3)
    todo = iter(range(200))

    async def work(url):
        for number in todo:
            body = b"%d" % number
            try:
                async with asyncio.timeout(chance.choice([0.01, 9])):
                    reply = await transport.request("POST", url, CIMultiDict(), body)
            except (TimeoutError, httpx.TransportError) as error:
                outcomes[type(error)] += 1
            else:
                outcomes[reply.excerpt == body] += 1

    async with Receiver(disorder(chance)) as receiver:
        async with asyncio.TaskGroup() as tasks:
            for number in range(8):
                tasks.create_task(work(URL(receiver.url)), name=f"work {number}")
        receiver.script = (send(EVIL),)
        for _ in range(8):
            await transport.request("POST", URL(receiver.url), CIMultiDict(), b"1")

    assert outcomes[True] > 20
    assert outcomes[False] == 0
    assert len(outcomes) > 2
