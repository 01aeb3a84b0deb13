"""Signed requests over real sockets, checked with the specification's library."""

import base64
import hmac
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from bridge.errors import SinkPausedError
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.http.signing import HubSigner, StandardSigner
from bridge.sinks.secrets import SecretFromFile, SecretText
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import Clock, event

OLD, NEW = ("whsec_" + base64.b64encode(one * 32).decode() for one in (b"o", b"n"))
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


def standard(*texts, **changes):
    """Return a signer with these keys."""
    return StandardSigner([SecretText(text) for text in texts], **changes)


@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
async def test_the_library_verifies_what_was_sent(make_sink, mode):
    """In each form it is the body as it went over the wire that is signed."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode=mode, batch_size=9, sign=standard(NEW))
        await sink.send([event(1), event(2)] if mode == "batch" else [event(1)])

    request = receiver.requests[0]
    Webhook(NEW).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(request.body, request.headers)


@pytest.mark.parametrize("part", ["body", *SIGNED])
async def test_the_library_refuses_what_was_changed(make_sink, part):
    """Body, id, time and signature all hold each other."""
    async with Receiver() as receiver:
        await make_sink(receiver.url, sign=standard(NEW)).send([event()])
    request = receiver.requests[0]
    fields, body = dict(request.headers), request.body
    if part == "body":
        body += b" "
    elif part == "webhook-signature":
        fields[part] = "v1," + base64.b64encode(bytes(32)).decode()
    else:
        fields[part] = str(int(time.time()) - 9)

    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(NEW).verify(body, fields)


@pytest.mark.parametrize("known", [OLD, NEW])
async def test_either_key_verifies_while_both_are_active(make_sink, known):
    """A receiver changes to the new key whenever it likes."""
    async with Receiver() as receiver:
        await make_sink(receiver.url, sign=standard(NEW, OLD)).send([event()])

    request = receiver.requests[0]
    assert Webhook(known).verify(request.body, request.headers)["id"] == "id-1"


async def test_id_stays_and_time_goes_on(make_sink):
    """A retry is the same message, signed at another time."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, sign=standard(NEW, now=Clock()))
        for _ in range(2):
            await sink.send([event()])

    first, second = ([r.headers[name] for name in SIGNED] for r in receiver.requests)
    assert (first[0], second[0]) == ("id-1", "id-1")
    assert (first[1], second[1]) == ("60", "120")
    assert first[2] != second[2]


@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
async def test_hub_signature_covers_the_body_as_it_was_sent(make_sink, mode):
    """The digest that a receiver computes is the one in the header."""
    async with Receiver() as receiver:
        signer = HubSigner(SecretText("key"))
        await make_sink(receiver.url, mode=mode, sign=signer).send([event()])

    request = receiver.requests[0]
    digest = hmac.new(b"key", request.body, "sha256").hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={digest}"


async def test_key_that_is_no_use_pauses_and_sends_nothing(make_sink):
    """Nothing leaves unsigned where a signature was asked for."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, sign=standard("hidden"))
        with pytest.raises(SinkPausedError, match=r"hook: sign\.secrets\[0\]") as got:
            await sink.send([event()])

    assert (got.value.reason, receiver.requests) == ("secret", [])


async def test_fields_of_a_sink_are_not_signed_twice(make_sink):
    """The prepared fields stay as they are; each attempt has a copy."""
    async with Receiver() as receiver:
        auth = BearerAuth(token=SecretText("token"))
        signer = standard(NEW)
        sink = make_sink(receiver.url, auth=auth, sign=signer, headers={"X-A": "b"})
        for _ in range(2):
            await sink.send([event()])

    assert [r.headers["x-a"] for r in receiver.requests] == ["b", "b"]
    assert all(name not in sink._headers.current() for name in SIGNED)


def test_fingerprint_changes_with_a_key(make_sink, tmp_path):
    """A paused sink is tried at once when its key was mended."""
    path = tmp_path / "key"
    signer = StandardSigner([SecretFromFile(path, now=Clock())])
    sink = make_sink("https://a/", sign=signer)
    found = [sink.fingerprint()]

    for text in (OLD, NEW):
        path.write_text(text)
        found.append(sink.fingerprint())

    assert len(set(found)) == 3


async def test_key_in_an_answer_is_not_kept(make_sink):
    """Nor is one that is cut by the end of what is kept, nor its text as base64."""
    bare = NEW.removeprefix("whsec_")
    text = f"expected {bare} not {NEW} ".encode()
    body = text + b"x" * (4096 - len(text) - 20) + NEW.encode()
    async with Receiver(answer(200, body)) as receiver:
        (got,) = await make_sink(receiver.url, sign=standard(NEW)).send([event()])

    assert got.excerpt.startswith(b"expected *** not whsec_*** x")
    assert got.excerpt.endswith(b"xwhsec_***")
