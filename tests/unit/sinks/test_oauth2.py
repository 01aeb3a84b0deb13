"""OAuth 2.0 towards a sink, over real sockets."""

import pytest

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.sinks.secrets import SecretFromFile
from tests.unit.sinks.authorization import (
    endpoint,
    fault_of,
    granted,
    oauth2,
    refused,
    sent,
)
from tests.unit.sinks.receiver import Receiver, answer, close, hang
from tests.unit.sinks.samples import Clock, event


async def test_token_is_kept(make_sink, hook, tokens):
    """It is asked for once and sent with every event."""
    sink = make_sink(hook.url, auth=oauth2(tokens.url))

    for number in range(3):
        await sink.send([event(number)])

    assert sent(hook) == ["Bearer t1"] * 3
    assert len(tokens.requests) == 1


@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
async def test_token_stands_in_each_form(make_sink, hook, tokens, mode):
    """The body and the other header fields are those of any sink."""
    await make_sink(hook.url, mode=mode).send([event()])
    await make_sink(hook.url, mode=mode, auth=oauth2(tokens.url)).send([event()])

    without, with_token = hook.requests
    fields = dict(with_token.headers)
    assert fields.pop("authorization") == "Bearer t1"
    assert (fields, with_token.body) == (without.headers, without.body)


async def test_401_is_answered_with_a_new_token_once(make_sink, tokens):
    """The same event goes again within the attempt."""
    async with Receiver(answer(401), answer(200, b"ok")) as hook:
        sink = make_sink(hook.url, auth=oauth2(tokens.url), concurrency=1)
        (got,) = await sink.send([event()])

    first, second = hook.requests
    assert (got.status, sent(hook)) == (200, ["Bearer t1", "Bearer t2"])
    assert first.body == second.body == event().body


async def test_second_401_pauses(make_sink, tokens):
    """A new token that is refused too is the operator's business."""
    async with Receiver(answer(401)) as hook:
        fault = await fault_of(make_sink(hook.url, auth=oauth2(tokens.url)))

    assert (fault.reason, fault.status) == ("status", 401)
    assert isinstance(fault, SinkPausedError)
    assert (len(hook.requests), len(tokens.requests)) == (2, 2)


async def test_token_at_hand_is_replaced_once_too(make_sink, tokens):
    """However the attempt began, it ends with the second 401."""
    async with Receiver(answer(), answer(401)) as hook:
        sink = make_sink(hook.url, auth=oauth2(tokens.url))
        await sink.send([event()])
        fault = await fault_of(sink)

    assert (fault.status, len(tokens.requests)) == (401, 2)
    assert sent(hook) == ["Bearer t1", "Bearer t1", "Bearer t2"]
    assert "Authorization" not in sink._headers.current()


@pytest.mark.parametrize("script", [(hang,), (answer(401), hang)])
async def test_deadline_is_that_of_the_attempt(make_sink, tokens, script):
    """All requests of an attempt together may take as long as one."""
    async with Receiver(answer(), *script) as hook:
        auth = oauth2(tokens.url)
        sink = make_sink(hook.url, auth=auth, timeout_seconds=0.3)
        await sink.send([event()])
        fault = await fault_of(sink)

    assert (fault.reason, len(hook.requests)) == ("timeout-answer", 1 + len(script))
    assert "no complete answer within 0.3 s" in str(fault)


@pytest.mark.parametrize("behaviour", [close, answer(503), hang])
async def test_endpoint_that_is_down_is_a_temporary_fault_of_the_sink(
    make_sink, hook, behaviour
):
    """All its events wait, and nothing was sent."""
    async with Receiver(behaviour) as tokens:
        auth = oauth2(tokens.url, timeout_seconds=0.2)
        fault = await fault_of(make_sink(hook.url, auth=auth))

    assert isinstance(fault, TemporarySinkError)
    assert str(fault).startswith(f"sink hook: token endpoint {tokens.url}")
    assert (fault.reason, fault.scope) == ("token", "sink")
    assert (fault.retry_after_seconds, hook.requests) == (5.0, [])


@pytest.mark.parametrize("status", [400, 401])
async def test_endpoint_that_refuses_us_pauses_the_sink(make_sink, hook, status):
    """Somebody has to mend client or secret."""
    async with Receiver(refused(status, "invalid_client")) as tokens:
        fault = await fault_of(make_sink(hook.url, auth=oauth2(tokens.url)))

    assert isinstance(fault, SinkPausedError)
    assert str(fault).endswith(f"answered {status} invalid_client")
    assert (fault.reason, hook.requests) == ("token", [])


def test_fingerprint_changes_with_the_client_secret(make_sink, tmp_path):
    """A paused sink is tried at once when it was mended."""
    path = tmp_path / "secret"
    secret = SecretFromFile(path, now=Clock())
    sink = make_sink("https://a/", auth=oauth2("https://b/", client_secret=secret))
    found = [sink.fingerprint()]

    for text in ("one", "two"):
        path.write_text(text)
        found.append(sink.fingerprint())

    assert len(set(found)) == 3


async def test_client_secret_is_read_anew(tmp_path):
    """A rotated secret serves the next token, without a restart."""
    path = tmp_path / "secret"
    secret = SecretFromFile(path, now=Clock())
    async with Receiver(granted()) as tokens:
        one = endpoint(tokens.url, client_secret=secret, method="client_secret_post")
        for text in ("one", "two"):
            path.write_text(text)
            await one.ask()
        await one.aclose()

    bodies = [request.body.decode() for request in tokens.requests]
    assert [body.rpartition("=")[2] for body in bodies] == ["one", "two"]


async def test_token_in_an_answer_is_not_kept(make_sink, tokens):
    """Nor in a message, nor the one before it."""
    body = b"not t1 nor t2"
    async with Receiver(answer(401, body)) as hook:
        fault = await fault_of(make_sink(hook.url, auth=oauth2(tokens.url)))

    assert fault.excerpt == b"not *** nor ***"
    assert str(fault).endswith("answered 401 Unauthorized: not *** nor ***")
