"""What an API server may do, or hold, that must not stop the reading (issue 10)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.controlplane.apiserver import ApiServer
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.custom import GROUP, custom_resource
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

UNWATCHED = 'kubebridge_watching{namespace="*",resource="pods",source="pod"} 0.0'

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def create_deep(
    server: ApiServer, namespace: str, kind: str, name: str, levels: int
) -> None:
    """Create a custom resource that is nested so deep."""
    spec = '{"a":' * levels + "1" + "}" * levels
    metadata = f'{{"name":"{name}","namespace":"{namespace}"}}'
    head = f'"apiVersion":"{GROUP}/v1","kind":"{kind}","metadata":{metadata}'
    answer = httpx.post(
        f"{server.url}/apis/{GROUP}/v1/namespaces/{namespace}/{kind.lower()}s",
        content=f'{{{head},"spec":{spec}}}',
        headers={
            "Authorization": f"Bearer {server.token()}",
            "Content-Type": "application/json",
        },
        verify=server.ssl_context(),
        trust_env=False,
    )
    assert answer.is_success, answer.text[:500]


def dead(bridge: Bridge) -> list[str]:
    """Return the errors of the dead letters that are no deliveries."""
    items = bridge.get("/api/v1/dead-letters?limit=500").json()["items"]
    return [one["reason"] for one in items if one["sink"] is None]


@pytest.mark.parametrize("levels", [1_100, 9_900])
def test_deep_object_is_a_dead_letter_and_stops_nobody(
    bridge: Bridge,
    control_plane: ControlPlane,
    receiver: Receiver,
    namespace: str,
    writer: Writer,
    levels: int,
) -> None:
    """Whether it is listed, watched or read again after a restart (item 30)."""
    # A kind for each: a definition is still there a while after it was deleted.
    server, kind = control_plane.apiserver, f"Nest{levels}"
    plural = f"{kind.lower()}s"
    nests = {"name": "nests", "resource": f"{plural}.{GROUP}", "initial": "emit"}
    sources = [{"namespaces": [namespace]}, nests | {"namespaces": [namespace]}]
    bridge.write(bridge.document | {"sources": sources})
    with custom_resource(server, kind):
        wait_until(lambda: _is_served(server, namespace, plural))
        create_deep(server, namespace, kind, "listed", levels)
        create_deep(server, namespace, kind, "beside", 3)
        bridge.start_and_wait()
        create_deep(server, namespace, kind, "watched", levels)
        create_deep(server, namespace, kind, "after", 3)
        wait_until(lambda: len(dead(bridge)) == 2)
        assert bridge.stop() == 0
        bridge.start_and_wait()
        writer.fill(1, prefix="event", repeats=0)
        told = wait_for(receiver, {"beside", "after"})

        letters = bridge.get("/api/v1/dead-letters").json()["items"]
        shown = bridge.get(f"/api/v1/dead-letters/{letters[0]['handle']}").json()

    assert "expected at most 500 lists and objects" in letters[0]["reason"]
    assert shown["event"].count('{"a":') == levels
    assert told == {"beside", "after"}
    wait_until(lambda: any(receiver.ledger.events("event")))


def wait_for(receiver: Receiver, names: set[str]) -> set[str]:
    """Wait until these objects are told; return the names of all that are."""

    def told() -> set[str]:
        return {str(one["name"]) for one in receiver.ledger.events("resource")}

    wait_until(lambda: told() >= names)
    return told()


def _is_served(server: ApiServer, namespace: str, plural: str) -> bool:
    try:
        server.request("GET", f"/apis/{GROUP}/v1/namespaces/{namespace}/{plural}")
    except httpx.HTTPStatusError:
        return False
    return True


@contextmanager
def stopped(server: ApiServer) -> Iterator[None]:
    """Let the process stand still: its kernel goes on to accept connections."""
    process = server.server.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_silent_server_is_noticed_within_a_minute(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """And read on from by itself, with nothing lost (item 13)."""
    server = fresh_control_plane.apiserver
    writer = Writer(server, "default")
    with Bridge(
        folder=tmp_path,
        kubeconfig=server.kubeconfig(),
        sources=[{}, {"kind": "Pod"}],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start_and_wait()
        with stopped(server):
            wait_until(lambda: not bridge.is_ready(), seconds=60)
            said = bridge.get("/readyz").text
            wait_until(lambda: UNWATCHED in bridge.metrics())
        bridge.wait_ready(seconds=60)
        writer.fill(1, prefix="after", repeats=0)
        wait_until(lambda: any(receiver.ledger.events("event")))
        log = bridge.log.read_text()

    assert "no word from the API server for 30 s" in said
    assert log.count("The API server is silent.") == 1
    assert log.count("The API server answers again.") == 1


def test_optional_sources_hold_nothing(
    bridge: Bridge, control_plane: ControlPlane, receiver: Receiver, namespace: str
) -> None:
    """Neither what is not served, until it is, nor what is refused (item 12)."""
    server = control_plane.apiserver
    late = {"name": "late", "resource": f"lates.{GROUP}", "optional": True}
    sources = [{"namespaces": [namespace]}, late | {"namespaces": [namespace]}]
    bridge.write(bridge.document | {"sources": sources})
    bridge.start_and_wait()
    before = bridge.source("late")["state"]

    with custom_resource(server, "Late"):
        wait_until(lambda: bridge.is_watching("late"))
        body = {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Late",
            "metadata": {"name": "come"},
        }
        path = f"/apis/{GROUP}/v1/namespaces/{namespace}/lates"
        server.request("POST", path, body)
        assert wait_for(receiver, {"come"})

    assert before == "absent"
