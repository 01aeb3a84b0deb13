"""G: what can be seen from outside. With C10, as a process."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.checklist.conftest import kubeconfig_of
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.faultproxy.faults import empty, refusal
from tests.faultproxy.http import HttpProxy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    """Return a namespace of its own."""
    return make_namespace(plane)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver."""
    with Receiver() as one:
        yield one


@pytest.fixture
def bridge(
    plane: ControlPlane,
    proxy: HttpProxy,
    namespace: str,
    receiver: Receiver,
    tmp_path: Path,
) -> Iterator[Bridge]:
    """Configure a bridge of that namespace, behind the proxy; not started."""
    with Bridge(
        folder=tmp_path,
        kubeconfig=kubeconfig_of(plane, url=proxy.url),
        sources=[{"namespaces": [namespace]}],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as one:
        yield one


def metrics(bridge: Bridge) -> dict[str, float]:
    """Return each sample by its name and labels."""
    lines = bridge.get("/metrics").text.splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def test_g1_what_happens_to_a_watch_is_counted(
    plane: ControlPlane,
    proxy: HttpProxy,
    bridge: Bridge,
    receiver: Receiver,
    namespace: str,
) -> None:
    """Cursor, time of the last byte and of progress, and why a watch ended."""
    bridge.start_and_wait()
    writer = Writer(plane.apiserver, namespace)
    writer.fill(5, prefix="a", repeats=0)
    wait_until(lambda: len(receiver.ledger.bodies) >= 5)
    proxy.fault(empty(), kinds=["watch"], times=1)
    proxy.fault(
        refusal(429, "TooManyRequests", retry_after=1), kinds=["watch"], times=1
    )
    proxy.cut_all()

    def restarts(reason: str) -> float:
        wanted = (
            f'kubebridge_watch_restarts_total{{reason="{reason}",resource="events"}}'
        )
        return metrics(bridge).get(wanted, 0.0)

    wait_until(lambda: restarts("watch-empty") >= 1)
    wait_until(lambda: restarts("reconnect-error") >= 2)
    writer.fill(1, prefix="b", repeats=0)
    wait_until(lambda: len(receiver.ledger.bodies) >= 6)
    where = f'{{namespace="{namespace}",resource="events"}}'
    cursor = "kubebridge_cursor_resource_version" + where
    wait_until(lambda: metrics(bridge)[cursor] == revision_of(writer.ids[-1]))

    found = metrics(bridge)
    assert found["kubebridge_watch_last_read_timestamp_seconds" + where] > 0
    assert found["kubebridge_watch_last_progress_timestamp_seconds" + where] > 0
    assert found["kubebridge_queue_bytes"] >= 0
    assert (
        'kubebridge_events_received_total{resource="events",source="events"}' in found
    )


def revision_of(id_: str) -> int:
    """Return the version in an id of ours."""
    return int(id_.rsplit("-", 1)[1])


def test_g2_ready_is_who_watches_and_alive_whose_loop_turns(
    proxy: HttpProxy, bridge: Bridge
) -> None:
    """Not ready before the first sync; alive in every wait for the API server."""
    proxy.fault(refusal(503, "ServiceUnavailable"), kinds=["list", "watchlist"])
    bridge.start()
    wait_until(lambda: answers(bridge, "/livez"))
    wait_until(lambda: "503" in bridge.get("/readyz?verbose").text)
    assert not answers(bridge, "/readyz")

    proxy.heal()
    bridge.wait_ready()
    assert answers(bridge, "/startupz")


def answers(bridge: Bridge, probe: str) -> bool:
    """Return whether a probe passes."""
    try:
        return bridge.get(probe).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_g2_a_stopped_sink_leaves_the_bridge_ready(
    plane: ControlPlane, bridge: Bridge, namespace: str
) -> None:
    """As after SIGSTOP its kernel accepts and it says nothing: events wait for it."""
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        url = f"http://127.0.0.1:{stopped.getsockname()[1]}"
        bridge.write(bridge.document | {"sinks": [{"name": "hook", "url": url}]})
        bridge.start_and_wait()
        Writer(plane.apiserver, namespace).fill(20, prefix="a", repeats=0)
        wait_until(lambda: bridge.backlog("hook") == 20)

        assert answers(bridge, "/readyz")
        assert answers(bridge, "/livez")


def test_c10_sigterm_ends_a_silent_watch(bridge: Bridge) -> None:
    """Nothing is under way, so nothing is waited for: neither bytes nor grace."""
    bridge.start_and_wait()
    assert bridge.process is not None
    began = time.monotonic()

    bridge.process.send_signal(signal.SIGTERM)

    assert bridge.process.wait(30) == 0
    assert time.monotonic() - began < 5
