"""What happens when the API server's history is shorter than a downtime."""

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def revision(id_: str) -> int:
    """Return the resourceVersion in an id of ours."""
    return int(id_.rsplit("-", 1)[1])


def test_expired_cursor_is_repaired_as_far_as_history_reaches(
    control_plane: ControlPlane, writer: Writer, receiver: Receiver, bridge: Bridge
) -> None:
    """1,000 repeats while down, compacted at the half: the later half all arrives."""
    writer.fill(50, prefix="old", repeats=0)
    bridge.start_and_wait()
    names = list(writer.names)
    writer.repeat_all(50, names=names)
    wait_until(lambda: len(receiver.ledger.bodies) >= 50)
    bridge.stop()
    receiver.ledger.bodies.clear()

    missed = len(writer.ids)
    writer.repeat_all(500, names=names)
    compacted = control_plane.etcd.compact()
    writer.repeat_all(500, names=names)
    bridge.start_and_wait()
    expected = {id_ for id_ in writer.ids[missed:] if revision(id_) > compacted}
    wait_until(lambda: expected <= set(receiver.ledger.ids()))

    gaps = receiver.ledger.events("gap")
    got = receiver.ledger.ids()
    newest = set(writer.ids[missed:])
    assert len(expected) == 500
    assert len(gaps) == 1
    assert int(gaps[0]["data"]["snapshot"]) >= compacted - 1
    assert set(got) - {gaps[0]["id"]} <= newest
    assert all(count == 1 for count in got.values())


def test_quiet_stream_announces_no_gap(
    control_plane: ControlPlane, writer: Writer, receiver: Receiver, bridge: Bridge
) -> None:
    """History that was compacted up to the cursor, with nothing missed, is no gap."""
    bridge.start_and_wait()
    writer.fill(10, prefix="some")
    wait_until(lambda: len(receiver.ledger.bodies) >= 10)
    bridge.stop()

    control_plane.etcd.compact(max(map(revision, writer.ids)))
    writer.fill(10, prefix="more")
    bridge.start_and_wait()
    wait_until(lambda: len(receiver.ledger.bodies) >= 20)

    assert receiver.ledger.events("gap") == []
    assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)


def test_rolled_back_cluster_begins_a_new_epoch(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path_factory
) -> None:
    """After an etcd restore everything is read again under ids that are new."""
    plane = fresh_control_plane
    writer = Writer(plane.apiserver, "default")
    with Bridge(
        folder=tmp_path_factory.mktemp("bridge"),
        kubeconfig=plane.apiserver.kubeconfig(),
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start_and_wait()
        writer.fill(20, prefix="kept", repeats=0)
        snapshot = plane.etcd.snapshot()
        writer.fill(300, prefix="undone", repeats=0)
        wait_until(lambda: len(receiver.ledger.bodies) >= 320)
        bridge.stop()
        receiver.ledger.bodies.clear()

        plane.restore(snapshot)
        bridge.start_and_wait()
        wait_until(lambda: len(receiver.ledger.bodies) >= 21)

        gaps = receiver.ledger.events("gap")
        assert [gap["data"]["cause"] for gap in gaps] == ["rolled-back"]
        again = {f"{id_}-e2" for id_ in writer.ids[:20]}
        assert again <= set(receiver.ledger.ids())


def test_api_server_restart_under_a_watch_loses_nothing(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path_factory
) -> None:
    """Two seconds without an API server cost no revision and no duplicate."""
    plane = fresh_control_plane
    writer = Writer(plane.apiserver, "default")
    with Bridge(
        folder=tmp_path_factory.mktemp("bridge"),
        kubeconfig=plane.apiserver.kubeconfig(),
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start_and_wait()
        writer.fill(100, prefix="before")
        plane.apiserver.restart(kill=True)
        writer.fill(100, prefix="after")

        wait_until(lambda: len(receiver.ledger.bodies) >= 200)

        assert dict(receiver.ledger.ids()) == dict.fromkeys(writer.ids, 1)
