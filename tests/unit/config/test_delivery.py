"""How deliveries are tried, held back and given up, as a document says it."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from bridge.config import (
    describe,
    json_schema,
    parse_config,
)
from bridge.config.text import read_document
from bridge.deliver.settings import BreakerConfig, KnativeRetryConfig, RetryConfig
from tests.unit.config.faults import NOTHING, faults, only_fault

PAGE = Path(__file__).parents[3] / "docs" / "delivery.md"


def sink(keys: str):
    """Return a sink with these keys, beside one called `lost`."""
    text = (
        f"sinks: [{{name: a, url: 'http://h', {keys}}}, {{name: lost, type: stdout}}]"
    )
    return parse_config(text, name="bridge.yaml", env=NOTHING).sinks[0]


def fault(keys: str) -> str:
    """Return what is wrong with a sink that has these keys, without the place."""
    text = (
        f"sinks: [{{name: a, url: 'http://h', {keys}}}, {{name: lost, type: stdout}}]"
    )
    return only_fault(text).partition(": ")[2].removeprefix("sinks[0].")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("PT0.5S", 0.5),
        ("PT1M30S", 90),
        ("P1DT2H", 93_600),
        ("PT0S", 0),
        ("500ms", 0.5),
        ("1m30s", 90),
    ],
)
def test_durations_are_iso_8601_or_ours(written, seconds):
    """As Knative writes them, or as the rest of the document does."""
    assert sink(f"retry: {{backoffDelay: {written}}}").retry.backoff_delay == seconds


@pytest.mark.parametrize("written", ["P", "PT", "PT1", "1", "P1Y", "P1W", "-PT1S", "5"])
def test_other_durations_are_refused(written):
    """Years and weeks are none of Knative's either."""
    got = written if written.isdigit() else f"'{written}'"

    assert fault(f"retry: {{backoffDelay: {written}}}") == (
        "retry.backoffDelay: expected a duration such as '500ms' or 'PT0.5S', "
        f"got {got}"
    )


def test_knatives_words_have_the_defaults_of_a_broker():
    """Retry 10, exponential, PT0.2S, as far as nothing else is written."""
    retry = sink("retry: {retry: 3}").retry

    assert isinstance(retry, KnativeRetryConfig)
    assert (retry.retry, retry.backoff_policy, retry.backoff_delay) == (
        3,
        "exponential",
        0.2,
    )
    assert retry.timeout is None


@pytest.mark.parametrize("keys", ["{}", "{retryAfterMax: 5m}", "{attempts: 2}"])
def test_other_words_are_ours(keys):
    """What both have says nothing of whose they are."""
    assert isinstance(sink(f"retry: {keys}").retry, RetryConfig)


def test_two_ways_of_writing_are_not_mixed():
    """One of each is named."""
    assert fault("retry: {min: 1s, backoffDelay: PT1S}") == (
        "retry: expected either min, max, age and attempts or Knative's retry, "
        "backoffPolicy and backoffDelay, got 'min' beside 'backoffDelay'"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            "timeout: 1s, retry: {timeout: PT1S}",
            "expected timeout once, got one in retry as well",
        ),
        (
            "retry: {retry: 5, deadLetterSink: lost}",
            "retry: expected deadLetterSink beside retry, got it in retry",
        ),
        (
            "retry: {retryAfterMax: 2h}",
            "retry.retryAfterMax: expected at most an hour, got '2h'",
        ),
        (
            "retry: {timeout: PT0S}",
            "retry.timeout: expected more than zero, got 'PT0S'",
        ),
        ("retry: {retry: -1}", "retry.retry: expected at least 0, got -1"),
        ("rate: {}", "rate: expected perSecond or perMinute, got neither"),
        ("breaker: {min: 1h}", "breaker: expected min to be at most max"),
        (
            "breaker: {failures: 101}",
            "breaker.failures: expected at most 100, got 101",
        ),
        ("breaker: on", "breaker: expected 'off' or a mapping, got 'on'"),
        (
            "ordering: some",
            "ordering: expected 'none', 'object' or 'sink', got 'some'",
        ),
        (
            "deadLetterSink: a",
            "deadLetterSink: expected an end to dead letters, got a circle: a → a",
        ),
        (
            "deadLetterSink: los",
            "deadLetterSink: no such sink 'los', did you mean 'lost'?",
        ),
    ],
)
def test_what_means_nothing_is_refused(keys, message):
    """With the key, what was expected and what was got."""
    assert fault(keys).removeprefix("sinks[0]: ") == message


def test_the_dead_letter_sink_has_one_spelling():
    """It stands on the sink, whosever words `retry` is in (issue 11, section 1)."""
    found = sink("deadLetterSink: lost, retry: {retry: 5}")

    assert found.dead_letter_sink == "lost"


def test_dead_letters_do_not_go_round():
    """Each sink of the circle is named; one that only leads to it is not at fault."""
    text = "sinks:\n" + "\n".join(
        f"- {{name: {name}, url: 'http://h', deadLetterSink: {to}}}"
        for name, to in ("ab", "bc", "ca", "da")
    )

    assert [line.rpartition(": ")[2] for line in faults(text)] == [
        "a → b → c → a",
        "b → c → a → b",
        "c → a → b → c",
    ]


def test_every_sink_needs_a_slot():
    """With less, one of them would never be tried."""
    text = "sinks: [{name: a, url: 'http://h'}, {name: b, url: 'http://h'}]\n"

    assert faults(f"{text}delivery: {{concurrency: 2}}") == []
    assert only_fault(f"{text}delivery: {{concurrency: 1}}").endswith(
        "delivery.concurrency: expected at least 2, one for each sink, got 1"
    )


def test_a_broken_document_is_no_more_than_that():
    """What is checked between sinks looks at parts that may be anything."""
    text = "sinks: [5, {name: 5}, {name: a, retry: 5, deadLetterSink: []}]\n"

    assert faults(f"{text}delivery: {{concurrency: many}}")
    assert faults("sinks: 5\ndelivery: 5")


@pytest.mark.parametrize(
    ("keys", "found"),
    [("breaker: off", "off"), ("breaker: {}", BreakerConfig()), ("", None)],
)
def test_a_breaker_is_written_or_not(keys, found):
    """`off` is a text in YAML 1.2."""
    assert sink(keys).breaker == found


@pytest.mark.parametrize(
    "keys",
    [
        "retry: {}",
        "retry: {min: 1s, retryAfterMax: 5m}",
        "retry: {retry: 3, backoffDelay: PT0.5S, backoffPolicy: linear}",
        "deadLetterSink: lost",
        "breaker: 'off', rate: {perMinute: 5}, ordering: object",
    ],
)
def test_the_schema_knows_these_keys(keys):
    """An editor takes what the bridge takes."""
    schema = Draft202012Validator(json_schema())
    one = {"name": "a", "url": "http://h", **_data(keys)}

    assert schema.is_valid({"sinks": [one]})


def test_the_page_shows_a_configuration_that_is_one():
    """What docs/delivery.md begins with."""
    page = PAGE.read_text(encoding="utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0]

    config = parse_config(text, name="", env=NOTHING)

    assert [one.name for one in config.sinks] == ["billing", "archive", "lost"]


def test_what_is_shown_is_in_our_durations():
    """Whatever it was written in."""
    config = parse_config(
        "sinks: [{name: a, url: 'http://h', retry: {backoffDelay: PT90S}}]",
        name="",
        env=NOTHING,
    )

    assert describe(config)["sinks"][0]["retry"]["backoffDelay"] == "1m30s"


def _data(keys: str) -> dict:
    return read_document(f"{{{keys}}}", name="").data
