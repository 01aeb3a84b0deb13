"""Configuration → destinations of deliveries."""

import pytest

from bridge.config import parse_config
from bridge.config.parts import destinations_of
from bridge.deliver.destinations import Destination
from bridge.metrics import Metrics
from bridge.sinks.transports.egress import Egress

LOST = "{name: lost, type: stdout}"
URL = "https://u:hunter2@example.com:8443/a/b?token=hunter2#c"


def destinations_in(text: str) -> list[Destination]:
    """Return where a document's events go."""
    config = parse_config(text, name="bridge.yaml", env={})
    metrics = Metrics(version="0")
    return list(destinations_of(config, egress=Egress(), metrics=metrics))


def destination_of(keys: str) -> Destination:
    """Return a destination whose sink has these keys."""
    return destinations_in(f"sinks: [{{name: a, url: '{URL}', {keys}}}, {LOST}]")[0]


def test_a_timeout_in_knatives_words_wins() -> None:
    """Where there is one."""
    written = destination_of("retry: {timeout: PT3S}").settings

    assert written.timeout_or(15.0) == 3.0
    assert destination_of("retry: {retry: 4}").settings.timeout_or(15.0) == 15.0


def test_secret_url_goes_with_no_dead_letter() -> None:
    """The sink's name says enough (issue 10, item 8)."""
    [one] = destinations_in("sinks: [{name: a, url: {env: A}}]")

    assert one.address == "urn:kubebridge:sink:a"


@pytest.mark.parametrize("keys", ["", "retry: {retry: 5}"])
def test_no_secret_of_the_url_goes_with_a_dead_letter(keys) -> None:
    """Neither user and password, nor the query (issue 10, item 8)."""
    one = destination_of(keys)

    assert one.address == "https://***@example.com:8443/a/b?***"


def test_a_sink_without_a_url_is_named_all_the_same() -> None:
    """As the URI that comes nearest."""
    [one] = destinations_in("sinks: [{name: out, type: stdout}]")

    assert one.address == "stdout:"


@pytest.mark.parametrize(
    ("keys", "has_breaker"),
    [
        ("breaker: off", False),
        ("retry: {retry: 3}", False),
        ("retry: {retry: 3}, breaker: {}", True),
        ("retry: {min: 2s}", True),
    ],
)
def test_knatives_words_have_no_breaker_unless_it_is_written(keys, has_breaker) -> None:
    """They promise exact times."""
    settings = destination_of(keys).settings

    assert (settings.breaker_in_force is not None) == has_breaker


@pytest.mark.parametrize(
    ("keys", "most"),
    [
        ("mode: batch", 2**20),
        ("mode: batch, batch: {bytes: 9KiB}, size: {policy: trim}", 9 * 2**10),
        ("mode: batch, size: {policy: reject}", 2**16),
        ("mode: binary", None),
    ],
)
def test_batches_are_built_no_larger_than_they_may_be(keys, most) -> None:
    """A size limit that is the receiver's bounds them from the start."""
    batch = destination_of(keys).batch

    assert (batch and batch.bytes) == most


@pytest.mark.parametrize(
    ("keys", "attempts", "run"),
    [
        ("concurrency: 7", 7, 1),
        ("concurrency: 7, ordering: object", 7, 1),
        ("concurrency: 7, ordering: sink", 1, 1),
        ("ordering: sink, mode: batch, batch: {size: 9}", 1, 9),
        ("mode: batch, batch: {linger: 1s}, rate: {perSecond: 5}", 64, 50),
    ],
)
def test_attempts_at_once_depend_on_the_order(keys, attempts, run) -> None:
    """One at a time in the order of the sink, which may carry a run of events."""
    one = destination_of(keys)

    assert (one.concurrency, one.run) == (attempts, run)


def test_equal_settings_make_equal_destinations() -> None:
    """So a reload leaves their senders alone."""
    egress, metrics = Egress(), Metrics(version="0")
    text = f"sinks: [{{name: a, url: '{URL}'}}, {LOST}]"
    config = parse_config(text, name="b", env={})
    again = parse_config(text, name="b", env={})

    before = destinations_of(config, egress=egress, metrics=metrics)

    assert before == destinations_of(again, egress=egress, metrics=metrics)
    assert before != destinations_of(again, egress=Egress(), metrics=metrics)
