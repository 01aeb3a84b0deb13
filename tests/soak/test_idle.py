"""Ten minutes in which nothing happens; `SOAK_MINUTES` changes that."""

import os
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import wait_until
from tests.e2e.idle import NAMESPACES, idleness
from tests.e2e.receiver import Receiver

MINUTES = int(os.environ.get("SOAK_MINUTES", "10"))
COMPACT_EVERY = 120
SHORTEST_WATCH = 5

pytestmark = [pytest.mark.soak, pytest.mark.timeout(60 * MINUTES + 300)]


def test_quiet_watches_are_cheap_and_raise_no_alarm(
    fresh_control_plane: ControlPlane, receiver: Receiver, tmp_path: Path
) -> None:
    """Fifty watches end only when their time is over; then a restart finds no gap."""
    with idleness(fresh_control_plane, receiver, tmp_path) as idle:
        compactions = 60 * MINUTES // COMPACT_EVERY - 1
        idle.be_quiet(
            60 * MINUTES, compact_every=COMPACT_EVERY, compactions=compactions
        )
        watches = len(idle.watches())
        assert idle.trouble() == []
        idle.bridge.stop()
        idle.bridge.start_and_wait()
        idle.speak()
        wait_until(lambda: len(receiver.ledger.bodies) >= len(NAMESPACES))
        idle.bridge.settle()

        assert idle.trouble() == []
        assert len(receiver.ledger.ids()) == len(receiver.ledger.bodies) == 50
        assert receiver.ledger.events("gap") == []
        assert watches <= 50 * (1 + MINUTES / SHORTEST_WATCH)
