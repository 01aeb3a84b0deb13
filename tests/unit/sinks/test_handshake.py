"""The sender's rules of "HTTP 1.1 Web Hooks for Event Delivery" 1.0.2, by number.

docs/webhooks.md has a table of them; each is shown on real sockets by both engines.
"""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.sinks.http.auth import BearerAuth
from bridge.sinks.secrets import SecretText
from bridge.sinks.settings import TlsConfig
from tests.unit.sinks.conftest import CERTIFICATES
from tests.unit.sinks.consenting import (
    CALLBACK,
    ORIGIN,
    Time,
    all_at_once,
    allowing,
    callback_of,
    fault_of,
    fields,
    key_of,
    methods,
    rules,
)
from tests.unit.sinks.receiver import Receiver, answer, send
from tests.unit.sinks.samples import event


async def test_s1_https_is_expected_and_anything_else_is_said_once(
    make_sink, server_tls
):
    """Plain HTTP works, and is logged as not conformant when the sink is made."""
    async with Receiver(tls=server_tls()) as secure, Receiver() as plain:
        with capture_logs() as logs:
            tls = TlsConfig(ca=CERTIFICATES / "ca.pem")
            make_sink(secure.url, tls=tls, handshake=rules())
            quiet, sink = list(logs), make_sink(plain.url, handshake=rules("slow"))
            await sink.send([event()])

    assert quiet == []
    said = [one for one in logs if one["event"].endswith("does not conform.")]
    assert [(one["expected"], one["log_level"]) for one in said] == [
        ("https", "warning")
    ]


@pytest.mark.parametrize("mode", ["structured", "binary", "batch"])
async def test_s2_every_request_has_a_payload_of_a_content_type(make_sink, mode):
    """An event without data is structured, for in the header alone it had none."""
    async with Receiver() as receiver:
        await make_sink(receiver.url, mode=mode).send([event(data=None)])

    [request] = receiver.requests
    assert request.method == "POST"
    assert request.headers["content-type"].startswith("application/cloudevents")
    assert b'"id-1"' in request.body


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_s3_no_redirect_is_followed(make_sink, status):
    """Neither of an event nor of the handshake; an operator has to change the URL."""
    async with Receiver() as other:
        moved = answer(status, headers={"Location": other.url})
        async with Receiver(moved, allowing(), moved) as receiver:
            asked = await fault_of(make_sink(receiver.url, handshake=rules()))
            sent = await fault_of(make_sink(receiver.url, handshake=rules()))

    assert isinstance(asked, SinkPausedError)
    assert isinstance(sent, SinkPausedError)
    assert (methods(receiver), other.requests) == (["OPTIONS", "OPTIONS", "POST"], [])


async def test_s4_the_token_stands_in_authorization(make_sink):
    """With the scheme Bearer, also when consent is asked for."""
    auth = BearerAuth(token=SecretText("t0ken"))
    async with Receiver(allowing(), answer()) as receiver:
        await make_sink(receiver.url, auth=auth, handshake=rules()).send([event()])

    assert [one.headers["authorization"] for one in receiver.requests] == (
        ["Bearer t0ken"] * 2
    )


async def test_s5_no_token_stands_in_the_query(make_sink):
    """A URL is sent as it is configured; nothing of ours is added to it."""
    auth = BearerAuth(token=SecretText("t0ken"))
    async with Receiver(allowing(), answer()) as receiver:
        sink = make_sink(f"{receiver.url}?p=q", auth=auth, handshake=rules())
        await sink.send([event()])

    assert [one.target for one in receiver.requests] == ["/hook?p=q"] * 2


@pytest.mark.parametrize("scheme", ['Digest realm="a", nonce="b"', "NTLM", "Negotiate"])
async def test_s6_no_challenge_is_answered(make_sink, scheme):
    """A 401 pauses, whatever it proposes; nothing is sent again."""
    refused = answer(401, headers={"WWW-Authenticate": scheme})
    async with Receiver(refused) as receiver:
        fault = await fault_of(make_sink(receiver.url))

    assert isinstance(fault, SinkPausedError)
    assert methods(receiver) == ["POST"]


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("place", ["event", "handshake"])
async def test_s7_retry_after_of_429_holds_back_the_whole_sink(make_sink, form, place):
    """In both forms, and when it answers OPTIONS too."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    busy = answer(429, headers={"Retry-After": "90" if form == "seconds" else later})
    async with Receiver(*([allowing()] * (place == "event")), busy) as receiver:
        fault = await fault_of(make_sink(receiver.url, handshake=rules()))

    assert isinstance(fault, TemporarySinkError)
    assert fault.scope == "sink"
    assert 80 < fault.retry_after_seconds <= 90


@pytest.mark.parametrize("place", ["event", "handshake"])
async def test_s8_gone_stops_until_an_operator_resumes(make_sink, place):
    """Nothing is sent to see whether it is back; a 401 would be tried."""
    gone = answer(410)
    async with Receiver(*([allowing()] * (place == "event")), gone) as receiver:
        fault = await fault_of(make_sink(receiver.url, handshake=rules("slow")))
    async with Receiver(answer(401)) as shut:
        other = await fault_of(make_sink(shut.url))

    assert isinstance(fault, SinkPausedError)
    assert (fault.status, fault.until_resumed) == (410, True)
    assert methods(receiver) == ["OPTIONS", "POST"][: 1 + (place == "event")]
    assert not other.until_resumed


async def test_s9_a_format_that_is_not_understood_is_no_reason_to_go_on(make_sink):
    """It is the event's fault if others were taken so, else the sink's setting."""
    async with Receiver(answer(415), answer(), answer(415)) as receiver:
        sink = make_sink(receiver.url)
        first = await fault_of(sink)
        await sink.send([event()])
        later = await fault_of(sink)

    assert isinstance(first, SinkPausedError)
    assert isinstance(later, PermanentSinkError)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_s10_any_2xx_is_success(make_sink, status):
    """What happens behind a 202 is the receiver's affair."""
    async with Receiver(allowing(), answer(status)) as receiver:
        sink = make_sink(receiver.url, handshake=rules())
        [got] = await sink.send([event()])

    assert got.status == status


async def test_s11_every_delivery_says_who_sends(make_sink):
    """The same value as in the handshake, whatever else is configured."""
    other = {"webhook-request-origin": "other.example.com"}
    async with Receiver(allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, headers=other, handshake=rules())
        await sink.send([event(1)])
        await sink.send([event(2)])

    assert [one.headers["webhook-request-origin"] for one in receiver.requests] == (
        [ORIGIN] * 3
    )


@pytest.mark.parametrize("query", ["", "?a=b&c=%2Fd%20e", "?a=%C3%A9+f&g", "?q='x'|y"])
async def test_s12_options_goes_to_the_exact_url(make_sink, query):
    """Query included, byte for byte, and without any payload."""
    async with Receiver(allowing(), answer()) as receiver:
        await make_sink(receiver.url + query, handshake=rules()).send([event()])

    asked, sent = receiver.requests
    assert (asked.method, asked.target) == ("OPTIONS", sent.target)
    assert asked.headers["webhook-request-origin"] == ORIGIN
    assert "content-type" not in asked.headers
    assert asked.body == b""


@pytest.mark.parametrize(("rate", "said"), [(None, None), (120, "120")])
async def test_s13_a_rate_is_asked_for_if_there_is_one(make_sink, rate, said):
    """In requests per minute."""
    async with Receiver(allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(requests_per_minute=rate))
        await sink.send([event()])

    assert receiver.requests[0].headers.get("webhook-request-rate") == said
    assert "webhook-request-rate" not in receiver.requests[1].headers


async def test_s14_consent_may_come_later_by_callback(make_sink):
    """Until then nothing is sent, nor asked again; then it is tried at once."""
    async with Receiver(answer(202), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(callback=CALLBACK))
        before = [await fault_of(sink), await fault_of(sink), sink.fingerprint()]
        took = sink.call_back(key_of(receiver), fields())
        await sink.send([event()])

    assert [one.reason for one in before[:2]] == ["handshake"] * 2
    assert "waiting for its consent" in str(before[0])
    assert took
    assert sink.fingerprint() != before[2]
    assert methods(receiver) == ["OPTIONS", "POST"]


async def test_s14_the_callback_names_the_sink_and_a_key_nobody_guesses(make_sink):
    """Under the URL at which our API is reached; each process has another key."""
    async with Receiver(answer(202)) as receiver:
        for _ in range(2):
            await fault_of(make_sink(receiver.url, handshake=rules(callback=CALLBACK)))

    path, key = urlsplit(callback_of(receiver)).path.rsplit("/", 1)
    assert callback_of(receiver).startswith("https://api.example.com/")
    assert path == "/base/api/v1/handshakes/hook"
    assert len(key) >= 43
    assert callback_of(receiver) != callback_of(receiver, 1)


@pytest.mark.parametrize(
    ("given", "rate"),
    [
        ({}, 120),
        ({"WebHook_Allowed_Rate": "7"}, 7),
        ({"WebHook_Allowed_Rate": "*"}, None),
        ({"WebHook_Allowed_Origin": "*", "WebHook_Allowed_Rate": "7"}, 7),
        ({"WebHook_Allowed_Origin": ORIGIN}, 120),
    ],
)
async def test_s14_a_callback_may_name_a_rate(make_sink, given, rate):
    """Else the rate that was asked for is the one that is allowed."""
    asked = rules(callback=CALLBACK, requests_per_minute=120)
    async with Receiver(answer(200)) as receiver:
        sink = make_sink(receiver.url, handshake=asked)
        await fault_of(sink)

    assert sink.call_back(key_of(receiver), fields(**given))
    assert sink.requests_per_minute == rate


@pytest.mark.parametrize(
    "given", [{"WebHook_Allowed_Origin": "other"}, {"WebHook_Allowed_Rate": "0"}]
)
async def test_s14_a_callback_in_other_words_is_none(make_sink, given):
    """Nor is one with another key, or to a sink that offered none."""
    async with Receiver(answer(200)) as receiver:
        sink = make_sink(receiver.url, handshake=rules(callback=CALLBACK))
        await fault_of(sink)
        mute = make_sink(receiver.url, handshake=rules())

    assert not sink.call_back(key_of(receiver), fields(**given))
    assert not sink.call_back(key_of(receiver)[:-1], fields())
    assert not mute.call_back(mute._handshake.key, fields())
    assert not make_sink(receiver.url).call_back("", fields())


@pytest.mark.parametrize("allowed", [ORIGIN, "*", f" {ORIGIN.upper()} "])
async def test_s15_consent_is_our_origin_or_an_asterisk(make_sink, allowed):
    """Whatever the status, which says nothing here."""
    async with Receiver(allowing(allowed, status=405), answer()) as receiver:
        await make_sink(receiver.url, handshake=rules()).send([event()])

    assert methods(receiver) == ["OPTIONS", "POST"]


@pytest.mark.parametrize("status", [200, 204, 400, 403, 405])
@pytest.mark.parametrize(
    ("allowed", "got"),
    [
        (None, "got none"),
        ("", "got ''"),
        ("bridge.", "got 'bridge.': it names a prefix of the origin, not the origin"),
        ("example.com", "got 'example.com'"),
        (f"{ORIGIN}, *", f"got '{ORIGIN}, *'"),
    ],
)
async def test_s15_nothing_else_is_consent(make_sink, status, allowed, got):
    """The message says what was expected and what came."""
    async with Receiver(allowing(allowed, status=status)) as receiver:
        fault = await fault_of(make_sink(receiver.url, handshake=rules()))

    assert isinstance(fault, SinkPausedError)
    assert (fault.reason, fault.status, methods(receiver)) == (
        *("handshake", status),
        ["OPTIONS"],
    )
    assert str(fault) == (
        f"sink hook: no consent: expected WebHook-Allowed-Origin '{ORIGIN}' or '*', "
        f"{got}, in an answer {status} to OPTIONS"
    )


@pytest.mark.parametrize(
    ("asked", "rate", "found"),
    [(120, "60", 60), (None, "60", 60), (120, "*", None), (120, None, 120)],
)
async def test_s16_the_allowed_rate_is_the_sinks(make_sink, asked, rate, found):
    """A receiver that names none allows what was asked for."""
    async with Receiver(allowing(rate=rate), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(requests_per_minute=asked))
        before = sink.requests_per_minute
        await sink.send([event()])

    assert (before, sink.requests_per_minute) == (None, found)


@pytest.mark.parametrize("rate", ["0", "-1", "1.5", "", "many", "60, 120", "+5", "1e3"])
async def test_s16_a_rate_that_is_none_is_no_consent(make_sink, rate):
    """Nothing is guessed."""
    async with Receiver(allowing(rate=rate)) as receiver:
        fault = await fault_of(make_sink(receiver.url, handshake=rules()))

    assert fault.reason == "handshake"
    assert f"WebHook-Allowed-Rate '*' or 1 and more, got '{rate}'" in str(fault)


async def test_s16_those_that_waited_for_consent_do_not_go_all_at_once(make_sink):
    """As many as may in a minute; the rest makes the sink rest for that long."""
    async with Receiver(allowing(rate="2"), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(), concurrency=8)
        found = await all_at_once(sink, 6)

    held = [one for one in found if isinstance(one, TemporarySinkError)]
    assert methods(receiver) == ["OPTIONS", "POST", "POST"]
    assert [(one.scope, one.retry_after_seconds) for one in held] == [("sink", 60)] * 4


async def test_s17_without_consent_nothing_is_sent(make_sink):
    """Mode require; the sink pauses and is asked again at each try."""
    async with Receiver(answer(405), allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules("require"))
        fault = await fault_of(sink)
        await sink.send([event()])

    assert isinstance(fault, SinkPausedError)
    assert not fault.until_resumed
    assert methods(receiver) == ["OPTIONS", "OPTIONS", "POST"]


@pytest.mark.parametrize("callback", [None, CALLBACK])
async def test_s17_without_consent_little_is_sent(make_sink, callback):
    """Mode slow: one request a minute, and the receiver is asked again later."""
    time = Time()
    script = [answer(200), answer(), answer(), allowing(), answer()]
    async with Receiver(*script) as receiver:
        sink = make_sink(
            receiver.url, handshake=rules("slow", callback=callback), now=time
        )
        await sink.send([event()])
        slow = sink.requests_per_minute
        await sink.send([event()])
        time.seconds += 3600
        await sink.send([event()])

    assert (slow, sink.requests_per_minute) == (1, None)
    assert methods(receiver) == ["OPTIONS", "POST", "POST", "OPTIONS", "POST"]


async def test_s17_a_sink_that_is_off_is_not_asked(make_sink):
    """Which is how it is unless configured otherwise."""
    async with Receiver() as receiver:
        sink = make_sink(receiver.url)
        await sink.send([event()])

    assert methods(receiver) == ["POST"]
    assert "webhook-request-origin" not in receiver.requests[0].headers
    assert sink.requests_per_minute is None


async def test_s18_consent_is_asked_for_once_however_many_wait(make_sink):
    """At the first delivery; all share the answer."""
    async with Receiver(allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(), concurrency=8)
        await all_at_once(sink, 8)

    assert methods(receiver) == ["OPTIONS", *["POST"] * 8]


async def test_s18_a_refusal_is_shared_too(make_sink):
    """Eight that wait make one request."""
    async with Receiver(answer(405)) as receiver:
        sink = make_sink(receiver.url, handshake=rules(), concurrency=8)
        found = await all_at_once(sink, 8)

    assert {type(one) for one in found} == {SinkPausedError}
    assert methods(receiver) == ["OPTIONS"]


async def test_s18_consent_counts_for_its_time(make_sink):
    """Then it is asked for again."""
    time = Time()
    async with Receiver(allowing(), answer(), answer(), allowing()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(ttl_seconds=60.0), now=time)
        await sink.send([event()])
        time.seconds += 59
        await sink.send([event()])
        time.seconds += 1
        await sink.send([event()])

    assert methods(receiver) == ["OPTIONS", "POST", "POST", "OPTIONS", "POST"]


@pytest.mark.parametrize("status", [401, 403, 405, 410])
async def test_s18_some_answers_end_consent(make_sink, status):
    """Whoever takes no more of us may have changed its mind; a 503 has not."""
    script = [allowing(), answer(503), answer(status), allowing(), answer()]
    async with Receiver(*script) as receiver:
        sink = make_sink(receiver.url, handshake=rules())
        for _ in range(2):
            await fault_of(sink)
        await sink.send([event()])

    assert methods(receiver) == ["OPTIONS", "POST", "POST", "OPTIONS", "POST"]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (send(b"no\r\n\r\n", then="close"), "bad-answer"),
        (answer(500), "status"),
        (answer(409), "status"),
    ],
    ids=["no HTTP", "500", "409"],
)
async def test_s18_no_answer_is_no_refusal(make_sink, behaviour, reason):
    """It is temporary, gives no event up, and is tried again."""
    async with Receiver(behaviour, allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules())
        fault = await fault_of(sink)
        await sink.send([event()])

    assert isinstance(fault, TemporarySinkError)
    assert (fault.reason, fault.max_attempts) == (reason, None)
    assert methods(receiver) == ["OPTIONS", "OPTIONS", "POST"]


async def test_what_the_receiver_echoes_is_hidden(make_sink):
    """The token and the callback's key, in the message and in what is kept."""
    auth = BearerAuth(token=SecretText("t0ken"))

    async def echo(connection, request):
        key = request.headers["webhook-request-callback"].rpartition("/")[2]
        said = json.dumps([request.headers["authorization"], key]).encode()
        fields = {"WebHook-Allowed-Origin": f"t0ken {key}"}
        await answer(400, said, fields)(connection, request)

    async with Receiver(echo) as receiver:
        asked = rules(callback=CALLBACK)
        fault = await fault_of(make_sink(receiver.url, auth=auth, handshake=asked))

    assert "got '*** ***'" in str(fault)
    assert fault.excerpt == b'["Bearer ***", "***"]'


async def test_no_part_of_a_secret_is_left_where_a_field_is_cut(make_sink):
    """What is hidden is hidden before a long field is cut for people."""
    auth, padding = BearerAuth(token=SecretText("a-long-t0ken")), "x" * 250
    async with Receiver(allowing(f"{padding}a-long-t0ken")) as receiver:
        fault = await fault_of(make_sink(receiver.url, auth=auth, handshake=rules()))

    assert f"got '{padding}***'" in str(fault)
