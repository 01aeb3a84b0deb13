"""The control plane as pytest fixtures.

A conftest.py imports the ones its tests use. They skip with a reason when the binaries
are absent, and block while they start: mark such tests `e2e` and
`@pytest.mark.timeout(300)`.
"""

from collections.abc import Iterator

import pytest

from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane
from tests.controlplane.controllers import CONTROLLERS

__all__ = ["control_plane", "control_plane_with_nodes", "fresh_control_plane"]


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Run one for the whole session: stay in your namespace, never restart it."""
    yield from _run(tmp_path_factory)


@pytest.fixture
def fresh_control_plane(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane]:
    """Run one for a single test, which may restart, compact and roll it back."""
    yield from _run(tmp_path_factory)


@pytest.fixture(scope="module")
def control_plane_with_nodes(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ControlPlane]:
    """Run one with controllers, scheduler and three simulated nodes for a module."""
    yield from _run(tmp_path_factory, nodes=3)


def _run(
    tmp_path_factory: pytest.TempPathFactory, *, nodes: int = 0
) -> Iterator[ControlPlane]:
    binaries = find_binaries(*(CONTROLLERS if nodes else ()))
    if isinstance(binaries, str):
        pytest.skip(binaries)
    folder = tmp_path_factory.mktemp("control-plane")
    with ControlPlane(folder=folder, binaries=binaries, nodes=nodes) as plane:
        yield plane
