"""A real control plane for the HTTP proxy to stand in front of."""

from tests.controlplane.fixtures import control_plane

__all__ = ["control_plane"]
