"""The keys `outcomes`, `handshake` and `knative` of a sink."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from bridge.config import describe, json_schema, parse_config
from tests.unit.config.faults import NOTHING, faults, only_fault


def document(keys):
    """Return a document with one sink that has these keys."""
    return f"sinks: [{{name: hook, url: 'https://h', {keys}}}]"


def hook(keys, env=NOTHING):
    """Return that sink."""
    return parse_config(document(keys), name="bridge.yaml", env=env).sinks[0]


def fault(keys):
    """Return the one thing that is wrong, without its place."""
    return only_fault(document(keys)).partition(": ")[2]


def test_outcomes_are_read_whole():
    """Statuses and classes, under four words, and a number."""
    outcomes = hook(
        "outcomes: {success: [409], retry: [404, 5xx], deadLetter: [4xx], "
        "pause: [410], errorAttempts: 3}"
    ).outcomes

    assert (outcomes.success, outcomes.retry) == ((409,), (404, "5xx"))
    assert (outcomes.dead_letter, outcomes.pause) == (("4xx",), (410,))
    assert outcomes.error_attempts == 3


@pytest.mark.parametrize("status", ["200", "299", "600", "99", "2xx", "6xx", "404.0"])
@pytest.mark.parametrize("word", ["success", "retry", "deadLetter", "pause"])
def test_what_is_no_failing_status_is_refused(word, status):
    """2xx is a success and stays one."""
    place = f"sinks[0].outcomes.{word}[0]"

    assert fault(f"outcomes: {{{word}: [{status}]}}").startswith(
        f"{place}: expected 3xx, 4xx, 5xx or a status from 300 to 599, got "
    )


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        ("{retry: [404], pause: [404]}", "got 404 in retry and pause"),
        ("{success: [5xx], deadLetter: [5xx]}", "got 5xx in success and deadLetter"),
    ],
)
def test_a_status_has_one_meaning(outcomes, message):
    """The message names both words."""
    assert fault(f"outcomes: {outcomes}") == (
        f"sinks[0].outcomes: expected each status once, {message}"
    )


def test_a_status_stands_once_in_its_list():
    """Twice is a slip of the pen."""
    assert fault("outcomes: {retry: [404, 404]}") == (
        "sinks[0].outcomes.retry: expected each once, got '404' twice"
    )


@pytest.mark.parametrize("status", ["true", "[404]", "{}", "~"])
def test_another_form_is_refused(status):
    """In words, not by a stumble; beside the preset too."""
    for more in ("", "knative: true, "):
        assert "expected 3xx" in fault(f"{more}outcomes: {{retry: [{status}]}}")


def test_nobody_is_asked_unless_configured():
    """Few receivers know the handshake."""
    handshake = hook("mode: binary").handshake

    assert (handshake.mode, handshake.origin, handshake.ttl) == ("off", None, 86400)


def test_a_handshake_is_read_whole():
    """Every key has its value."""
    handshake = hook(
        "handshake: {mode: slow, origin: bridge.example.com, rate: 600, "
        "callback: 'https://api.example.com/base', ttl: 1h}"
    ).handshake

    assert (handshake.mode, handshake.origin) == ("slow", "bridge.example.com")
    assert (handshake.rate, handshake.ttl) == (600, 3600)
    assert handshake.callback == "https://api.example.com/base"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("mode: require", ": expected an origin beside mode: require, got none"),
        ("mode: of", ".mode: expected 'require', 'slow' or 'off', got 'of'"),
        ("rate: 0", ".rate: expected at least 1, got 0"),
        ("ttl: 0s", ".ttl: expected more than zero, got '0s'"),
        ("origin: A_b", ".origin: expected a DNS subdomain (RFC 1123), got 'A_b'"),
        (
            "callback: 'http://a'",
            ".callback: expected an https URL, got scheme 'http'",
        ),
        (
            "callback: 'https://u@a'",
            ".callback: expected a URL without user, query and fragment",
        ),
        (
            "callback: 'https://a?b=c'",
            ".callback: expected a URL without user, query and fragment",
        ),
    ],
)
def test_a_handshake_that_cannot_be_is_refused(keys, message):
    """With what was expected."""
    assert fault(f"handshake: {{{keys}}}") == f"sinks[0].handshake{message}"


def test_the_preset_fills_what_is_not_written():
    """Minutes to answer, more that is tried again, and a limit for 500."""
    sink = hook("knative: true")

    assert (sink.mode, sink.timeout) == ("structured", 300)
    assert sink.outcomes.retry == (404, 409, 501, 505)
    assert sink.outcomes.error_attempts == 10


def test_without_the_preset_all_is_as_usual():
    """Also where it is written that it is off."""
    sink = hook("knative: false")

    assert (sink.timeout, sink.outcomes.retry) == (15, ())
    assert sink.outcomes.error_attempts is None


def test_what_is_written_wins_over_the_preset():
    """Of a status, of its class, of the limit and of the timeout."""
    sink = hook(
        "knative: true, timeout: 7s, outcomes: {pause: [404], success: [409], "
        "retry: [425], deadLetter: [5xx], errorAttempts: null}"
    )

    assert sink.timeout == 7
    assert sink.outcomes.retry == (425,)
    assert sink.outcomes.error_attempts is None


def test_a_timeout_in_knatives_words_wins_too():
    """Where `retry` is written as a Broker's `delivery`."""
    sink = hook("knative: true, retry: {timeout: PT30S}")

    assert (sink.retry.timeout, sink.timeout_or(sink.timeout)) == (30, 30)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        ("batch", "a Broker answers batches with 400"),
        ("binary", "a Broker's subscribers get percent-encoded attributes undecoded"),
    ],
)
def test_the_preset_excludes_other_content_modes(mode, why):
    """And says why."""
    assert fault(f"knative: true, mode: {mode}") == (
        f"sinks[0]: expected mode: structured beside knative: true, got '{mode}': {why}"
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("knative: 'yes'", "knative: expected true or false, got 'yes'"),
        ("knative: true, outcomes: 5", "outcomes: expected a mapping, got 5"),
        ("knative: true, outcomes: {retry: 5}", "outcomes.retry: expected a list"),
        ("knative: true, mode: bach", "mode: expected 'structured', 'binary' or"),
    ],
)
def test_the_preset_stumbles_over_nothing(keys, message):
    """What is wrong beside it is told as ever."""
    assert fault(keys).startswith(f"sinks[0].{message}")


@pytest.mark.parametrize(
    ("text", "preset"),
    [
        ("", True),
        ("sinks: [{name: k-sink, timeout: 5s}]", True),
        ("sinks: [{name: k-sink, knative: false}]", False),
        ("sinks: [{name: k-sink, mode: binary}]", False),
        ("sinks: [{name: k-sink, mode: batch, batch: {size: 5}}]", False),
    ],
)
def test_k_sink_is_taken_for_a_broker(text, preset):
    """Unless the document says otherwise, or chooses its content mode."""
    config = parse_config(text, name="b", env={"K_SINK": "http://broker"})

    assert config.sinks[0].knative is preset


def test_the_effective_configuration_shows_the_preset():
    """As if it had been written."""
    config = parse_config(document("knative: true"), name="b", env=NOTHING)

    shown = describe(config)["sinks"][0]

    assert (shown["timeout"], shown["outcomes"]["errorAttempts"]) == ("5m", 10)
    assert shown["outcomes"]["retry"] == [404, 409, 501, 505]


@pytest.mark.parametrize(
    ("keys", "valid"),
    [
        ("outcomes: {retry: [404, 5xx]}", True),
        ("outcomes: {retry: [200]}", False),
        ("outcomes: {retry: [2xx]}", False),
        ("handshake: {mode: require, origin: a.b}", True),
        ("handshake: {mode: requir}", False),
        ("knative: true", True),
        ("knative: 1", False),
    ],
)
def test_an_editor_sees_the_same(keys, valid):
    """By the JSON Schema."""
    data = yaml.safe_load(document(keys))

    assert Draft202012Validator(json_schema()).is_valid(data) is valid
    assert (not faults(document(keys))) is valid
