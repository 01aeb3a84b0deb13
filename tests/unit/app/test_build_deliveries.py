"""Configuration → deliveries."""

import pytest

from bridge.app.build_deliveries import (
    batch_of,
    build_deliveries,
    build_policy,
    timeout_of,
)
from bridge.config import parse_config
from bridge.deliver import (
    DeadLetterSink,
    RetryPolicy,
    SinkDelivery,
)
from bridge.health import Health, SinkStatus
from bridge.metrics import Metrics
from bridge.sinks.stdout import StdoutSink
from tests.unit.memory_queue import MemoryQueue

LOST = "{name: lost, type: stdout}"


def config_of(keys: str, more: str = ""):
    """Return a configuration with a sink that has these keys."""
    url = "https://u:hunter2@example.com:8443/a/b?token=hunter2#c"
    text = f"sinks: [{{name: a, url: '{url}', {keys}}}, {LOST}]\n{more}"
    return parse_config(text, name="bridge.yaml", env={})


def sink_of(keys: str):
    """Return the sink that has these keys."""
    return config_of(keys).sinks[0]


def test_settings_are_taken_as_they_are() -> None:
    """Nothing translates them; the defaults are those of the settings."""
    one = sink_of("retry: {retry: 4, timeout: PT3S}, deadLetterSink: lost")

    assert build_policy(one).retry is one.retry
    assert build_policy(sink_of("")) == RetryPolicy()


def test_a_timeout_in_knatives_words_wins() -> None:
    """Where there is one."""
    assert timeout_of(sink_of("retry: {timeout: PT3S}"), 15.0) == 3.0
    assert timeout_of(sink_of("retry: {retry: 4}"), 15.0) == 15.0


def test_secret_url_goes_with_no_dead_letter() -> None:
    """The sink's name says enough (issue 10, item 8)."""
    text = (
        "sinks: [{name: a, url: {env: A}, deadLetterSink: b}, {name: b, url: http://b}]"
    )
    config = parse_config(text, name="bridge.yaml", env={})

    policy = build_policy(config.sinks[0])

    expected = DeadLetterSink(name="b", failed="urn:kubebridge:sink:a")
    assert policy.dead_letters == expected


@pytest.mark.parametrize("keys", ["", ", retry: {retry: 5}"])
def test_no_secret_of_the_url_goes_with_a_dead_letter(keys) -> None:
    """Neither user and password, nor the query (issue 10, item 8)."""
    policy = build_policy(sink_of(f"deadLetterSink: lost{keys}"))

    failed = "https://***@example.com:8443/a/b?***"
    assert policy.dead_letters == DeadLetterSink(name="lost", failed=failed)


def test_a_sink_without_a_url_is_named_all_the_same() -> None:
    """As the URI that comes nearest."""
    text = "sinks: [{name: out, type: stdout, deadLetterSink: b}, "
    config = parse_config(f"{text}{{name: b, type: stdout}}]", name="", env={})

    policy = build_policy(config.sinks[0])

    assert policy.dead_letters == DeadLetterSink(name="b", failed="stdout:")


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
    assert (sink_of(keys).breaker_in_force is not None) == has_breaker


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
    """A ceiling that is the receiver's bounds them from the start."""
    batch = batch_of(sink_of(keys))

    assert (batch and batch.bytes) == most
    assert batch_of(config_of(keys).sinks[1]) is None


@pytest.mark.parametrize(
    ("keys", "workers"),
    [
        ("concurrency: 7", 7),
        ("concurrency: 7, ordering: object", 7),
        ("concurrency: 7, ordering: sink", 1),
        ("mode: batch, batch: {linger: 1s}, rate: {perSecond: 5}", 64),
    ],
)
def test_deliveries_are_built_for_each_sink(keys, workers) -> None:
    """In its order, one request at a time; standard output as well."""
    config = config_of(keys, "delivery: {concurrency: 70}")
    sinks = [StdoutSink(name=name) for name in ("a", "lost")]

    built = build_deliveries(
        config,
        sinks,
        queue=MemoryQueue(),
        health=Health(sinks={one.name: SinkStatus(name=one.name) for one in sinks}),
        metrics=Metrics(version="0"),
    )

    assert list(built) == ["a", "lost"]
    assert _workers(built["a"]) == workers
    assert _workers(built["lost"]) == 1


def _workers(delivery: SinkDelivery) -> int:
    return delivery._concurrency
