"""The way to a sink, by both engines: connections and limits."""

import asyncio

import httpx
import pytest
from multidict import CIMultiDict
from yarl import URL

from bridge.errors import ConfigError
from bridge.sinks.transports import aiohttp as module
from bridge.sinks.transports.llhttp import transport as llhttp_module
from tests.unit.sinks.receiver import Receiver, answer, drip, hang
from tests.unit.sinks.ways import BODY, post

HUGE = 300_000_000


async def test_request_arrives_as_it_was_given(make_transport):
    """Method, path with query, header fields and body reach the receiver."""
    transport = make_transport()

    async with Receiver(answer(200, b"thanks")) as receiver:
        got = await post(transport, f"{receiver.url}/a%2Fb?c=d%26e")

    request = receiver.requests[0]
    assert got == (200, b"thanks")
    assert (request.method, request.target) == ("POST", "/hook/a%2Fb?c=d%26e")
    assert (request.headers["a"], request.body) == ("b", BODY)


async def test_large_body_arrives_whole(make_transport):
    """A body of several MB is sent with its length, without a warning."""
    body = bytes(range(256)) * 20_000
    transport = make_transport()

    async with Receiver() as receiver:
        await post(transport, receiver.url, body)

    assert receiver.requests[0].body == body


async def test_empty_body_arrives(make_transport):
    """A body of no bytes is a body."""
    transport = make_transport()

    async with Receiver() as receiver:
        await post(transport, receiver.url, b"")

    assert receiver.requests[0].headers["content-length"] == "0"


async def test_redirect_is_not_followed(make_transport):
    """What answers 307 is asked once."""
    async with Receiver() as other:
        script = answer(307, b"", {"Location": other.url})
        async with Receiver(script) as receiver:
            status, _ = await post(make_transport(), receiver.url)

    assert (status, other.requests) == (307, [])


async def test_cookies_are_not_kept(make_transport):
    """A cookie of the first answer does not come with the second request."""
    transport = make_transport()

    async with Receiver(answer(204, b"", {"Set-Cookie": "a=b"})) as receiver:
        await post(transport, receiver.url)
        await post(transport, receiver.url)

    assert "cookie" not in receiver.requests[1].headers


async def test_thousand_posts_open_no_more_connections_than_the_concurrency(
    make_transport,
):
    """Connections are used again, also when more requests want one than there are."""
    transport = make_transport(concurrency=8)
    todo = iter(range(1000))

    async def work(url):
        for _ in todo:
            await post(transport, url)

    async with Receiver() as receiver, asyncio.TaskGroup() as tasks:
        for number in range(16):
            tasks.create_task(work(receiver.url), name=f"work {number}")

    assert len(receiver.requests) == 1000
    assert receiver.connections <= 8


async def test_connection_that_the_receiver_closes_is_replaced(make_transport):
    """An answer and a close in good order is no fault."""
    transport = make_transport(concurrency=1)

    script = answer(200, b"", {"Connection": "close"}, then="close")
    async with Receiver(script) as receiver:
        for _ in range(3):
            await post(transport, receiver.url)

    assert receiver.connections == 3


async def test_idle_connection_is_not_used_again(make_transport, monkeypatch):
    """One that has been idle for longer than a Knative ingress keeps it is closed."""
    for engine in (module, llhttp_module):
        monkeypatch.setattr(engine, "IDLE_SECONDS", 0.05)
    transport = make_transport(concurrency=1)

    async with Receiver() as receiver:
        await post(transport, receiver.url)
        await asyncio.sleep(0.1)
        await post(transport, receiver.url)

    assert receiver.connections == 2


def test_idle_connections_are_closed_before_a_knative_ingress_closes_them():
    """It closes connections that are idle for 10 s."""
    assert module.IDLE_SECONDS < 10


async def test_huge_answer_is_cut_and_its_connection_closed(make_transport):
    """The first 4 kB are kept, and no more is read than a connection is worth."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE
    transport = make_transport(concurrency=1)

    async with Receiver(drip(start, b"x" * 50_000, seconds=0)) as receiver:
        _, excerpt = await post(transport, receiver.url)
        await post(transport, receiver.url)

    assert excerpt == b"x" * 4096
    assert receiver.connections == 2


async def test_compressed_answer_is_left_alone(make_transport):
    """A small answer cannot blow up: nothing is decompressed."""
    script = answer(200, b"\x1f\x8bnot gzip", {"Content-Encoding": "gzip"})

    async with Receiver(script) as receiver:
        got = await post(make_transport(), receiver.url)

    assert got == (200, b"\x1f\x8bnot gzip")


async def test_long_header_field_of_an_answer_is_taken(make_transport):
    """20 kB of policies in a field are no reason to send an event again."""
    script = answer(200, b"", {"Content-Security-Policy": "x" * 20_000})

    async with Receiver(script) as receiver:
        status, _ = await post(make_transport(), receiver.url)

    assert status == 200


async def test_cancelled_post_gives_up_its_connection(make_transport):
    """A request that is cancelled leaves no half-used connection behind."""
    transport = make_transport(concurrency=1)
    async with Receiver(hang, answer(200)) as receiver:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(post(transport, receiver.url), name="first")
            await receiver.wait_requests(1)
            first.cancel()

        status, _ = await post(transport, receiver.url)

    assert (status, receiver.connections) == (200, 2)


async def test_reply_says_what_the_judge_needs(make_transport):
    """Status, header fields in any case, the body's beginning and the time it took."""
    script = answer(503, b"busy", {"RETRY-AFTER": "7"})

    async with Receiver(script) as receiver:
        reply = await make_transport().request(
            "POST", URL(receiver.url), CIMultiDict(), BODY
        )

    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")
    assert reply.excerpt == b"busy"
    assert 0 < reply.duration_seconds < 5


async def test_request_has_any_method_and_no_length_without_a_body(make_transport):
    """A GET, as an OPTIONS, has neither body nor length, nor fields of an engine."""
    async with Receiver() as receiver:
        transport = make_transport()
        await transport.request("GET", URL(receiver.url), CIMultiDict())
        await transport.request("PUT", URL(receiver.url), CIMultiDict(), b"one")

    get, put = receiver.requests
    assert (get.method, list(get.headers)) == ("GET", ["host"])
    assert (put.method, put.body) == ("PUT", b"one")
    assert sorted(put.headers) == ["content-length", "host"]


async def test_fields_of_a_request_replace_others(make_transport):
    """Those of the sink stay as they are for the next one."""
    async with Receiver() as receiver:
        transport, headers = make_transport(), CIMultiDict({"A": "1", "B": "2"})
        for fields in ([(b"a", b"3")], ()):
            url = URL(receiver.url)
            await transport.request("POST", url, headers, b"x", fields)

    got = [(one.headers["a"], one.headers["b"]) for one in receiver.requests]
    assert got == [("3", "2"), ("1", "2")]


async def test_body_of_an_answer_is_read_past_its_excerpt(make_transport):
    """Bulk receivers say in it what they refuse: 64 KiB are there to be read."""
    body = b"x" * 60_000
    async with Receiver(answer(200, body)) as receiver:
        url = URL(receiver.url)
        response = await make_transport().request("POST", url, CIMultiDict(), b"")

    assert (response.body, response.excerpt) == (body, body[:4096])


async def test_close_ends_requests_under_way(make_transport):
    """Nothing hangs on a sink that is closed."""
    transport = make_transport()
    async with Receiver(hang) as receiver, asyncio.TaskGroup() as tasks:
        post = tasks.create_task(failing(transport, receiver.url), name="post")
        await receiver.wait_requests(1)

        await transport.aclose()

    assert isinstance(post.result(), httpx.ReadError)


async def failing(transport, url):
    """Return the error of a POST."""
    with pytest.raises(httpx.TransportError) as caught:
        await post(transport, url)
    return caught.value


async def test_close_without_a_request_does_nothing(make_transport):
    """A transport that was never used has nothing to close."""
    await make_transport().aclose()


def test_proxy_that_is_none_is_refused_at_once(make_transport):
    """A wrong proxy is a fault of the configuration, found before the first event."""
    with pytest.raises(ConfigError, match="expected an http or https URL"):
        make_transport(proxy="socks5://127.0.0.1:1080")
