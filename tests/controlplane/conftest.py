"""What the smoke test runs on."""

from tests.controlplane.fixtures import (
    control_plane_with_nodes,
    fresh_control_plane,
)

__all__ = ["control_plane_with_nodes", "fresh_control_plane"]
