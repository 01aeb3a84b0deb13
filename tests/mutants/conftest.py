"""Mutants are tormented on the same control plane as the real one."""

from tests.e2e.conftest import control_plane, namespace, writer

__all__ = ["control_plane", "namespace", "writer"]
