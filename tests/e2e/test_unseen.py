"""What came and went while nobody could look: told, or admitted."""

from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def write(plane: ControlPlane, name: str) -> str:
    """Create a ConfigMap; return its uid."""
    body = {"metadata": {"name": name}}
    made = plane.apiserver.request("POST", CONFIG_MAPS, body)
    return str(made["metadata"]["uid"])


@pytest.mark.parametrize("others", [0, 1_500])
def test_life_between_two_watch_caches_is_told_or_covered_by_a_gap(
    others: int,
    fresh_control_plane: ControlPlane,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """Created and deleted during a downtime, and then the API server restarts."""
    plane = fresh_control_plane
    with Bridge(
        folder=tmp_path,
        kubeconfig=plane.apiserver.kubeconfig(),
        sources=[{"kind": "ConfigMap"}],
        sinks=[{"name": "hook", "url": receiver.url}],
    ) as bridge:
        bridge.start_and_wait()
        write(plane, "before")
        bridge.stop()
        short = write(plane, "short")
        plane.apiserver.request("DELETE", f"{CONFIG_MAPS}/short")
        Writer(plane.apiserver, "default").fill(others, prefix="other")
        write(plane, "lasting")
        plane.apiserver.restart()
        bridge.start_and_wait()
        write(plane, "after")
        wait_until(lambda: any(b'"after"' in one for one in receiver.ledger.bodies))

        told = {event["uid"] for event in receiver.ledger.events("resource")}
        assert short in told or receiver.ledger.events("gap")
