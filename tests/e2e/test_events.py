"""Every revision of every Event, from a real API server to a real webhook."""

import time
from pathlib import Path

import pytest

from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.conftest import make_namespace
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_bridge_delivers_every_revision_once(
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    receiver: Receiver,
    bridge: Bridge,
) -> None:
    """10,000 revisions, a third of them repeats, arrive once each."""
    start = control_plane.etcd.current_revision()
    bridge.start_and_wait()

    writer.fill(10_000, prefix="burst")
    wait_until(lambda: len(receiver.ledger.bodies) >= 10_000)

    prefix = f"/registry/events/{namespace}/"
    written = control_plane.etcd.writes(since=start, prefix=prefix)
    assert len({write.revision for write in written}) == len(set(writer.ids)) == 10_000
    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def test_bridge_resumes_where_it_stopped(
    writer: Writer, receiver: Receiver, bridge: Bridge
) -> None:
    """What is written while it is down arrives after the start; nothing twice."""
    bridge.start_and_wait()
    writer.fill(200, prefix="before")
    wait_until(lambda: len(receiver.ledger.bodies) >= 200)
    assert bridge.stop() == 0

    writer.fill(300, prefix="down")
    bridge.start_and_wait()
    wait_until(lambda: len(receiver.ledger.bodies) >= 500)

    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def test_bridge_emits_what_is_retained_where_asked_to(
    writer: Writer, receiver: Receiver, bridge: Bridge, namespace: str
) -> None:
    """`initial: emit` sends the newest revision of each Event that is there."""
    writer.fill(1_200, prefix="old", repeats=0)
    source = {"namespaces": [namespace], "initial": "emit"}
    bridge.write(bridge.document | {"sources": [source]})

    bridge.start_and_wait()
    wait_until(lambda: len(receiver.ledger.bodies) >= 1_200)

    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def test_bridge_says_nothing_when_events_expire(
    tmp_path: Path, receiver: Receiver
) -> None:
    """The end of an Event's time to live is no event of ours."""
    binaries = find_binaries()
    if isinstance(binaries, str):
        pytest.skip(binaries)
    with ControlPlane(folder=tmp_path, binaries=binaries, event_ttl="3s") as plane:
        namespace = make_namespace(plane)
        writer = Writer(plane.apiserver, namespace)
        with Bridge(
            folder=tmp_path,
            kubeconfig=plane.apiserver.kubeconfig(),
            sinks=[{"name": "hook", "url": receiver.url}],
        ) as bridge:
            start = plane.etcd.current_revision()
            bridge.start_and_wait()
            writer.fill(100, prefix="short-lived", repeats=0)

            wait_until(lambda: _deletions(plane, start) >= 100)
            wait_until(lambda: _cursor(bridge) >= plane.etcd.current_revision() - 5)

            assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def _deletions(plane: ControlPlane, since: int) -> int:
    return sum(write.is_delete for write in plane.etcd.writes(since=since))


def _cursor(bridge: Bridge) -> int:
    (reader,) = bridge.get("/api/v1/sources").json()["items"]
    return int(reader["resourceVersion"])


def test_selected_namespaces_are_read_by_one_watch_each(
    control_plane: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Two namespaces are read, a third is not."""
    names = [make_namespace(control_plane) for _ in range(3)]
    writers = [Writer(control_plane.apiserver, name) for name in names]
    with Bridge(
        folder=tmp_path,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        sources=[{"namespaces": names[:2]}],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start_and_wait()
        for one in reversed(writers):
            one.fill(50, prefix="some")

        wait_until(lambda: len(receiver.ledger.bodies) >= 100)
        time.sleep(0.5)

        expected = writers[0].ids + writers[1].ids
        assert dict(receiver.ledger.ids()) == dict.fromkeys(expected, 1)


def test_changed_selector_continues_from_the_old_cursor(
    control_plane: ControlPlane, writer: Writer, receiver: Receiver, bridge: Bridge
) -> None:
    """A new selector is a new scope, but it never starts silently from now."""
    bridge.start_and_wait()
    writer.fill(20, prefix="before")
    wait_until(lambda: len(receiver.ledger.bodies) >= 20)
    bridge.stop()

    writer.fill(30, prefix="down")
    source = bridge.document["sources"][0] | {"fieldSelector": "type=Warning"}
    bridge.write(bridge.document | {"sources": [source]})
    bridge.start_and_wait()
    wait_until(lambda: len(receiver.ledger.bodies) >= 50)

    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)
