"""A real control plane, a namespace, a receiver and a bridge for each test."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.controlplane.fixtures import (
    control_plane,
    control_plane_with_nodes,
    fresh_control_plane,
)
from tests.e2e.bridge import Bridge
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

__all__ = ["control_plane", "control_plane_with_nodes", "fresh_control_plane"]


def make_namespace(plane: ControlPlane) -> str:
    """Create a namespace that nobody else uses."""
    name = f"test-{uuid4().hex[:8]}"
    plane.apiserver.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return name


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """Return a namespace on the shared control plane."""
    return make_namespace(control_plane)


@pytest.fixture
def writer(control_plane: ControlPlane, namespace: str) -> Writer:
    """Return a writer of Events in that namespace."""
    return Writer(control_plane.apiserver, namespace)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a receiver."""
    with Receiver() as one:
        yield one


@pytest.fixture
def bridge(
    control_plane: ControlPlane, namespace: str, receiver: Receiver, tmp_path: Path
) -> Iterator[Bridge]:
    """Configure a bridge from that namespace to that receiver; not started."""
    one = Bridge(
        folder=tmp_path,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        sources=[{"namespaces": [namespace]}],
        sinks=[{"name": "hook", "url": receiver.url}],
    )
    with one:
        yield one
