"""What is quiet is cheap: no errors, no lists, no false alarm."""

from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import wait_until
from tests.e2e.idle import NAMESPACES, idleness
from tests.e2e.receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SECONDS = 24
SHORTEST_WATCH = 6


def test_quiet_watches_outlive_compactions_unnoticed(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Watches end and begin again beyond the history, which nobody needs to know."""
    with idleness(
        fresh_control_plane, receiver, tmp_path, module="tests.e2e.hasty"
    ) as idle:
        idle.be_quiet(SECONDS, compact_every=5, compactions=2)
        watches = len(idle.watches())
        idle.speak()
        wait_until(lambda: len(receiver.ledger.bodies) >= len(NAMESPACES))
        idle.bridge.settle()

        assert idle.trouble() == []
        assert len(receiver.ledger.ids()) == len(receiver.ledger.bodies) == 50
        assert receiver.ledger.events("gap") == []
        assert 2 * 50 <= watches <= 50 * (2 * SECONDS / SHORTEST_WATCH)
        # That of each quiet watch of Events was beyond the history once, so it listed.
        assert 10 <= len(idle.lists("events")) <= 2 * 25
        assert len(idle.lists("configmaps")) <= 25
