"""Answers made to be taken for the answer to another request.

On both engines the next event gets its own answer, however the first one ends. They
differ in three things, each with a test: aiohttp reads answers leniently, on purpose,
and ours takes nothing that is not plainly HTTP/1.1; aiohttp calls an answer bad where
more follows `Connection: close`; and aiohttp takes an answer that arrives before its
request, which is why only ours is safe from this behind a proxy that others share.
"""

import asyncio

import pytest

from bridge.errors import PermanentSinkError, TemporarySinkError
from tests.unit.sinks.forgeries import ALIKE, CHUNKED, EVIL, NO_CONTENT, OK
from tests.unit.sinks.receiver import Receiver, answer, send
from tests.unit.sinks.samples import event

MINE = answer(200, b"mine")

DIFFERENT = {
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "blank lines first": b"\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    "a folded field": OK + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    "another version": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "chunks behind a tab": OK + b"Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n" + EVIL,
    "chunks of gzip": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n" + EVIL,
}
"""Bytes that ours does not take for an answer; aiohttp reads some of them, and fewer
in asyncio's debug mode."""


async def outcome(sink):
    """Return the status of a delivery, or why there was none."""
    try:
        (got,) = await sink.send([event()])
    except TemporarySinkError as error:
        return error.reason
    return got.status


@pytest.mark.parametrize("name", ALIKE)
async def test_next_event_gets_its_own_answer(name, make_sink):
    """A connection on which more came than was asked for is never used again."""
    data, expected = ALIKE[name]
    async with Receiver(send(data), MINE) as receiver:
        sink = make_sink(receiver.url, concurrency=1)
        first = await outcome(sink)
        (second,) = await sink.send([event(2)])

    assert first == expected
    assert (second.excerpt, len(receiver.requests)) == (b"mine", 2)
    assert receiver.connections == 2


@pytest.mark.parametrize("name", DIFFERENT)
async def test_what_is_not_plainly_http_is_refused(name, make_sink, engine):
    """Ours takes none of it; with either engine the next event gets its own answer."""
    async with Receiver(send(DIFFERENT[name]), MINE) as receiver:
        seconds = 0.5 if engine == "aiohttp" else 5.0
        sink = make_sink(receiver.url, concurrency=1, timeout_seconds=seconds)
        first = await outcome(sink)
        (second,) = await sink.send([event(2)])

    assert engine == "aiohttp" or (first, receiver.connections) == ("bad-answer", 2)
    assert (second.excerpt, len(receiver.requests)) == (b"mine", 2)


@pytest.mark.parametrize(
    "framing",
    [CHUNKED + b"2\r\nno\r\n0\r\n\r\n", b"Content-Length: 2\r\n\r\nno"],
)
async def test_refusal_is_not_made_a_success_by_what_follows(framing, make_sink):
    """The first status counts, and the first body."""
    data = b"HTTP/1.1 500 X\r\n" + framing + EVIL
    async with Receiver(send(data)) as receiver:
        with pytest.raises(TemporarySinkError) as caught:
            await make_sink(receiver.url).send([event()])

    assert (caught.value.status, caught.value.excerpt) == (500, b"no")


async def test_more_after_close_is_left_alone(make_sink, engine):
    """Ours has its answer and closes; aiohttp is in doubt and has it sent again."""
    close = OK + b"Connection: close\r\nContent-Length: 2\r\n\r\nok" + EVIL
    async with Receiver(send(close), MINE) as receiver:
        sink = make_sink(receiver.url)
        first = await outcome(sink)
        (second,) = await sink.send([event(2)])

    assert first == {"llhttp": 200, "aiohttp": "bad-answer"}[engine]
    assert (second.excerpt, receiver.connections) == (b"mine", 2)


@pytest.mark.parametrize("more", [EVIL, b"\r\n", b"x"])
async def test_answer_that_nobody_asked_for_is_no_answer(more, make_sink, engine):
    """What comes between two requests ends the connection: ours, and no other's.

    aiohttp 3.14 keeps it and takes it for the answer to the next request; nothing in
    its public API tells that there is something to read.
    """

    async def twice(connection, request):
        await connection.send(NO_CONTENT)
        await asyncio.sleep(0.02)
        await connection.send(more)

    async with Receiver(twice, MINE) as receiver:
        sink = make_sink(receiver.url, concurrency=1)
        await sink.send([event()])
        await asyncio.sleep(0.1)
        second = await outcome(sink)

    assert second == 200
    assert engine == "aiohttp" or receiver.connections == 2


async def test_early_answer_is_taken_and_its_connection_closed(make_sink):
    """Who answers before the whole body was sent may not read the rest of it."""
    early = send(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
    async with Receiver(early, MINE, at="head") as receiver:
        sink = make_sink(receiver.url, concurrency=1)
        with pytest.raises(PermanentSinkError) as caught:
            await sink.send([event(data=b'"%b"' % (b"x" * 20_000_000))])
        receiver.at = "request"
        (second,) = await sink.send([event(2)])

    assert caught.value.status == 413
    assert (second.excerpt, receiver.connections) == (b"mine", 2)
