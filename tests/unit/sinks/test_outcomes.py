"""What an operator says of statuses, and Retry-After's bound."""

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PermanentSinkError, SinkPausedError, TemporarySinkError
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.http.statuses import StatusRules, Verdict, verdict
from bridge.sinks.transports import Response
from tests.unit.sinks.building import status_rules
from tests.unit.sinks.receiver import Receiver, answer
from tests.unit.sinks.samples import event

KINDS = {
    "retry": TemporarySinkError,
    "dead_letter": PermanentSinkError,
    "pause": SinkPausedError,
}
FAILING = st.integers(300, 599)


def reply(status, **headers):
    """Return an answer; underscores in header names stand for dashes."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, httpx.Headers(fields), b"", 0.5)


def judging(words, **more):
    """Return a judge with words for statuses."""
    return ResponseClassifier("hook", outcomes=StatusRules(status_rules(words, **more)))


def kind(judge, status):
    """Return what an answer is to that judge; None: a delivery."""
    fault = judge.fault(reply(status), events=1)
    return None if fault is None else type(fault)


@given(FAILING, st.sampled_from(["success", *KINDS]))
def test_a_word_counts_whatever_the_status(status, word):
    """Each status can mean each thing, for as long as it comes."""
    judge = judging({status: word})

    assert {kind(judge, status) for _ in range(25)} == {KINDS.get(word)}


@given(FAILING)
def test_a_word_leaves_other_statuses_alone(status):
    """They mean what they usually do."""
    outcomes = StatusRules(status_rules({status: "success"}))
    others = [other for other in range(100, 1000) if other != status]

    assert all(outcomes.verdict(other) is verdict(other) for other in others)


@given(st.integers(200, 299), st.sampled_from(["success", *KINDS]))
def test_2xx_is_always_taken(status, word):
    """Whatever the words are."""
    assert judging({2: word, status: word}).fault(reply(status), events=1) is None


def test_a_status_wins_over_its_class():
    """4 are all 4xx, but for those that are named."""
    judge = judging({4: "dead_letter", 404: "retry"})

    assert [kind(judge, status) for status in (401, 404, 410, 500)] == [
        *(PermanentSinkError, TemporarySinkError),
        *(PermanentSinkError, TemporarySinkError),
    ]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_still_holds_back_the_whole_sink(status):
    """That is how these two are tried again."""
    fault = judging({status: "retry"}).fault(reply(status, Retry_After="9"), events=1)

    assert (fault.scope, fault.retry_after_seconds) == ("sink", 9)


@pytest.mark.parametrize(("word", "most"), [("retry", None), (None, 5)])
def test_conflict_that_is_retried_has_no_limit_of_its_own(word, most):
    """Unlike one of which nothing is said."""
    judge = judging({} if word is None else {409: word})

    assert judge.fault(reply(409), events=1).max_attempts == most


def test_gone_that_pauses_is_tried_again():
    """Only of itself it waits for an operator."""
    faults = [
        judging(words).fault(reply(410), events=1) for words in ({}, {410: "pause"})
    ]

    assert [fault.until_resumed for fault in faults] == [True, False]


def test_errors_may_have_a_limit():
    """Of 500 alone: it may be the event's fault, as other 5xx are not."""
    judge = judging({}, error_attempts=10)
    found = [judge.fault(reply(status), events=1) for status in (500, 502, 503, 408)]

    assert [fault.max_attempts for fault in found] == [10, None, None, None]
    assert judging({}).fault(reply(500), events=1).max_attempts is None


def test_success_by_word_ends_the_count_of_refusals():
    """It is a delivery in all things."""
    judge = judging({409: "success"})
    for _ in range(19):
        judge.fault(reply(400), events=1)
    judge.fault(reply(409), events=1)

    assert kind(judge, 400) is PermanentSinkError


@pytest.mark.parametrize(("most", "seconds"), [(10.0, 10), (7200.0, 7000)])
@pytest.mark.parametrize("value", ["7000", "Fri, 20 Nov 2026 13:56:40 GMT"])
def test_retry_after_has_the_bound_of_its_sink(most, seconds, value):
    """In both forms."""
    noon = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)
    judge = ResponseClassifier(
        "hook", retry_after_max_seconds=most, utc_now=lambda: noon
    )

    fault = judge.fault(reply(503, Retry_After=value), events=1)

    assert fault.retry_after_seconds == seconds


def test_every_word_is_a_verdict():
    """None of them falls back to what is usual."""
    for word in ("success", *KINDS):
        outcomes = StatusRules(status_rules({418: word}))

        assert outcomes.verdict(418) is not Verdict.REFUSED


async def test_a_sink_does_as_it_is_told(make_sink):
    """409 is a delivery with its status, and Retry-After is cut at the sink's bound."""
    script = answer(409), answer(503, headers={"Retry-After": "900"})
    async with Receiver(*script) as receiver:
        outcomes = status_rules({409: "success"})
        sink = make_sink(receiver.url, outcomes=outcomes, retry_after_max_seconds=60.0)
        [got] = await sink.send([event()])
        with pytest.raises(TemporarySinkError) as caught:
            await sink.send([event()])

    assert (got.status, caught.value.retry_after_seconds) == (409, 60)
