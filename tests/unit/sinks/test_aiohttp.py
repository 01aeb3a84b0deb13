"""The way to a sink: connections, limits, and httpx's contract."""

import asyncio

import httpx
import pytest
from multidict import CIMultiDict
from yarl import URL

from bridge.errors import ConfigError
from bridge.sinks.transports import aiohttp as module
from bridge.sinks.transports.llhttp import transport as llhttp_module
from tests.unit.sinks.receiver import Receiver, answer, drip, hang, send
from tests.unit.sinks.ways import BODY, both_ways, by_contract, by_fast_path

HUGE = 300_000_000


@both_ways
async def test_request_arrives_as_it_was_given(post, make_transport):
    """Method, path with query, header fields and body reach the receiver."""
    transport = make_transport()

    async with Receiver(answer(200, b"thanks")) as receiver:
        got = await post(transport, f"{receiver.url}/a%2Fb?c=d%26e")

    request = receiver.requests[0]
    assert got == (200, b"thanks")
    assert (request.method, request.target) == ("POST", "/hook/a%2Fb?c=d%26e")
    assert (request.headers["a"], request.body) == ("b", BODY)


@both_ways
async def test_large_body_arrives_whole(post, make_transport):
    """A body of several MB is sent with its length, without a warning."""
    body = bytes(range(256)) * 20_000
    transport = make_transport()

    async with Receiver() as receiver:
        await post(transport, receiver.url, body)

    assert receiver.requests[0].body == body


@both_ways
async def test_empty_body_arrives(post, make_transport):
    """A body of no bytes is a body."""
    transport = make_transport()

    async with Receiver() as receiver:
        await post(transport, receiver.url, b"")

    assert receiver.requests[0].headers["content-length"] == "0"


@both_ways
async def test_redirect_is_not_followed(post, make_transport):
    """What answers 307 is asked once."""
    async with Receiver() as other:
        script = answer(307, b"", {"Location": other.url})
        async with Receiver(script) as receiver:
            status, _ = await post(make_transport(), receiver.url)

    assert (status, other.requests) == (307, [])


@both_ways
async def test_cookies_are_not_kept(post, make_transport):
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
            await by_fast_path(transport, url)

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
            await by_fast_path(transport, receiver.url)

    assert receiver.connections == 3


async def test_idle_connection_is_not_used_again(make_transport, monkeypatch):
    """One that has been idle for longer than a Knative ingress keeps it is closed."""
    for engine in (module, llhttp_module):
        monkeypatch.setattr(engine, "IDLE_SECONDS", 0.05)
    transport = make_transport(concurrency=1)

    async with Receiver() as receiver:
        await by_fast_path(transport, receiver.url)
        await asyncio.sleep(0.1)
        await by_fast_path(transport, receiver.url)

    assert receiver.connections == 2


def test_idle_connections_are_closed_before_a_knative_ingress_closes_them():
    """It closes connections that are idle for 10 s."""
    assert module.IDLE_SECONDS < 10


async def test_huge_answer_is_cut_and_its_connection_closed(make_transport):
    """The first 4 kB are kept, and no more is read than a connection is worth."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE
    transport = make_transport(concurrency=1)

    async with Receiver(drip(start, b"x" * 50_000, seconds=0)) as receiver:
        _, excerpt = await by_fast_path(transport, receiver.url)
        await by_fast_path(transport, receiver.url)

    assert excerpt == b"x" * 4096
    assert receiver.connections == 2


async def test_compressed_answer_is_left_alone(make_transport):
    """A small answer cannot blow up: nothing is decompressed."""
    script = answer(200, b"\x1f\x8bnot gzip", {"Content-Encoding": "gzip"})

    async with Receiver(script) as receiver:
        got = await by_fast_path(make_transport(), receiver.url)

    assert got == (200, b"\x1f\x8bnot gzip")


async def test_long_header_field_of_an_answer_is_taken(make_transport):
    """20 kB of policies in a field are no reason to send an event again."""
    script = answer(200, b"", {"Content-Security-Policy": "x" * 20_000})

    async with Receiver(script) as receiver:
        status, _ = await by_fast_path(make_transport(), receiver.url)

    assert status == 200


async def test_cancelled_post_gives_up_its_connection(make_transport):
    """A request that is cancelled leaves no half-used connection behind."""
    transport = make_transport(concurrency=1)
    async with Receiver(hang, answer(200)) as receiver:
        async with asyncio.TaskGroup() as tasks:
            post = tasks.create_task(by_fast_path(transport, receiver.url), name="post")
            await receiver.wait_requests(1)
            post.cancel()

        status, _ = await by_fast_path(transport, receiver.url)

    assert (status, receiver.connections) == (200, 2)


async def test_reply_says_what_the_judge_needs(make_transport):
    """Status, header fields in any case, the body's beginning and the time it took."""
    script = answer(503, b"busy", {"RETRY-AFTER": "7"})

    async with Receiver(script) as receiver:
        reply = await make_transport().post(URL(receiver.url), CIMultiDict(), BODY)

    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")
    assert reply.excerpt == b"busy"
    assert 0 < reply.duration_seconds < 5


async def test_contract_carries_any_method_and_streamed_body(make_transport):
    """A body that comes in pieces is sent in one, with its length."""

    async def pieces():
        yield b"one "
        yield b"two"

    async with Receiver() as receiver:
        request = httpx.Request("PUT", receiver.url, content=pieces())
        await make_transport().handle_async_request(request)

    got = receiver.requests[0]
    assert (got.method, got.body) == ("PUT", b"one two")
    assert "transfer-encoding" not in got.headers


async def test_contract_sends_the_url_as_httpx_wrote_it(make_transport):
    """What was escaped needlessly stays so: a signature may be made of it."""
    async with Receiver() as receiver:
        request = httpx.Request("GET", f"{receiver.url}/%41?%42")
        await make_transport().handle_async_request(request)

    assert receiver.requests[0].target == "/hook/%41?%42"


async def test_contract_adds_no_header_fields(make_transport):
    """What is sent is what the request says."""
    async with Receiver() as receiver:
        request = httpx.Request("GET", receiver.url)
        await make_transport().handle_async_request(request)

    assert list(receiver.requests[0].headers) == ["host"]


async def test_contract_gives_repeated_fields_and_the_phrase(make_transport):
    """Nothing of an answer is lost: httpx sees each field and the reason phrase."""
    script = send(
        b"HTTP/1.1 201 Made\r\nContent-Length: 0\r\nWarning: a\r\nWarning: b\r\n\r\n"
    )
    async with Receiver(script) as receiver:
        request = httpx.Request("GET", receiver.url)
        response = await make_transport().handle_async_request(request)

    assert response.headers.get_list("Warning") == ["a", "b"]
    assert (response.reason_phrase, response.http_version) == ("Made", "HTTP/1.1")


async def test_contract_keeps_to_the_read_timeout_of_the_request(make_transport):
    """The timeouts of httpx hold where they are shorter than the sink's deadline."""
    request_timeout = httpx.Timeout(5, read=0.1).as_dict()
    async with Receiver(hang) as receiver:
        request = httpx.Request(
            "GET", receiver.url, extensions={"timeout": request_timeout}
        )
        with pytest.raises(httpx.ReadTimeout):
            await make_transport(timeout_seconds=60).handle_async_request(request)


async def test_contract_serves_an_httpx_client(make_transport):
    """The published client works on it, decompression and all."""
    client = httpx.AsyncClient(transport=make_transport())
    async with Receiver(answer(200, b"thanks")) as receiver, client:
        response = await client.post(receiver.url, json={"a": 1})

    assert response.text == "thanks"
    assert receiver.requests[0].body == b'{"a":1}'


async def test_contract_lets_go_of_an_answer_that_is_not_read(make_transport):
    """A response that is closed early takes its connection with it."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % HUGE
    transport = make_transport(concurrency=1)
    async with Receiver(drip(start, b"x"), answer(200, b"ok")) as receiver:
        request = httpx.Request("GET", receiver.url)
        response = await transport.handle_async_request(request)
        await response.aclose()

        got = await by_contract(transport, receiver.url)

    assert (got, receiver.connections) == ((200, b"ok"), 2)


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
        await by_fast_path(transport, url)
    return caught.value


async def test_close_without_a_request_does_nothing(make_transport):
    """A transport that was never used has nothing to close."""
    await make_transport().aclose()


def test_proxy_that_is_none_is_refused_at_once(make_transport):
    """A wrong proxy is a fault of the configuration, found before the first event."""
    with pytest.raises(ConfigError, match="expected an http or https URL"):
        make_transport(proxy="socks5://127.0.0.1:1080")
