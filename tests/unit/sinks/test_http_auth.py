"""HttpSink and how it makes itself known: secrets, and httpx's own parts."""

import pytest

from bridge.errors import SinkPausedError
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.secrets import SecretFromEnv, SecretFromFile
from tests.unit.sinks.receiver import Receiver, answer
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
