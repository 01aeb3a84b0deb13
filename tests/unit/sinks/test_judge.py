"""What an answer, or none, means."""

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.sinks.http.classify import ResponseClassifier, retry_after
from bridge.sinks.http.statuses import Verdict, verdict
from bridge.sinks.transports import Response
from bridge.sinks.transports.errors import (
    CutAnswerError,
    DnsError,
    ProxyStatusError,
    TlsError,
)

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        """Return the seconds it shows."""
        return self.seconds


@pytest.fixture
def clock():
    """Return a clock to move."""
    return Clock()


@pytest.fixture
def judge(clock):
    """Return a judge of the sink "hook"."""
    return ResponseClassifier("hook", now=clock, utc_now=lambda: NOON)


def reply(status, excerpt=b"", **headers):
    """Return an answer; underscores in header names stand for dashes."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, httpx.Headers(fields), excerpt, 0.5)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_a_delivery(judge, status):
    """202 included: what happens behind the sink is its own affair."""
    assert judge.fault(reply(status), events=1) is None


def test_fault_holds_the_evidence(judge):
    """Status, time and the body's beginning go with the error."""
    fault = judge.fault(reply(500, b"oh dear"), events=1)

    assert (fault.reason, fault.status) == ("status", 500)
    assert (fault.duration_seconds, fault.excerpt) == (0.5, b"oh dear")


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (reply(503), "sink hook answered 503 Service Unavailable"),
        (
            reply(500, b"a\r\nb\x00c"),
            "sink hook answered 500 Internal Server Error: a b c",
        ),
        (reply(500, b"\xff"), "sink hook answered 500 Internal Server Error: �"),
        (reply(599, b"x" * 300), "sink hook answered 599: " + "x" * 256),
        (reply(404), "sink hook answered 404 Not Found"),
    ],
)
def test_message_names_sink_status_and_what_was_said(judge, answer, text):
    """One printable line, however long and strange the answer is."""
    assert str(judge.fault(answer, events=1)) == text


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (
            "https://u:p@new.example.com/a?token=x#y",
            " (redirect to https://***@new.example.com/a?***, not followed)",
        ),
        ("/other?token=x", " (redirect to /other?***, not followed)"),
        ("http://[::1]@", " (redirect to http://***@, not followed)"),
        ("http://[", " (redirect to something that is not a URL)"),
        (None, ""),
    ],
)
def test_redirect_pauses_and_says_where_to(judge, location, text):
    """The new URL is shown, so that it can be configured; its secrets are not."""
    headers = {} if location is None else {"Location": location}

    fault = judge.fault(reply(308, **headers), events=1)

    assert isinstance(fault, SinkPausedError)
    assert str(fault) == f"sink hook answered 308 Permanent Redirect{text}"


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307])
def test_any_3xx_pauses(judge, status):
    """None of them is followed (HTTP 1.1 Web Hooks for Event Delivery, 2.1)."""
    assert isinstance(judge.fault(reply(status), events=1), SinkPausedError)


@pytest.mark.parametrize("status", [101, 199, 600, 999])
def test_status_that_http_does_not_know_is_a_bad_answer(judge, status):
    """It says nothing about the event."""
    fault = judge.fault(reply(status), events=1)

    assert isinstance(fault, TemporarySinkError)
    assert fault.reason == "bad-answer"


def test_404_is_tried_again_for_ten_minutes(judge, clock):
    """A pod that starts answers 404 for a while, a wrong URL does so for ever."""
    first = judge.fault(reply(404), events=1)
    clock.seconds += 599
    last = judge.fault(reply(404), events=1)
    clock.seconds += 1
    paused = judge.fault(reply(404), events=1)

    assert isinstance(first, TemporarySinkError)
    assert isinstance(last, TemporarySinkError)
    assert isinstance(paused, SinkPausedError)
    assert str(paused) == "sink hook answered 404 Not Found for 10 minutes"


@pytest.mark.parametrize("status", [204, 503, 400])
def test_another_answer_ends_the_ten_minutes(judge, clock, status):
    """They count from the first 404 that no other answer followed."""
    judge.fault(reply(404), events=1)
    clock.seconds += 400
    judge.fault(reply(status), events=1)
    clock.seconds += 400

    assert isinstance(judge.fault(reply(404), events=1), TemporarySinkError)


def test_415_pauses_a_sink_that_never_took_this_form(judge):
    """The content mode is wrong, whatever the event."""
    assert isinstance(judge.fault(reply(415), events=1), SinkPausedError)


def test_415_refuses_the_event_when_another_was_taken_in_this_form(judge):
    """The content mode is right, so it is this event that is wrong."""
    judge.fault(reply(204), events=1)

    assert isinstance(judge.fault(reply(415), events=1), PermanentSinkError)


@pytest.mark.parametrize("status", [400, 422, 402, 406, 431])
def test_twenty_refusals_running_pause_the_sink(judge, status):
    """A sink that refuses everything is not to be drained into dead letters."""
    faults = [judge.fault(reply(status), events=1) for _ in range(21)]

    assert [type(fault) for fault in faults] == (
        [PermanentSinkError] * 19 + [SinkPausedError] * 2
    )
    assert " to 20 events running" in str(faults[19])


def test_success_ends_the_count_of_refusals(judge):
    """A sink that takes others is right about this one."""
    for _ in range(19):
        judge.fault(reply(400), events=1)
    judge.fault(reply(204), events=1)

    assert isinstance(judge.fault(reply(400), events=1), PermanentSinkError)


def test_refused_batches_do_not_count(judge):
    """They are halved until each event stands alone, and then they count."""
    faults = [judge.fault(reply(400), events=50) for _ in range(30)]

    assert all(isinstance(fault, PermanentSinkError) for fault in faults)


def test_conflict_has_few_tries(judge):
    """409 may pass; not for 72 hours."""
    fault = judge.fault(reply(409), events=1)

    assert isinstance(fault, TemporarySinkError)
    assert (fault.reason, fault.max_attempts) == ("conflict", 5)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_holds_for_the_whole_sink(judge, status):
    """No further request before that (HTTP 1.1 Web Hooks for Event Delivery, 2.2)."""
    fault = judge.fault(reply(status, Retry_After="120"), events=1)

    assert isinstance(fault, TemporarySinkError)
    assert (fault.retry_after_seconds, fault.scope) == (120, "sink")


@pytest.mark.parametrize("status", [429, 503])
def test_sink_that_names_no_time_rests_as_a_whole_too(judge, status):
    """How long is for whoever delivers to say."""
    fault = judge.fault(reply(status), events=1)

    assert (fault.retry_after_seconds, fault.scope) == (None, "sink")


def test_retry_after_means_nothing_elsewhere(judge):
    """A 500 that asks for an hour does not stop the sink."""
    fault = judge.fault(reply(500, Retry_After="3600"), events=1)

    assert (fault.retry_after_seconds, fault.scope) == (None, "event")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0),
        ("120", 120),
        ("86400", 3600),
        ("9" * 400, 3600),
        ("-1", None),
        ("1.5", None),
        ("\u0661", None),
        ("soon", None),
        ("", None),
        ("Fri, 20 Nov 2026 12:02:00 GMT", 120),
        ("Fri, 20 Nov 2026 12:02:00", 120),
        ("Friday, 20-Nov-26 12:02:00 GMT", 120),
        ("Fri Nov 20 12:02:00 2026", 120),
        ("Fri, 20 Nov 2026 14:02:00 +0200", 120),
        ("Fri, 20 Nov 2026 11:59:00 GMT", None),
        ("Fri, 20 Nov 2099 12:00:00 GMT", 3600),
        ("Fri, 99 Nov 2026 12:00:00 GMT", None),
        (f"Fri, 20 Nov {'9' * 30} 12:00:00 GMT", None),
    ],
)
def test_retry_after_has_two_forms(value, seconds):
    """Seconds and dates; an hour at most, and nothing that lies in the past."""
    assert retry_after(value, now=NOON) == seconds


@given(st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+( [+-]?\w+)?"))
def test_retry_after_survives_anything(value):
    """Whatever a sink writes there, the answer is in bounds or none."""
    seconds = retry_after(value, now=NOON)

    assert seconds is None or 0 <= seconds <= 3600


@given(st.integers(min_value=0, max_value=1000))
def test_every_status_means_something(status):
    """There is a verdict, and an answer is taken if and only if it is 2xx."""
    assert (verdict(status) is Verdict.TAKEN) == (200 <= status <= 299)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DnsError("x"), "dns"),
        (httpx.ConnectError("x"), "refused"),
        (httpx.ProxyError("x"), "refused"),
        (ProxyStatusError("x", status=502), "refused"),
        (httpx.ConnectTimeout("x"), "timeout-connect"),
        (httpx.PoolTimeout("x"), "timeout-connect"),
        (httpx.ReadTimeout("x"), "timeout-answer"),
        (httpx.WriteTimeout("x"), "timeout-answer"),
        (httpx.ReadError("x"), "reset"),
        (httpx.WriteError("x"), "reset"),
        (CutAnswerError("x"), "cut-answer"),
        (httpx.RemoteProtocolError("x"), "bad-answer"),
    ],
)
def test_no_answer_is_worth_another_try(judge, error, reason):
    """Whatever happened on the way may not happen again."""
    fault = judge.unreachable(error, seconds=2.5)

    assert isinstance(fault, TemporarySinkError)
    assert (str(fault), fault.reason) == ("sink hook: x", reason)
    assert (fault.status, fault.duration_seconds) == (None, 2.5)


@pytest.mark.parametrize("status", [408, 425, 429])
def test_proxy_that_is_busy_is_tried_again(judge, status):
    """What may pass is no reason for an operator to come."""
    fault = judge.unreachable(ProxyStatusError("x", status=status), seconds=1)

    assert isinstance(fault, TemporarySinkError)


@pytest.mark.parametrize("status", [403, 407])
def test_proxy_that_forbids_pauses(judge, status):
    """Somebody has to give us leave."""
    fault = judge.unreachable(ProxyStatusError("x", status=status), seconds=1)

    assert isinstance(fault, SinkPausedError)
    assert (fault.reason, fault.status) == ("status", status)


def test_tls_that_fails_pauses(judge):
    """A certificate does not mend itself."""
    fault = judge.unreachable(TlsError("x"), seconds=1)

    assert isinstance(fault, SinkPausedError)
    assert fault.reason == "tls"
