"""The servers of the end-to-end tests, for hours instead of seconds."""

from tests.controlplane.fixtures import fresh_control_plane
from tests.e2e.conftest import receiver

__all__ = ["fresh_control_plane", "receiver"]
