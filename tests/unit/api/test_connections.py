"""The API's port against clients that are slow, large, or many, on real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request

from bridge.api import connections
from bridge.api.connections import MOST_HEAD_BYTES
from bridge.api.server import bind, serving
from bridge.metrics import Metrics

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
MOST = 8


class Service:
    """A port, and an application that waits where it is told to."""

    def __init__(self) -> None:
        self.metrics = Metrics(version="1")
        self.go, self.asked = asyncio.Event(), asyncio.Event()
        self.app = FastAPI()
        self.app.get("/")(lambda: "ok")
        self.app.post("/")(self._echo)
        self.app.get("/wait")(self._wait)
        self.app.get("/large")(lambda: "x" * 2**24)
        self.listener = bind("127.0.0.1", 0)
        self.place = self.listener.getsockname()

    async def _echo(self, request: Request) -> int:
        self.asked.set()
        return len(await request.body())

    async def _wait(self) -> str:
        self.asked.set()
        await self.go.wait()
        return "waited"

    def refused(self, why: str) -> float:
        """Return how many connections were refused for a reason."""
        return self.metrics.api_refused.labels(why)._value.get()

    async def wait_refused(self, why: str) -> None:
        """Wait until a connection is refused for a reason."""
        for _ in range(1000):
            if self.refused(why):
                return
            await asyncio.sleep(0.01)
        pytest.fail(f"nothing was {why}")

    async def connect(self, *pieces: bytes) -> "Client":
        """Return a connection that has sent something."""
        reader, writer = await asyncio.open_connection(*self.place)
        client = Client(reader, writer)
        for piece in pieces:
            writer.write(piece)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
        return client


class Client:
    """One connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def rest(self) -> bytes:
        """Return what comes until the server closes."""
        said = b""
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(2**16):
                said += piece
        self.writer.close()
        return said

    async def send_on(self) -> None:
        """Send until the connection is gone."""
        while True:
            self.writer.write(b"a" * 1000)
            await self.writer.drain()
            await asyncio.sleep(0.001)

    async def status(self) -> int:
        """Return the status of the next answer."""
        return int((await self.reader.readline()).split()[1])


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    """A port with few places."""
    service = Service()
    async with serving(
        service.app, service.listener, metrics=service.metrics, most=MOST
    ):
        yield service


@pytest.fixture
def hasty(monkeypatch):
    """Deadlines that are over at once."""
    for awaited in ("head", "body", "reader", "end"):
        monkeypatch.setitem(connections.SECONDS, awaited, 0.05)


async def is_alive(service: Service) -> bool:
    """Tell whether another client is answered."""
    client = await service.connect(GET + b"Connection: close\r\n\r\n")
    return (await client.rest()).startswith(b"HTTP/1.1 200 ")


async def test_a_head_that_does_not_end_is_431(service):
    """However much is sent, a few kB are kept (issue 10, item 29)."""
    client = await service.connect(GET, *[b"X-A: " + b"a" * 1000 + b"\r\n"] * 5000)

    assert (await client.rest()).startswith(b"HTTP/1.1 431 ")
    assert service.refused("large") == 1
    assert await is_alive(service)


async def test_a_url_that_does_not_end_is_414(service):
    """Nor is a request line kept (issue 10, item 29)."""
    client = await service.connect(b"GET /", *[b"a" * 1000] * 5000)

    assert (await client.rest()).startswith(b"HTTP/1.1 414 ")
    assert service.refused("large") == 1


async def test_a_head_just_below_the_bound_is_answered(service):
    """Cookies and proxies make heads of some kB."""
    field = b"X-A: " + b"a" * (MOST_HEAD_BYTES - 200) + b"\r\n"
    client = await service.connect(GET, field, b"Connection: close\r\n\r\n")

    assert (await client.rest()).startswith(b"HTTP/1.1 200 ")


async def test_what_is_no_http_is_400_and_counted(service):
    """It is closed (issue 10, item 47)."""
    client = await service.connect(b"\x16\x03\x01\x00hello\r\n\r\n")

    assert (await client.rest()).startswith(b"HTTP/1.1 400 ")
    assert service.refused("malformed") == 1


@pytest.mark.parametrize(("sent", "answers"), [(b"", 408), (GET, 408), (POST, 408)])
async def test_a_slow_request_is_closed(hasty, service, sent, answers):
    """Nothing, half a head, half a body (issue 10, item 29)."""
    client = await service.connect(sent)

    said = await client.rest()

    assert said.startswith(b"HTTP/1.1 408 ")
    assert service.refused("slow") == 1


async def test_a_body_that_comes_in_drops_has_one_deadline(hasty, service):
    """No byte begins it anew (issue 10, item 29)."""
    client = await service.connect(POST)
    with contextlib.suppress(ConnectionError):
        while service.refused("slow") == 0:
            client.writer.write(b"a")
            await client.writer.drain()
            await asyncio.sleep(0.03)

    assert (await client.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_does_not_read_is_closed(hasty, service):
    """Its answer is given up, and so are its connection and memory (item 29)."""
    client = await service.connect(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await service.wait_refused("slow")

    assert len(await client.rest()) < 2**24


async def test_a_client_that_reads_late_gets_all(service):
    """As long as its deadline has not passed."""
    client = await service.connect(b"GET /large HTTP/1.1\r\nHost: localhost\r\n")
    client.writer.write(b"Connection: close\r\n\r\n")

    assert len(await client.rest()) > 2**24


async def test_a_refused_client_that_never_leaves_is_cut(hasty, service):
    """Whatever it goes on sending (issue 10, item 29)."""
    client = await service.connect(b"nonsense\r\n\r\n")
    with pytest.raises(ConnectionError):
        await client.send_on()


async def test_many_half_open_requests_leave_room_for_a_probe(service):
    """The one that waited longest gives way (issue 10, item 29)."""
    held = [await service.connect(GET) for _ in range(5 * MOST)]

    assert await is_alive(service)
    assert await held[0].rest() == b""
    assert service.refused("crowded") == 4 * MOST + 1
    for client in held:
        client.writer.close()


async def test_half_sent_bodies_leave_room_for_a_probe(service):
    """A body to come is no reason to stay (issue 10, item 29)."""
    held = [await service.connect(POST) for _ in range(5 * MOST)]

    assert await is_alive(service)
    for client in held:
        client.writer.close()


async def test_a_request_that_is_being_answered_does_not_give_way(service):
    """Only who waits for its client does."""
    slow = await service.connect(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await service.asked.wait()
    held = [await service.connect(GET) for _ in range(2 * MOST)]
    assert await is_alive(service)
    service.go.set()

    assert await slow.status() == 200
    for client in [slow, *held]:
        client.writer.close()


async def test_when_all_are_being_answered_the_new_one_is_closed(service):
    """There is no place, and nobody to take it from."""
    asked = b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
    held = [await service.connect(asked) for _ in range(MOST + 1)]

    assert await held[-1].rest() == b""
    service.go.set()
    assert [await client.status() for client in held[:-1]] == [200] * MOST
    for client in held:
        client.writer.close()


async def test_requests_on_one_connection_are_answered_in_turn(service):
    """Each has its own deadline."""
    async with httpx.AsyncClient(trust_env=False) as client:
        url = "http://{}:{}/".format(*service.place)
        codes = [(await client.post(url, content=b"abc")).text for _ in range(3)]

    assert codes == ["3", "3", "3"]


async def test_bytes_that_are_no_http_after_an_answer_close_quietly(service):
    """There is nothing to answer any more (issue 10, item 47)."""
    chunked = b"POST /none HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = await service.connect(chunked)
    assert await client.status() == 404
    client.writer.write(b"no size\r\n")

    assert b"HTTP/1.1" not in await client.rest()
    assert service.refused("malformed") == 1


async def test_stopping_waits_for_no_client():
    """Neither for half a request nor for one that does not read."""
    service = Service()
    async with serving(service.app, service.listener, metrics=service.metrics):
        clients = [await service.connect(sent) for sent in (GET, POST, b"x\r\n\r\n")]
        await service.asked.wait()

    assert b"200 OK" not in b"".join([await client.rest() for client in clients])
