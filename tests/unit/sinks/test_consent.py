"""What header fields allow, and the turns of a handshake in time."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import SinkPausedError, TemporarySinkError
from bridge.sinks.http.consent import ConsentGranted, ConsentRefused, read_consent
from bridge.sinks.reloaded import SecretError
from tests.unit.sinks.authorization import oauth2, sent
from tests.unit.sinks.consenting import (
    CALLBACK,
    ORIGIN,
    Time,
    all_at_once,
    allowing,
    fault_of,
    fields,
    key_of,
    methods,
    rules,
)
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event

TEXT = st.text(max_size=30)


def read(origin=None, rate=None, requested=None):
    """Read consent out of two fields; None: not there."""
    given = {"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": rate}
    headers = {name: value for name, value in given.items() if value is not None}
    return read_consent(headers, origin=ORIGIN, requested_rate=requested)


@given(TEXT, st.none() | TEXT)
def test_only_our_origin_and_the_asterisk_are_consent(origin, rate):
    """Whatever else stands there is refused, and said on one line."""
    found = read(origin, rate)

    is_ours = origin.strip().lower() in (ORIGIN, "*")
    assert is_ours or isinstance(found, ConsentRefused)
    assert isinstance(found, ConsentGranted) or found.why.isprintable()


@given(TEXT)
def test_only_positive_numbers_and_the_asterisk_are_rates(rate):
    """A rate that is allowed is at least 1, or there is no limit."""
    found = read("*", rate)

    if isinstance(found, ConsentGranted):
        assert found.requests_per_minute is None or found.requests_per_minute >= 1
        assert rate.strip() == "*" or int(rate) == found.requests_per_minute


@pytest.mark.parametrize("rate", ["9" * 18, "0" * 40 + "7", " 7 "])
def test_odd_numbers_are_numbers(rate):
    """As long as they can be meant."""
    assert read("*", rate) == ConsentGranted(int(rate))


@pytest.mark.parametrize("rate", ["9" * 19, "\u0667", "1_0", "0" * 9])
def test_what_is_no_number_is_no_rate(rate):
    """Python would take some of them for one."""
    assert isinstance(read("*", rate), ConsentRefused)


async def test_consent_by_callback_outlives_silence(make_sink):
    """A person who agreed once is not asked for it again each day."""
    time = Time()
    asked = rules(callback=CALLBACK, ttl_seconds=60.0)
    async with Receiver(answer(405), answer(), answer(405), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=asked, now=time)
        fault = await fault_of(sink)
        sink.call_back(key_of(receiver), fields(WebHook_Allowed_Rate="5"))
        await sink.send([event()])
        time.seconds += 61
        await sink.send([event()])

    assert str(fault).endswith("; it may still call back")
    assert sink.requests_per_minute == 5
    assert methods(receiver) == ["OPTIONS", "POST"] * 2


async def test_consent_by_callback_ends_with_a_word(make_sink):
    """Another origin is a no; so is a 401 to an event."""
    time = Time()
    asked = rules(callback=CALLBACK, ttl_seconds=60.0)
    script = [answer(202), allowing("other"), answer(401), answer(202)]
    async with Receiver(*script) as receiver:
        sink = make_sink(receiver.url, handshake=asked, now=time)
        await fault_of(sink)
        sink.call_back(key_of(receiver), fields())
        time.seconds += 61
        refused = await fault_of(sink)
        sink.call_back(key_of(receiver), fields())
        faults = [await fault_of(sink), await fault_of(sink)]

    assert "got 'other'" in str(refused)
    assert [fault.reason for fault in faults] == ["status", "handshake"]
    assert methods(receiver) == ["OPTIONS", "OPTIONS", "POST", "OPTIONS"]


async def test_silence_after_a_no_is_not_the_old_yes(make_sink):
    """Consent that was taken back has to be given anew."""
    time = Time()
    asked = rules(callback=CALLBACK, ttl_seconds=60.0)
    async with Receiver(answer(202), allowing("other"), answer(202)) as receiver:
        sink = make_sink(receiver.url, handshake=asked, now=time)
        await fault_of(sink)
        sink.call_back(key_of(receiver), fields())
        time.seconds += 61
        faults = [await fault_of(sink), await fault_of(sink)]

    assert "got 'other'" in str(faults[0])
    assert "waiting for its consent" in str(faults[1])


async def test_consent_that_comes_between_wins_over_an_old_refusal(make_sink):
    """Whoever waits for a turn to ask goes on with what was said meanwhile."""
    async with Receiver(answer(405), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(callback=CALLBACK))
        await fault_of(sink)
        async with asyncio.TaskGroup() as sending, sink._handshake._lock:
            sending.create_task(sink.send([event()]))
            await asyncio.sleep(0)
            sink.call_back(key_of(receiver), fields())

    assert methods(receiver) == ["OPTIONS", "POST"]


@pytest.mark.parametrize("status", [202, 500])
async def test_a_program_may_call_back_before_it_answers(make_sink, status):
    """As the Go SDK does; what it answers then is old news, even an error."""

    async def grant(connection, request):
        assert sink.call_back(key_of(receiver), fields(WebHook_Allowed_Origin=ORIGIN))
        await answer(status)(connection, request)

    async with Receiver(grant, answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(callback=CALLBACK))
        await all_at_once(sink, 3)

    assert methods(receiver) == ["OPTIONS", "POST", "POST", "POST"]


async def test_a_receiver_is_asked_again_after_an_hour_of_silence(make_sink):
    """Its first message may have been lost."""
    time = Time()
    async with Receiver(answer(202), allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules(callback=CALLBACK), now=time)
        await fault_of(sink)
        time.seconds += 3599
        await fault_of(sink)
        time.seconds += 1
        await sink.send([event()])

    assert methods(receiver) == ["OPTIONS", "OPTIONS", "POST"]


async def test_a_flight_that_is_cancelled_leaves_the_next_to_ask(make_sink):
    """Nobody waits for ever for one that is gone."""
    arrived = asyncio.Event()

    async def hang(connection, request):
        arrived.set()
        await asyncio.Event().wait()

    async with Receiver(hang, allowing(), answer()) as receiver:
        sink = make_sink(receiver.url, handshake=rules())
        async with asyncio.TaskGroup() as sending:
            first = sending.create_task(sink.send([event(1)]))
            await arrived.wait()
            second = sending.create_task(sink.send([event(2)]))
            first.cancel()

    assert second.result()[0].status == 204
    assert methods(receiver) == ["OPTIONS", "OPTIONS", "POST"]


async def test_a_404_is_a_pod_that_starts_then_a_refusal(make_sink):
    """The same ten minutes as for an event."""
    time = Time()
    async with Receiver(answer(404)) as receiver:
        sink = make_sink(receiver.url, handshake=rules(), now=time)
        first = await fault_of(sink)
        time.seconds += 601
        second = await fault_of(sink)

    assert isinstance(first, TemporarySinkError)
    assert isinstance(second, SinkPausedError)
    assert second.reason == "handshake"


class Secret:
    """One that cannot be read."""

    def read(self):
        """See `bridge.sinks.secrets.Secret`."""
        raise SecretError("secret file x: expected a value", reason="secret")


async def test_a_secret_that_cannot_be_read_pauses_before_anything_is_sent(make_sink):
    """With its own reason, which is not the handshake's."""
    sink = make_sink(
        "http://127.0.0.1:1/", headers={"X-Key": Secret()}, handshake=rules()
    )

    fault = await fault_of(sink)

    assert isinstance(fault, SinkPausedError)
    assert (fault.reason, str(fault)) == (
        "secret",
        "sink hook: secret file x: expected a value",
    )


async def test_options_is_authenticated_as_events_are(make_sink, tokens):
    """By a token that is fetched for it."""
    async with Receiver(allowing(), answer()) as receiver:
        auth = oauth2(tokens.url)
        await make_sink(receiver.url, auth=auth, handshake=rules()).send([event()])

    assert sent(receiver) == ["Bearer t1"] * 2
