"""Where nothing is sent to, and how large what is sent may be, seen from outside."""

import asyncio
from http import HTTPStatus
from typing import Any

import pytest

from bench.load import event
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_nothing_is_sent_to_the_api_server_or_to_a_metadata_service(
    bridge: Bridge, control_plane: ControlPlane, writer: Writer, receiver: Receiver
) -> None:
    """These sinks pause, say why and keep everything; the others get it."""
    server = control_plane.apiserver.url.replace("127.0.0.1", "localhost")
    bad = [
        {"name": "server", "url": f"{server}/apis/batch/v1/namespaces/shop/jobs"},
        {"name": "cloud", "url": "http://169.254.169.254/latest"},
    ]
    bridge.write(bridge.document | {"sinks": [*bridge.document["sinks"], *bad]})

    bridge.start_and_wait()
    writer.fill(20, prefix="a")
    wait_until(lambda: shown(bridge, "server")["state"] == "paused")
    wait_until(lambda: shown(bridge, "cloud")["state"] == "paused")
    wait_until(lambda: bridge.backlog("server") >= 20 and not bridge.backlog("hook"))

    assert "which is denied (the API server)" in shown(bridge, "server")["reason"]
    assert "which is denied (link-local)" in shown(bridge, "cloud")["reason"]
    assert len(receiver.ledger.ids()) >= 20


def shown(bridge: Bridge, sink: str) -> dict[str, Any]:
    """Return what the API says of a sink."""
    items: list[dict[str, Any]] = bridge.get("/api/v1/sinks").json()["items"]
    return next(one for one in items if one["name"] == sink)


def test_event_is_trimmed_for_whom_it_is_too_large(
    bridge: Bridge, writer: Writer, receiver: Receiver, namespace: str
) -> None:
    """What is too long is cut and marked, and counted; the id stays."""
    (hook,) = bridge.document["sinks"]
    hook |= {"size": {"max": "8KiB", "policy": "trim"}}
    bridge.write(bridge.document | {"sinks": [hook]})
    large = event(namespace, "large", "Back-off")
    large["metadata"]["annotations"] = {"example.com/why": "because " * 3000}

    bridge.start_and_wait()
    asyncio.run(create(writer, large))
    wait_until(lambda: bool(receiver.ledger.events()))

    (got,) = receiver.ledger.events()
    annotations = got["data"]["metadata"]["annotations"]
    assert annotations["example.com/why"].endswith("\u2026[trimmed, 24000 bytes]")
    assert got["id"].startswith(got["data"]["metadata"]["uid"])
    assert int(got["trimmed"]) > 24_000
    assert 7_000 < len(receiver.ledger.bodies[0]) < 8_192
    line = 'kubebridge_events_oversized_total{policy="trim",sink="hook"} 1.0'
    assert line in bridge.metrics()


async def create(writer: Writer, body: dict[str, Any]) -> None:
    """Create an Event."""
    async with (
        writer.session() as session,
        session.post(writer._url, json=body) as answer,
    ):
        assert answer.status == HTTPStatus.CREATED, await answer.text()
