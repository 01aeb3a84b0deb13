"""A cluster on which the manifests are installed, and a webhook."""

from collections.abc import Iterator

import pytest

from tests.controlplane.apiserver import ApiServer
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.fixtures import control_plane, control_plane_with_nodes
from tests.controlplane.process import wait_until
from tests.deploy.documents import MANIFESTS
from tests.e2e.receiver import Receiver

__all__ = ["control_plane", "control_plane_with_nodes"]

# Simulated nodes have no provisioner, so the claim gets its volume by hand.
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: queue}
spec:
  capacity: {storage: 2Gi}
  accessModes: [ReadWriteOnce]
  hostPath: {path: /never-mounted}
"""


@pytest.fixture(scope="module")
def cluster(control_plane_with_nodes: ControlPlane) -> ApiServer:
    """Install the manifests and wait until the StatefulSet is up."""
    api = control_plane_with_nodes.apiserver
    api.kubectl("apply", "-f", "-", stdin=VOLUME)
    api.kubectl("apply", "-k", str(MANIFESTS))
    path = "/apis/apps/v1/namespaces/kubebridge/statefulsets/kubebridge"
    wait_until(
        lambda: api.request("GET", path)["status"].get("readyReplicas") == 1, seconds=60
    )
    return api


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a webhook."""
    with Receiver() as one:
        yield one
