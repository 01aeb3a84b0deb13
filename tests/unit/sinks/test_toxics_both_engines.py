"""Every way in which a peer or the net misbehaves: the same outcome on both engines."""

import pytest

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.sinks.settings import TlsConfig
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.receiver import (
    Receiver,
    answer,
    close,
    drip,
    late,
    reset,
    send,
)
from tests.unit.sinks.samples import event
from tests.unit.sinks.toxics import CHUNKED, CONTINUE, FLOODS, HEAD, TOXICS


@pytest.mark.parametrize("name", TOXICS)
async def test_toxic_is_temporary_and_leaves_nothing_behind(name, make_sink):
    """The reason is told, nothing is sent again, and the next event is delivered."""
    toxic = TOXICS[name]
    # Long enough to connect on a busy machine.
    seconds = 0.5 if toxic.reason == "timeout-answer" else 5.0
    async with Receiver(toxic.behaviour, answer(200), at=toxic.at) as receiver:
        sink = make_sink(receiver.url, timeout_seconds=seconds)
        with pytest.raises(TemporarySinkError) as caught:
            await sink.send([event(data=toxic.data)])
        before = receiver.connections
        receiver.at = "request"
        (got,) = await sink.send([event(2)])

    assert (caught.value.reason, caught.value.status) == (toxic.reason, None)
    assert (got.status, receiver.connections - before) == (200, 1)


@pytest.mark.parametrize("cut", [reset, close])
async def test_keepalive_race_is_told_and_not_repeated(cut, make_sink):
    """A used connection that dies before any answer byte may have been read."""
    async with Receiver(answer(), cut, answer()) as receiver:
        sink = make_sink(receiver.url)
        await sink.send([event()])
        with pytest.raises(TemporarySinkError, match="may have been read") as caught:
            await sink.send([event()])

    assert caught.value.reason == "reset"
    assert (len(receiver.requests), receiver.connections) == (2, 1)


async def test_latency_is_waited_for(make_sink):
    """What is slow but in time is delivered, on one connection."""
    async with Receiver(late) as receiver:
        sink = make_sink(receiver.url)
        got = [await sink.send([event()]) for _ in range(2)]

    assert (got[1][0].status, receiver.connections) == (202, 1)
    assert got[1][0].duration_seconds >= 0.1


@pytest.mark.parametrize("pieces", [CONTINUE, CONTINUE * 3, b"HTTP/1.1 103 X\r\n\r\n"])
async def test_1xx_is_skipped(pieces, make_sink):
    """An interim answer is none; its connection is kept (RFC 9110, 15.2)."""
    async with Receiver(send(pieces + b"HTTP/1.1 204 X\r\n\r\n")) as receiver:
        sink = make_sink(receiver.url)
        answers = [await sink.send([event()]) for _ in range(2)]

    assert answers[1][0].status == 204
    assert (len(receiver.requests), receiver.connections) == (2, 1)


FORMS = {
    "length": (HEAD + b"Content-Length: 6\r\n\r\nthanks", "keep", 1),
    "chunks": (CHUNKED + b"2;a=b\r\nth\r\n4\r\nanks\r\n0\r\nX: y\r\n\r\n", "keep", 1),
    "until the end": (HEAD + b"\r\nthanks", "close", 2),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nthanks", "close", 2),
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_a_body_is_read(form, make_sink):
    """Only what has an end of its own leaves its connection (RFC 9112, 6.3)."""
    data, then, connections = FORMS[form]
    async with Receiver(send(data, then=then)) as receiver:
        sink = make_sink(receiver.url)
        answers = [await sink.send([event()]) for _ in range(2)]

    assert [one.excerpt for (one,) in answers] == [b"thanks"] * 2
    assert receiver.connections == connections


@pytest.mark.parametrize("form", FLOODS)
async def test_answer_of_10_gb_is_cut(form, make_sink):
    """Its status counts, its first 4 kB are kept, and its connection is not."""
    start, more = FLOODS[form]
    async with Receiver(drip(start, more, seconds=0), answer()) as receiver:
        sink = make_sink(receiver.url)
        (got,) = await sink.send([event()])
        await sink.send([event()])

    assert (got.status, got.excerpt) == (200, b"x" * 4096)
    assert receiver.connections == 2


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("expired", TlsConfig(ca=CERTIFICATES / "ca.pem")),
        ("elsewhere", TlsConfig(ca=CERTIFICATES / "ca.pem")),
        ("server", TlsConfig()),
    ],
)
async def test_certificate_that_proves_nothing_pauses(
    name, files, make_sink, server_tls
):
    """Expired, of another machine, of an unknown authority: nothing is sent."""
    async with Receiver(tls=server_tls(name)) as receiver:
        with pytest.raises(SinkPausedError, match="certificate refused") as caught:
            await make_sink(receiver.url, tls=files).send([event()])

    assert (caught.value.reason, receiver.requests) == ("tls", [])
