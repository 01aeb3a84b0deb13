"""HttpSink over real sockets: forms, outcomes, secrets, and httpx's own parts."""

import json

import pytest

import bridge
from bridge.errors import (
    ConfigError,
    PermanentSinkError,
    SinkPausedError,
    TemporarySinkError,
)
from bridge.sinks.http import sink as module
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.secrets import SecretFromEnv, SecretFromFile
from bridge.sinks.settings import TlsConfig
from tests.unit.sinks.receiver import Receiver, answer, close, hang
from tests.unit.sinks.samples import Clock, event

TEMPORARY, PERMANENT, PAUSED = TemporarySinkError, PermanentSinkError, SinkPausedError

OUTCOMES = {
    301: PAUSED,
    400: PERMANENT,
    401: PAUSED,
    403: PAUSED,
    404: TEMPORARY,
    405: PAUSED,
    407: PAUSED,
    408: TEMPORARY,
    409: TEMPORARY,
    410: PAUSED,
    413: PERMANENT,
    415: PAUSED,
    422: PERMANENT,
    425: TEMPORARY,
    429: TEMPORARY,
    500: TEMPORARY,
    501: PAUSED,
    502: TEMPORARY,
    503: TEMPORARY,
    504: TEMPORARY,
    505: PAUSED,
}


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_2xx_is_an_answer(make_sink, status):
    """The status, the time and the first of the body come back."""
    async with Receiver(answer(status, b"ok" if status != 204 else b"")) as receiver:
        (got,) = await make_sink(receiver.url).send([event()])

    assert got.status == status
    assert got.excerpt == (b"" if status == 204 else b"ok")
    assert got.duration_seconds > 0


@pytest.mark.parametrize(("status", "expected"), OUTCOMES.items())
async def test_status_decides_who_is_at_fault(make_sink, status, expected):
    """The event's fault, the sink's or the operator's."""
    async with Receiver(answer(status, b"why")) as receiver:
        with pytest.raises(expected, match=f"^sink hook answered {status} ") as caught:
            await make_sink(receiver.url).send([event()])

    assert (caught.value.status, caught.value.excerpt) == (status, b"why")
    assert str(caught.value).endswith(": why")


async def test_structured_event_is_sent_as_it_is_stored(make_sink):
    """The body is not touched, and the header fields are few."""
    async with Receiver() as receiver:
        await make_sink(f"{receiver.url}?a=b").send([event()])

    request = receiver.requests[0]
    assert (request.target, request.body) == ("/hook?a=b", event().body)
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "user-agent": f"kubebridge/{bridge.__version__}",
        "content-type": "application/cloudevents+json",
        "content-length": str(len(event().body)),
    }


async def test_a_composed_request_is_the_one_that_is_sent(make_sink):
    """But for what the connection adds."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode="binary", headers={"X-A": "b"})
        request, fields = sink.compose([event()])
        await sink.send([event()])

    sent = receiver.requests[0]
    assert request.body == sent.body
    added = {name: sent.headers[name] for name in ("host", "content-length")}
    assert {k.lower(): v for k, v in fields.items()} | added == sent.headers


async def test_a_request_without_its_secret_is_not_composed(make_sink):
    """The operator has to mend that."""
    headers = {"X-A": SecretFromEnv("NOPE", environ={})}

    with pytest.raises(PAUSED, match="environment variable NOPE"):
        make_sink("https://h/x", headers=headers).compose([event()])


async def test_binary_event_has_its_attributes_in_the_header(make_sink):
    """The body is the data alone (HTTP binding 3.1), sent event by event."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode="binary")
        await sink.send([event(1)])
        await sink.send([event(2, data=None)])

    first, second = receiver.requests
    assert (first.headers["content-type"], first.body) == (
        "application/json",
        b'{"a":1}',
    )
    assert (first.headers["ce-id"], first.headers["ce-count"]) == ("id-1", "3")
    assert first.headers["ce-subject"] == "shop/Pod/w%C3%A9b"
    assert second.headers["content-type"] == "application/cloudevents+json"
    assert "ce-id" not in second.headers


async def test_batch_carries_all_events_and_has_one_answer_each(make_sink):
    """One POST, an array, and as many answers as events."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode="batch", batch_size=50)
        answers = await sink.send([event(1), event(2)])

    request = receiver.requests[0]
    assert request.headers["content-type"] == "application/cloudevents-batch+json"
    assert [one["id"] for one in json.loads(request.body)] == ["id-1", "id-2"]
    assert [one.status for one in answers] == [204, 204]
    assert sink.max_batch == 50


async def test_batch_that_is_too_large_is_refused_unsent(make_sink):
    """Halving it is the caller's work; one event alone is sent, however large."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, mode="batch", batch_size=9, batch_bytes=300)
        with pytest.raises(PermanentSinkError, match="at most 300 bytes, got") as got:
            await sink.send([event(1), event(2)])

        await sink.send([event(1, data=b'"%b"' % (b"x" * 1000))])

    assert got.value.reason == "batch-size"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("mode", ["structured", "binary"])
async def test_only_batches_carry_more_than_one_event(make_sink, mode):
    """Nothing is dropped silently when a caller hands over too many."""
    sink = make_sink("http://127.0.0.1:1/", mode=mode, batch_size=50)

    with pytest.raises(ValueError, match="too many values"):
        await sink.send([event(1), event(2)])

    assert sink.max_batch == 1


@pytest.mark.parametrize(
    ("behaviour", "reason", "text"),
    [
        (hang, "timeout-answer", "no complete answer within 0.5 s"),
        (close, "reset", "connection lost before the answer; the event may have"),
    ],
)
async def test_no_answer_is_temporary(make_sink, behaviour, reason, text):
    """The message begins with the sink's name and says how far it came."""
    async with Receiver(behaviour) as receiver:
        sink = make_sink(receiver.url, timeout_seconds=0.5)
        with pytest.raises(TemporarySinkError, match=f"sink hook: {text}") as caught:
            await sink.send([event()])

    assert caught.value.reason == reason
    assert caught.value.duration_seconds > 0


async def test_tls_files_that_are_no_use_pause(make_sink, tmp_path):
    """The operator's fault, with the name of the file."""
    sink = make_sink("https://127.0.0.1:1/", tls=TlsConfig(ca=tmp_path / "absent"))

    with pytest.raises(SinkPausedError, match=r"sink hook: tls\.ca .*absent") as got:
        await sink.send([event()])

    assert got.value.reason == "tls"


def test_fingerprint_changes_with_a_secret_a_file_and_a_setting(make_sink, tmp_path):
    """A paused sink is tried at once when somebody mended something."""
    token, ca = tmp_path / "token", tmp_path / "ca"

    def fingerprint(**changes):
        secret = SecretFromFile(token, now=Clock())
        settings = {"auth": BearerAuth(token=secret), "tls": TlsConfig(ca=ca)}
        return make_sink("https://a/", **settings | changes).fingerprint()

    found = [fingerprint(), fingerprint(timeout_seconds=6.0)]
    token.write_text("one")
    found.append(fingerprint())
    token.write_text("other")
    found.append(fingerprint())
    ca.touch()
    found.append(fingerprint())

    assert len(set(found)) == 5
    assert fingerprint() == fingerprint()


def test_fingerprint_shows_nothing(make_sink, monkeypatch):
    """It is a digest with a salt that nobody knows."""
    token = SecretFromEnv("TOKEN", environ={"TOKEN": "hidden"})
    sink = make_sink("https://a/", auth=BearerAuth(token=token))
    salted = sink.fingerprint()

    monkeypatch.setattr(module, "_SALT", b"")

    assert len(salted) == 64
    assert salted != sink.fingerprint()


def test_sink_has_the_name_of_its_configuration(make_sink):
    """Routes, metrics and the queue know it by that."""
    assert make_sink("https://a/").name == "hook"


def test_proxy_of_another_kind_is_refused_before_the_first_event(make_sink):
    """A fault of the configuration is found when the sink is made."""
    with pytest.raises(ConfigError, match="proxy: expected an http or https URL"):
        make_sink("https://a/", environ={"https_proxy": "socks5://b"})


async def test_host_can_be_set(make_sink):
    """For receivers behind a name that DNS does not know (issue 10, item 7)."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url, headers={"Host": "hooks.example.com"})
        await sink.send([event()])

    assert receiver.requests[0].headers["host"] == "hooks.example.com"
