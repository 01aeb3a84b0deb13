"""How large a request is, and what happens if that is too much, on both engines."""

import asyncio
import json

import pytest

from bridge.errors import PermanentSinkError
from bridge.events.encode import decode
from bridge.sinks.http.signing import StandardSigner
from bridge.sinks.secrets import SecretText
from tests.unit.sinks.authorization import granted, oauth2
from tests.unit.sinks.building import size
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event

KEY = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"namespace": "shop", "name": "web", "uid": "u1", "labels": {}},
    "note": "\u00e4" * 5000,
}
LARGE = json.dumps(POD).encode()

by_mode = pytest.mark.parametrize("mode", ["structured", "binary", "batch"])


class Tap:
    """Listens, counts every byte of each request, and answers it."""

    def __init__(self):
        self.sizes = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/a%20hook?b=c"
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        self.sizes.append(len(head) + len(body))
        writer.write(b"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n")
        writer.close()


def size_limit(policy, max_bytes=8192):
    """Return settings of a sink with a size limit, and the list in which it counts."""
    counted = []
    limit = size(max_bytes=max_bytes, policy=policy)
    return {"size": limit, "count_oversized": lambda: counted.append(1)}, counted


@by_mode
@pytest.mark.parametrize("size", [0, 1])
async def test_ceiling_is_that_of_the_wire_to_the_byte(mode, size, make_sink, tokens):
    """What is as large as the ceiling goes; what is a byte larger does not."""
    async with Tap() as tap:
        settings = {
            "mode": mode,
            "headers": {"X-A": "b"},
            "sign": StandardSigner([SecretText(KEY)]),
        }
        for auth in (None, oauth2(tokens.url)):
            await make_sink(tap.url, auth=auth, **settings).send([event(data=LARGE)])
            limit, _ = size_limit("reject", tap.sizes[-1] - size)
            sink = make_sink(tap.url, auth=auth, **limit, **settings)
            got = await outcome(sink)
            assert got == ("too-large" if size else 204)

    assert len(tap.sizes) == (2 if size else 4)


async def outcome(sink, data=LARGE):
    """Return the status of a delivery, or the reason why there is none."""
    try:
        (got,) = await sink.send([event(data=data)])
    except PermanentSinkError as error:
        return error.reason
    return got.status


async def test_policy_send_lets_it_go_and_counts_it(make_sink):
    """Nothing is lost, and nothing is silent."""
    limit, counted = size_limit("send")
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, **limit)
        got = [await outcome(sink), await outcome(sink), await outcome(sink, b"1")]

    assert (got, len(counted)) == ([204, 204, 204], 2)
    assert receiver.requests[0].body == event(data=LARGE).body


async def test_policy_reject_says_how_large_it_was(make_sink):
    """A dead letter names both sizes; nothing was sent."""
    limit, counted = size_limit("reject")
    async with Receiver() as receiver:
        with pytest.raises(PermanentSinkError) as caught:
            await make_sink(receiver.url, **limit).send([event(data=LARGE)])

    assert str(caught.value).startswith(
        "sink hook: expected a request of at most 8192 bytes, got 304"
    )
    assert (caught.value.reason, receiver.requests, len(counted)) == (
        *("too-large", []),
        1,
    )


@by_mode
async def test_policy_trim_sends_less_of_it_and_says_so(mode, make_sink):
    """Same id, valid data, an attribute that tells the size; the same bytes again."""
    limit, counted = size_limit("trim")
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode=mode, **limit)
        got = [await outcome(sink), await outcome(sink)]

    first, second = receiver.requests
    assert (got, len(counted), first) == ([204, 204], 2, second)
    data = trimmed_data(first, mode, size=len(event(data=LARGE).body))
    assert data["note"].startswith("\u00e4\u00e4")
    assert data["note"].endswith("\u00e4\u2026[trimmed, 10000 bytes]")
    assert {**data, "note": ""} == {**POD, "note": ""}


def trimmed_data(request, mode, *, size):
    """Return the data of a request, whose event says how large it was."""
    body = json.loads(request.body)
    if mode == "binary":
        assert request.headers["ce-trimmed"] == str(size)
        assert request.headers["ce-id"] == "id-1"
        return body
    found = body[0] if mode == "batch" else body
    assert (found["trimmed"], found["id"]) == (str(size), "id-1")
    return found["data"]


@pytest.mark.parametrize("data", [None, b'["%b"]' % (b"1" * 9)])
async def test_policy_trim_refuses_what_does_not_become_small_enough(data, make_sink):
    """An event without data, or whose attributes alone are too much."""
    limit, _ = size_limit("trim", 300)
    async with Receiver() as receiver:
        got = await outcome(make_sink(receiver.url, **limit), data)

    assert (got, receiver.requests) == ("too-large", [])


@pytest.mark.parametrize("policy", ["trim", "reject"])
async def test_batch_that_is_too_large_is_made_smaller_first(policy, make_sink):
    """Each of its events fits alone, so none is trimmed or refused."""
    limit, counted = size_limit(policy, 900)
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode="batch", batch_size=9, **limit)
        with pytest.raises(PermanentSinkError, match="at most 900 bytes") as caught:
            await sink.send([event(number) for number in range(9)])
        await sink.send([event()])

    assert (caught.value.reason, counted) == ("batch-size", [])


async def test_batch_of_small_events_is_not_too_large_to_be_sent(make_sink):
    """Of one that is sent all the same, those are counted that alone are too large."""
    limit, counted = size_limit("send", 900)
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode="batch", batch_size=9, **limit)
        await sink.send([event(number) for number in range(8)])
        before = len(counted)
        await sink.send([event(1), event(2, data=LARGE), event(3)])

    assert (before, len(counted)) == (0, 1)


async def test_token_counts_although_it_is_not_known_yet(make_sink, closing):
    """A sink that sends tokens waits for one before it is near its ceiling."""
    async with Receiver(granted("t" * 3000)) as tokens, Receiver() as receiver:
        limit, _ = size_limit("reject", 3300)
        sink = make_sink(receiver.url, **limit, auth=oauth2(tokens.url))
        first = await outcome(sink, b"1")
        limit, counted = size_limit("send", 3300)
        other = make_sink(receiver.url, **limit, auth=oauth2(tokens.url))
        got = [await outcome(other, b"1"), await outcome(other, b"1")]

    assert (first, got, len(counted)) == ("too-large", [204, 204], 1)


async def test_receiver_that_says_413_is_not_what_a_ceiling_is_for(make_sink):
    """What the ceiling lets through may still be refused, with its own reason."""
    limit, _ = size_limit("trim", 65536)
    async with Receiver(answer(413)) as receiver:
        got = await outcome(make_sink(receiver.url, **limit))

    assert got == "status"
    assert decode(event()).data == b'{"a":1}'
