"""Why something was not delivered, and how it is afterwards, on real servers."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import TOKEN, Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


class Moody(ThreadingHTTPServer):
    """A webhook that answers with what `status` is, and notes the ids it took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 422
        self.taken: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Moody

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.status == 200:
            self.server.taken.append(event["id"])
        answer = b"no such field: spec.colour"
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def moody() -> Iterator[Moody]:
    """Run a webhook that refuses everything at first."""
    with Moody() as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield one
        one.shutdown()
        thread.join(10)


@pytest.fixture
def bridge(
    control_plane: ControlPlane, namespace: str, moody: Moody, tmp_path: Path
) -> Iterator[Bridge]:
    """Configure a bridge from that namespace to that webhook; not started."""
    with Bridge(
        folder=tmp_path,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        sources=[{"namespaces": [namespace]}],
        sinks=[{"name": "hook", "url": moody.url}],
    ) as one:
        yield one


def kubebridge(bridge: Bridge, *words: str, code: int = 0) -> Any:
    """Type a verb, as an operator in a pipe; return what it printed."""
    url = f"http://127.0.0.1:{bridge.port}"
    done = subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        env=os.environ | {"KUBEBRIDGE_URL": url, "KUBEBRIDGE_TOKEN": TOKEN},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def newest(ids: list[str]) -> set[str]:
    """Return the last revision of each Event, which is all that a list shows."""
    last: dict[str, int] = {}
    for one in ids:
        uid, _, version = one.rpartition("-")
        last[uid] = max(last.get(uid, 0), int(version))
    return {f"{uid}-{version}" for uid, version in last.items()}


def test_what_was_refused_is_explained_and_replayed(
    bridge: Bridge, writer: Writer, moody: Moody
) -> None:
    """Dead letters show each attempt; once the sink is mended a filter brings them."""
    bridge.start_and_wait()
    writer.fill(5, prefix="some")
    wait_until(lambda: len(kubebridge(bridge, "dead-letters", "list")["items"]) >= 5)

    first = kubebridge(bridge, "dead-letters", "list", "--reason", "422")["items"][0]
    shown = kubebridge(bridge, "deliveries", "show", first["eventHandle"], "hook")
    moody.status = 200
    words = ("--all", "--reason", "422", "--attribute", "reason=Back*", "--since", "1h")
    answer = kubebridge(bridge, "dead-letters", "replay", *words)

    assert shown["state"] == "dead"
    assert [one["status"] for one in shown["tries"]] == [422]
    assert "spec.colour" in shown["tries"][0]["excerpt"]
    assert answer["replayed"] == len(writer.ids)
    wait_until(lambda: sorted(moody.taken) == sorted(writer.ids))
    delivered = ("deliveries", "list", "--state", "delivered", "--route", "all")
    wait_until(lambda: len(kubebridge(bridge, *delivered)["items"]) == len(writer.ids))
    assert kubebridge(bridge, "dead-letters", "list")["items"] == []


def test_a_new_sink_gets_what_it_missed(
    bridge: Bridge, writer: Writer, moody: Moody, receiver: Receiver
) -> None:
    """What is stored, then what the API server holds: each revision at most once."""
    moody.status = 200
    writer.fill(10, prefix="early")
    early = set(writer.ids)
    bridge.start_and_wait()
    writer.fill(10, prefix="stored")
    bridge.settle()
    bridge.stop()
    sinks = [*bridge.document["sinks"], {"name": "late", "url": receiver.url}]
    bridge.write(bridge.document | {"sinks": sinks})
    bridge.start_and_wait()

    answer = kubebridge(
        bridge, "deliveries", "replay", "--to-sink", "late", "--backfill"
    )
    bridge.settle()

    stored = set(writer.ids) - early
    came = receiver.ledger.ids()
    assert set(came) == stored | newest(writer.ids)
    assert set(came.values()) == {1}
    assert answer["kept"] == len(stored)
    [reached] = answer["listed"]
    assert (reached["resource"], reached["listed"]) == ("events", len(writer.names))
    assert answer["replayed"] == len(came)


def test_a_test_is_sent_and_leaves_nothing(bridge: Bridge, moody: Moody) -> None:
    """What the sink said is printed; what it refused is taken back."""
    bridge.start_and_wait()

    refused = kubebridge(bridge, "send-test", "hook", code=1)
    moody.status = 200
    taken = kubebridge(bridge, "send-test", "hook")

    assert (refused["outcome"], taken["outcome"]) == ("dead", "delivered")
    assert refused["tries"][0]["excerpt"].startswith("no such field")
    assert taken["tries"][0]["durationSeconds"] < 10
    assert moody.taken == [taken["id"]]
    assert kubebridge(bridge, "dead-letters", "list")["items"] == []
    assert bridge.backlog("hook") == 0
