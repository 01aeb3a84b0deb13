"""The pool and its connections, where the two engines' common tests do not reach."""

import asyncio

import httpx
import pytest

from bridge.sinks.transports.llhttp import transport as module
from bridge.sinks.transports.llhttp.connection import Connection
from bridge.sinks.transports.llhttp.pool import Peer, Pool
from tests.unit.sinks.receiver import Receiver, answer, close, hang, send
from tests.unit.sinks.ways import status_of

OK = b"HTTP/1.1 200 OK\r\n"


async def test_connection_that_waits_is_closed_by_itself(make_ours, monkeypatch):
    """The receiver sees the end of it, though no further request comes."""
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
    ended = asyncio.Event()

    async def watch(connection, request):
        await answer()(connection, request)
        assert await connection.reader.read() == b""
        ended.set()

    async with Receiver(watch) as receiver:
        await status_of(make_ours(), receiver.url)
        await ended.wait()


class Waiting(Connection):
    """A connection that is always fit for another request."""

    is_open = is_quiet = is_reusable = True
    closed_at = None

    def close(self):
        """Note the time."""
        self.closed_at = asyncio.get_running_loop().time()


@pytest.mark.looptime
async def test_connections_that_wait_are_closed_each_at_its_time():
    """One timer serves them all, and stops when there are none."""
    pool = Pool(limit=2, connect_seconds=1, idle_seconds=8)
    peers = [Peer(origin="http://a", host="a", port=80, tls=None) for _ in range(2)]
    early, late = (Waiting("http://a", pool._forget) for _ in peers)
    began = asyncio.get_running_loop().time()

    for peer, connection in zip(peers, (early, late), strict=True):
        assert pool._turns.try_begin()
        pool.give_back(peer, connection)
        await asyncio.sleep(3)
    await asyncio.sleep(100)

    assert (early.closed_at - began, late.closed_at - began) == (8, 11)
    assert (pool._timer, pool._idle) == (None, {})


@pytest.mark.looptime
async def test_connection_that_waited_too_long_is_not_found():
    """Also while a busy loop has not come to closing it."""
    pool = Pool(limit=1, connect_seconds=1, idle_seconds=8)
    peer = Peer(origin="http://a", host="a", port=80, tls=None)
    connection = Waiting("http://a", pool._forget)
    pool._turns.try_begin()
    pool.give_back(peer, connection)
    connection.idle_since -= 8

    found = pool.find(peer)

    assert found is None
    assert connection.closed_at is not None
    assert pool._turns.try_begin()


async def test_transport_gives_a_failed_connection_back(make_ours):
    """A sink with one connection can go on after any fault."""
    transport = make_ours()
    async with Receiver(close, close, answer()) as receiver:
        for _ in range(2):
            with pytest.raises(httpx.ReadError):
                await status_of(transport, receiver.url)
        status = await status_of(transport, receiver.url)

    assert status == 204


async def test_connection_that_the_peer_closed_while_it_waited_is_not_used(make_ours):
    """A close in good order between two requests costs nothing."""
    async with Receiver(send(b"HTTP/1.1 204 X\r\n\r\n", then="close")) as receiver:
        transport = make_ours()
        for _ in range(3):
            assert await status_of(transport, receiver.url) == 204
            await asyncio.sleep(0.05)

    assert receiver.connections == 3


async def test_all_connections_in_use_is_a_connect_timeout(make_ours):
    """Who waits for a turn in vain has sent nothing."""
    transport = make_ours(timeout_seconds=0.6)
    async with Receiver(hang) as receiver, asyncio.TaskGroup() as tasks:
        tasks.create_task(failing(transport, receiver.url), name="first")
        await receiver.wait_requests(1)

        with pytest.raises(httpx.ConnectTimeout, match="no connection to http://127"):
            await status_of(transport, receiver.url)

    assert len(receiver.requests) == 1


async def failing(transport, url):
    """POST in vain."""
    with pytest.raises(httpx.TransportError):
        await status_of(transport, url)


async def test_failed_connection_gives_its_turn_back(make_ours):
    """Otherwise the sink would stand still after as many failures."""
    transport = make_ours()
    async with Receiver() as receiver:
        pass
    for _ in range(2):
        with pytest.raises(httpx.ConnectError):
            await status_of(transport, receiver.url)

    async with Receiver() as receiver:
        assert await status_of(transport, receiver.url) == 204


async def test_close_does_not_wait_for_ever():
    """A connection that does not end is left behind after a second."""
    pool = Pool(limit=1, connect_seconds=1, idle_seconds=1)

    class Stubborn(Connection):
        def abort(self):
            """Do nothing."""

    pool._open.add(Stubborn("http://a", pool._forget))

    async with asyncio.timeout(5):
        await pool.aclose()


async def test_several_open_connections_are_all_closed(make_ours):
    """The transport is closed when the last of them is gone."""
    transport = make_ours(concurrency=3)
    async with Receiver(hang) as receiver, asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(failing(transport, receiver.url), name=f"{number}")
        await receiver.wait_requests(3)

        await transport.aclose()

    assert not transport._pool._open


def test_peers_are_told_apart_by_what_they_are():
    """Two of the same place are not one: their connections differ in TLS."""
    one, other = (
        Peer(origin="http://a", host="a", port=80, tls=None) for _ in range(2)
    )

    assert one != other


PEER = Peer(origin="http://a", host="a", port=80, tls=None)


class Connecting(Pool):
    """Connects when it is told to."""

    def __init__(self, limit=64):
        super().__init__(limit=limit, connect_seconds=10, idle_seconds=8)
        self.begun = self.most = self.now = 0
        self.go = asyncio.Event()

    async def _connect(self, peer):
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.go.wait()
        finally:
            self.now -= 1
        return Waiting("http://a", self._forget)


@pytest.mark.looptime
async def test_connections_are_opened_a_few_at_a_time():
    """Of a burst of 64 (issue 10, item 28)."""
    pool = Connecting()

    async with asyncio.TaskGroup() as tasks:
        for number in range(64):
            tasks.create_task(pool.take(PEER), name=str(number))
        await asyncio.sleep(1)
        begun = pool.begun
        pool.go.set()

    assert (begun, pool.begun, pool.most) == (4, 64, 4)


@pytest.mark.looptime
async def test_who_waits_to_connect_takes_what_is_given_back():
    """Though all that are being opened hang."""
    pool = Connecting()
    pool.go.set()
    connection = await pool.take(PEER)
    pool.go.clear()
    async with asyncio.TaskGroup() as tasks:
        hanging = [tasks.create_task(pool.take(PEER)) for _ in range(4)]
        await asyncio.sleep(1)
        waiting = tasks.create_task(pool.take(PEER))
        await asyncio.sleep(1)
        pool.give_back(PEER, connection)
        assert await waiting is connection
        for one in hanging:
            one.cancel()

    assert pool.begun == 5


@pytest.mark.looptime
async def test_who_gives_up_to_wait_lets_the_next_one_connect():
    """Also in the very moment in which it might have."""
    pool = Connecting()
    async with asyncio.TaskGroup() as tasks:
        first = [tasks.create_task(pool.take(PEER)) for _ in range(4)]
        await asyncio.sleep(1)
        waiting = [tasks.create_task(pool.take(PEER)) for _ in range(3)]
        await asyncio.sleep(1)
        waiting[0].cancel()
        await asyncio.sleep(1)
        first[0].cancel()
        await asyncio.sleep(0)  # its place is waiting[1]'s from now on
        waiting[1].cancel()
        await asyncio.sleep(1)
        assert pool.begun == 5
        pool.go.set()

    assert not waiting[2].cancelled()
