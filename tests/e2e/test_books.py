"""The books of every sink balance on `/metrics`, whatever becomes of deliveries."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

COUNT = 300
_SAMPLE = re.compile(r"^kubebridge_(\w+)\{(.*)\} ([\d.e+]+)$", re.MULTILINE)


class Refusing(ThreadingHTTPServer):
    """Answers 422 to three of four: with none taken it would be thought broken."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = cycle([422, 422, 422, 200])
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Refusing

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(next(self.server.statuses))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    """Run a webhook that refuses everything."""
    with Refusing() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join(10)


@pytest.fixture
def bridge(
    control_plane: ControlPlane,
    namespace: str,
    refusing: Refusing,
    receiver: Receiver,
    tmp_path: Path,
) -> Iterator[Bridge]:
    """Configure sinks that take, refuse, forward, overflow and hang; not started."""
    gone = f"http://127.0.0.1:{free_port()}/"
    slow = Receiver(delay_seconds=0.2)
    with (
        slow,
        Bridge(
            folder=tmp_path,
            kubeconfig=control_plane.apiserver.kubeconfig(),
            sources=[{"namespaces": [namespace]}],
            sinks=[
                {"name": "takes", "url": receiver.url},
                {"name": "refuses", "url": refusing.url},
                {"name": "forwards", "url": refusing.url, "deadLetterSink": "letters"},
                {"name": "letters", "url": receiver.url},
                {
                    "name": "overflows",
                    "url": gone,
                    "maxBacklog": 20,
                    "onFull": "dead-letter-oldest",
                },
                {"name": "slow", "url": slow.url, "concurrency": 4},
            ],
            routes=[
                {
                    "name": "every",
                    "sinks": ["takes", "refuses", "forwards", "overflows"],
                },
                {"name": "slowly", "sinks": ["slow"]},
            ],
        ) as one,
    ):
        yield one


def samples(bridge: Bridge) -> dict[tuple[str, str, str], float]:
    """Return the value of each sample with a sink, by name, sink and outcome."""
    found = {}
    for name, text, value in _SAMPLE.findall(bridge.metrics()):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', text))
        if "sink" in labels and set(labels) <= {"sink", "outcome"}:
            found[name, labels["sink"], labels.get("outcome", "")] = float(value)
    return found


def assert_balanced(bridge: Bridge) -> None:
    """Compare both sides of the books of every sink."""
    found = samples(bridge)
    sinks = {sink for name, sink, _ in found if name == "queue_depth"}
    assert sinks == {sink["name"] for sink in bridge.document["sinks"]}
    for sink in sinks:

        def value(name: str, outcome: str = "", sink: str = sink) -> float:
            return found[name, sink, outcome]

        def ended(outcome: str, sink: str = sink) -> float:
            return found["deliveries_total", sink, outcome]

        began = value("queue_depth_at_start") + value("deliveries_routed_total")
        gone = ended("delivered") + ended("dead") + ended("purged")
        assert began + ended("replayed") == gone + value("queue_depth"), sink


def test_books_of_every_sink_balance_on_the_whole_process(
    bridge: Bridge, writer: Writer
) -> None:
    """Dead letters, forwards, overflow, purges under way, replays, restarts.

    (issue 10, item 22)
    """
    bridge.start_and_wait()
    writer.fill(COUNT, prefix="books")
    purged = bridge.call("POST", "/api/v1/sinks/slow/purge").json()["purged"]
    assert_balanced(bridge)
    wait_until(lambda: is_done(bridge))
    letters = bridge.get("/api/v1/dead-letters?sink=refuses&limit=5").json()["items"]
    handles = [letter["handle"] for letter in letters]
    bridge.call("POST", "/api/v1/dead-letters/replay", json={"handles": handles})
    wait_until(lambda: is_done(bridge))

    assert ended(bridge, "refuses", "replayed") == 5
    assert (
        ended(bridge, "letters", "delivered") == ended(bridge, "forwards", "dead") > 0
    )
    assert ended(bridge, "slow", "purged") == purged
    assert_balanced(bridge)
    assert ended(bridge, "overflows", "dead") >= COUNT - 20 - 64
    assert f'kubebridge_events_routed_total{{route="every"}} {COUNT}.0' in (
        bridge.metrics()
    )
    bridge.stop()
    bridge.start_and_wait()
    assert samples(bridge)["queue_depth_at_start", "overflows", ""] > 0
    assert_balanced(bridge)


def test_numbers_of_a_reader_are_right_after_a_restart(
    bridge: Bridge, writer: Writer
) -> None:
    """The cursor and when it moved, though nothing happens (issue 10, item 22)."""
    bridge.start_and_wait()
    writer.fill(5, prefix="quiet")
    wait_until(lambda: ended(bridge, "takes", "delivered") == 5)
    names = ("cursor_resource_version", "watch_last_progress_timestamp_seconds")
    before = [gauge(bridge, name) for name in names]
    bridge.stop()
    bridge.start_and_wait()

    after = [gauge(bridge, name) for name in names]

    assert after[0] >= before[0] > 0
    assert after[1] >= before[1] - 1 > 0
    text = bridge.metrics()
    assert "_created" not in text
    assert "process_resident_memory_bytes" in text
    assert "kubebridge_queue_limit_bytes 1.073741824e+09" in text


def is_done(bridge: Bridge) -> bool:
    """Return whether everything has been routed and only one sink has a backlog."""
    found = samples(bridge)
    is_routed = found["deliveries_routed_total", "slow", ""] == COUNT
    depths = [v for (name, *_), v in found.items() if name == "queue_depth"]
    return is_routed and sum(map(bool, depths)) == 1


def ended(bridge: Bridge, sink: str, outcome: str) -> float:
    """Return how many deliveries ended so."""
    return samples(bridge)["deliveries_total", sink, outcome]


def gauge(bridge: Bridge, name: str) -> float:
    """Return the gauge of the only reader; 0: there is none."""
    found = re.search(
        rf"^kubebridge_{name}{{.*}} (.*)$", bridge.metrics(), re.MULTILINE
    )
    return float(found[1]) if found else 0.0
