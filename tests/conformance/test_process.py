"""A whole bridge before a Broker: what it cannot deliver is seen, nothing is lost."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.broker import Subscriber
from tests.conformance.thread import BrokerThread
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.fixtures import control_plane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import namespace, writer
from tests.e2e.writer import Writer

__all__ = ["control_plane", "namespace", "writer"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

KNATIVE = {"knative": True}
"""What a Broker needs of a sink."""

BRISK = {"min": "100ms", "max": "300ms"}

Start = Callable[..., Bridge]


@pytest.fixture
def start(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[Start]:
    """Start a bridge from the namespace to a Broker; keywords change its sink."""
    running: list[Bridge] = []

    def begin(broker: BrokerThread, **changes: Any) -> Bridge:
        sink = {"name": "broker", "url": broker.url, "retry": BRISK}
        one = Bridge(
            folder=tmp_path,
            kubeconfig=control_plane.apiserver.kubeconfig(),
            sources=[{"namespaces": [namespace]}],
            sinks=[sink | ({} if "mode" in changes else KNATIVE) | changes],
        )
        running.append(one)
        one.start_and_wait()
        return one

    yield begin
    for one in running:
        one.kill()


def sink_of(bridge: Bridge) -> dict[str, Any]:
    """Return what the API says of the sink."""
    return bridge.get("/api/v1/sinks").json()["items"][0]


def test_broker_gets_every_revision_once(start: Start, writer: Writer) -> None:
    """One by one, structured."""
    with BrokerThread() as broker:
        start(broker)
        writer.fill(500, prefix="good")
        wait_until(lambda: len(broker.broker.taken) >= 500)

        assert dict(broker.ids()) == dict.fromkeys(writer.ids, 1)


def test_batches_become_dead_letters_that_say_why(start: Start, writer: Writer) -> None:
    """They are listed, with the status; none waits, and none has disappeared."""
    with BrokerThread() as broker:
        bridge = start(broker, mode="batch", batch={"size": 4})
        writer.fill(12, prefix="batch")
        wait_until(lambda: sink_of(bridge)["deadLetters"] == 12)

        dead = bridge.get("/api/v1/dead-letters").json()["items"]
        assert {one["status"] for one in dead} == {400}
        assert sink_of(bridge)["backlog"] == 0
        assert (len(dead), broker.broker.taken) == (12, [])


def test_sink_that_takes_no_batch_at_all_is_paused(
    start: Start, writer: Writer
) -> None:
    """After 20 refusals it is the configuration that is wrong; the rest waits."""
    with BrokerThread() as broker:
        bridge = start(broker, mode="batch", concurrency=1)
        writer.fill(60, prefix="batch")
        wait_until(lambda: sink_of(bridge)["state"] == "paused")

        sink = sink_of(bridge)
        assert "answered 400" in sink["reason"]
        assert sink["deadLetters"] + sink["backlog"] == 60
        assert sink["backlog"] >= 40


def test_slow_subscriber_gets_every_revision_once(start: Start, writer: Writer) -> None:
    """The timeout outlasts the chain."""
    with BrokerThread(subscriber=Subscriber(seconds=0.5)) as broker:
        bridge = start(broker)
        writer.fill(100, prefix="slow")
        wait_until(lambda: len(broker.broker.taken) >= 100)
        bridge.settle()

        assert dict(broker.ids()) == dict.fromkeys(writer.ids, 1)


def test_slow_subscriber_gets_duplicates_of_the_hasty(
    start: Start, writer: Writer
) -> None:
    """A timeout below what the chain takes makes one with each attempt."""
    with BrokerThread(subscriber=Subscriber(seconds=60)) as broker:
        start(broker, timeout="1s")
        writer.fill(5, prefix="hasty", repeats=0)
        wait_until(lambda: min(broker.ids().values(), default=0) >= 2)

        assert set(broker.ids()) == set(writer.ids)


def test_event_that_always_fails_behind_the_broker_is_given_up(
    start: Start, writer: Writer
) -> None:
    """It is a dead letter that says 500; what comes after it is delivered."""
    with BrokerThread(subscriber=Subscriber(refused={"bad-000000"})) as broker:
        bridge = start(broker, retry=BRISK)
        writer.fill(1, prefix="bad")
        writer.fill(20, prefix="good", repeats=0)
        wait_until(lambda: sink_of(bridge)["deadLetters"] == 1)
        wait_until(lambda: set(writer.ids) == set(broker.ids()))

        [dead] = bridge.get("/api/v1/dead-letters").json()["items"]
        assert (dead["status"], sink_of(bridge)["backlog"]) == (500, 0)


def test_events_of_a_broker_that_is_stopped_come_again(
    start: Start, writer: Writer
) -> None:
    """With the same ids; nobody can know which had arrived."""
    with BrokerThread(subscriber=Subscriber(seconds=0.5)) as broker:
        bridge = start(broker)
        writer.fill(5, prefix="cut", repeats=0)
        wait_until(lambda: len(broker.broker.taken) == 5)
        broker.cut()
        bridge.settle()

        assert dict(broker.ids()) == dict.fromkeys(writer.ids, 2)
