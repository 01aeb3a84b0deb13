"""What goes wrong on the demo's API server when a test wants it."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest

from bridge.demo.apiserver import ApiServer

EVENTS = "/api/v1/events"
ABOUT = {"involvedObject": {"kind": "Node", "name": "n"}, "reason": "R"}


@pytest.fixture
async def server():
    """Run an API server."""
    async with ApiServer() as running:
        yield running


@pytest.fixture
async def http(server):
    """Return a client of it."""
    async with aiohttp.ClientSession(server.url) as session:
        yield session


def add(server: ApiServer, name: str) -> dict:
    """Create an Event."""
    return server.create("events", "default", {"metadata": {"name": name}, **ABOUT})


@pytest.fixture
async def watch(server, http):
    """Return a function that opens a watch from now; it ends with the test."""
    async with AsyncExitStack() as stack:

        async def open_watch() -> aiohttp.ClientResponse:
            revision = str(server.storage.revision)
            query = {"watch": "1", "resourceVersion": revision}
            response = http.get(EVENTS, params=query)
            return await stack.enter_async_context(response)

        yield open_watch


async def test_answers_are_given_to_the_next_requests(server, http):
    """Each is given as often as was said, to what it is meant for."""
    server.faults.answer(
        verb="list", status=429, headers={"Retry-After": "7"}, times=2, body=b"{}"
    )

    namespaces = await http.get("/api/v1/namespaces/default")
    answers = [await http.get(EVENTS) for _ in range(3)]

    assert namespaces.status == 200
    assert [answer.status for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"


async def test_an_answer_may_be_an_empty_watch(server, watch):
    """Some control planes end an expired watch with 200 and no byte."""
    server.faults.answer(verb="watch", resource="events")

    response = await watch()

    assert (response.status, await response.read()) == (200, b"")
    assert response.content_type == "application/json"


async def test_discovery_can_fail(server, http):
    """It is ``get`` of no resource."""
    html = {"Content-Type": "text/html"}
    server.faults.answer(verb="get", resource="", status=503, headers=html)

    answer = await http.get("/api/v1")

    assert (answer.status, answer.content_type) == (503, "text/html")


async def test_a_verb_can_be_forbidden_and_allowed_again(server, http, watch):
    """Until it is cleared, a fault lasts."""
    server.faults.forbid(verb="watch", resource="events")

    forbidden = await watch()
    listed = await http.get(EVENTS)
    server.faults.clear()
    allowed = await watch()

    statuses = [each.status for each in (forbidden, listed, allowed)]
    assert statuses == [403, 200, 200]


async def test_watches_can_be_closed(server, watch):
    """They end in good order: what was written is read, then the end."""
    response = await watch()
    add(server, "one")
    line = await response.content.readline()

    server.faults.close_watches(resource="pods")
    server.faults.close_watches(resource="events")

    assert b'"name":"one"' in line
    assert await response.read() == b""


async def test_closed_watches_do_not_show_the_last_writes(server, watch):
    """What is written in the same breath is for the next watch."""
    response = await watch()

    add(server, "one")
    server.faults.close_watches()

    assert await response.read() == b""


@pytest.mark.parametrize("after_bytes", [0, 1, 40, 700])
async def test_a_watch_can_be_cut(server, watch, after_bytes):
    """The connection breaks after so many bytes; the next watch is whole."""
    server.faults.cut_watch(after_bytes=after_bytes)
    cut, whole = await watch(), await watch()
    for name in ("one", "two", "three"):
        add(server, name)
        await asyncio.sleep(0)

    got = bytearray()
    with pytest.raises(aiohttp.ClientPayloadError):
        await read_into(got, cut)

    assert len(got) == after_bytes
    assert (await whole.content.readexactly(after_bytes)).startswith(got)


async def read_into(got: bytearray, response: aiohttp.ClientResponse) -> None:
    """Read to the end, and leave what was read when it breaks."""
    while chunk := await response.content.readany():
        got += chunk
