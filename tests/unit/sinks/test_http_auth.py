"""HttpSink and how it makes itself known: secrets, and httpx's own parts."""

import asyncio

import httpx
import pytest

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.sinks.http.auth import (
    BasicAuth,
    BearerAuth,
    SecretFromEnv,
    SecretFromFile,
    SecretText,
)
from tests.unit.sinks.receiver import Receiver, answer, drip, hang
from tests.unit.sinks.samples import Clock, event


async def test_secret_that_is_not_there_pauses(make_sink):
    """The operator's fault; nothing is sent without it."""
    token = SecretFromEnv("TOKEN", environ={})
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, auth=BearerAuth(token=token))
        with pytest.raises(SinkPausedError, match="variable TOKEN") as caught:
            await sink.send([event()])

    assert (caught.value.reason, receiver.requests) == ("secret", [])


async def test_secrets_are_sent_anew_when_their_files_change(make_sink, tmp_path):
    """Token and header field alike, without a restart."""
    paths = (tmp_path / "token", tmp_path / "key")
    token, key = (SecretFromFile(path, now=Clock()) for path in paths)
    async with Receiver() as receiver:
        sink = make_sink(
            receiver.url, auth=BearerAuth(token=token), headers={"X-Key": key}
        )
        for value in ("one", "two"):
            for path in paths:
                path.write_text(value)
            await sink.send([event()])

    sent = [(r.headers["authorization"], r.headers["x-key"]) for r in receiver.requests]
    assert sent == [("Bearer one", "one"), ("Bearer two", "two")]


async def test_secret_in_an_answer_is_not_kept(make_sink):
    """A receiver that answers with what it got does not publish our token."""
    token = SecretFromEnv("TOKEN", environ={"TOKEN": "hidden"})
    async with Receiver(answer(200, b"you sent: Bearer hidden")) as receiver:
        sink = make_sink(receiver.url, auth=BearerAuth(token=token))
        (got,) = await sink.send([event()])

    assert got.excerpt == b"you sent: Bearer ***"


async def test_user_and_password_of_the_url_become_a_header(make_sink):
    """They are sent as RFC 7617 says, and do not stand in the request line."""
    async with Receiver() as receiver:
        url = receiver.url.replace("//", "//Aladdin:open%20sesame@")
        await make_sink(url).send([event()])

    request = receiver.requests[0]
    assert request.headers["authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"


class Challenged(httpx.Auth):
    """Answers a 401 with a second request, as Digest would."""

    def __init__(self, *, reads_body=False):
        self.requires_response_body = reads_body

    def auth_flow(self, request):
        """See `httpx.Auth`."""
        response = yield request
        if response.status_code == 401:
            request.headers["Authorization"] = response.headers["X-Challenge"]
            yield request


@pytest.mark.parametrize("reads_body", [False, True])
async def test_any_httpx_auth_works(make_sink, reads_body):
    """One that needs the answer gets it, and one connection is enough for that."""
    challenge = answer(401, b"prove it", {"X-Challenge": "42"})
    async with Receiver(challenge, answer(200, b"ok")) as receiver:
        auth = Challenged(reads_body=reads_body)
        sink = make_sink(receiver.url, auth=auth, concurrency=1)
        (got,) = await sink.send([event()])

    first, second = receiver.requests
    assert (got.status, got.excerpt) == (200, b"ok")
    assert (first.body, second.body) == (event().body, event().body)
    assert second.headers["authorization"] == "42"


async def test_challenge_that_does_not_end_is_not_waited_for(make_sink):
    """Its connection is given up, so that the second request can have one."""
    challenge = b"HTTP/1.1 401 No\r\nX-Challenge: 42\r\nContent-Length: 9999\r\n\r\n"
    async with Receiver(drip(challenge, b"x"), answer(200)) as receiver:
        sink = make_sink(receiver.url, auth=Challenged(), concurrency=1)
        (got,) = await sink.send([event()])

    assert (got.status, receiver.connections) == (200, 2)


async def test_any_httpx_auth_keeps_to_the_deadline(make_sink):
    """All requests of an attempt together may take as long as one."""
    challenge = answer(401, b"", {"X-Challenge": "42"})
    async with Receiver(challenge, hang) as receiver:
        sink = make_sink(receiver.url, auth=Challenged(), timeout_seconds=0.5)
        with pytest.raises(TemporarySinkError, match=r"within 0\.5 s"):
            await sink.send([event()])

    assert len(receiver.requests) == 2


async def test_any_httpx_auth_reads_a_bounded_part_of_an_answer(make_sink):
    """The first 4 kB are kept; an endless answer is cut."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 300000000\r\n\r\n"
    async with Receiver(drip(start, b"x" * 50_000, seconds=0)) as receiver:
        (got,) = await make_sink(receiver.url, auth=Challenged()).send([event()])

    assert got.excerpt == b"x" * 4096


@pytest.mark.parametrize(
    "auth", [None, BasicAuth(username="u", password=SecretText("p"))]
)
async def test_mock_transport_works(make_sink, auth):
    """Whoever embeds the sink can test with httpx's own means."""
    seen = []

    def handle(request):
        seen.append(request)
        return httpx.Response(200, content=b"x" * 100_000)

    transport = httpx.MockTransport(handle)
    sink = make_sink("http://hook.invalid/a?b", transport=transport, auth=auth)
    (got,) = await sink.send([event()])

    assert got.excerpt == b"x" * 4096
    assert (str(seen[0].url), seen[0].content) == (
        "http://hook.invalid/a?b",
        event().body,
    )
    assert ("authorization" in seen[0].headers) == (auth is not None)


async def test_error_of_a_mock_transport_is_judged(make_sink):
    """Errors of httpx mean the same, whoever raises them."""

    def handle(request):
        raise httpx.ConnectError("boom")

    sink = make_sink("http://hook.invalid/", transport=httpx.MockTransport(handle))

    with pytest.raises(TemporarySinkError, match="sink hook: boom"):
        await sink.send([event()])


async def test_transport_of_others_is_cut_off(make_sink):
    """The deadline holds whatever the transport thinks of deadlines."""

    async def handle(request):
        await asyncio.Event().wait()

    transport = httpx.MockTransport(handle)
    sink = make_sink("http://a/", transport=transport, timeout_seconds=0.05)

    with pytest.raises(TemporarySinkError, match=r"within 0\.05 s"):
        await sink.send([event()])
