"""A sink is gone for ten minutes; `SOAK_MINUTES` changes that."""

import os
import time
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.outage import Outage, disorder

MINUTES = int(os.environ.get("SOAK_MINUTES", "10"))
WAITING = 10_000
MOST_SECONDS = 900
"""A sink that is back is noticed within 10 minutes, by default."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(60 * MINUTES + MOST_SECONDS + 300)]


@pytest.mark.parametrize("ordering", ["none", "object"])
def test_sink_that_is_back_gets_all_that_waits(
    fresh_control_plane: ControlPlane, tmp_path: Path, ordering: str
) -> None:
    """With the defaults of a sink: once each, in order where asked."""
    settings = {"ordering": ordering}
    with Outage(plane=fresh_control_plane, folder=tmp_path, settings=settings) as one:
        one.pile_up(WAITING)
        time.sleep(60 * MINUTES)
        ledger = one.end(seconds=MOST_SECONDS).ledger

        assert dict(ledger.ids()) == dict.fromkeys(one.writer.ids, 1)
        if ordering == "object":
            assert disorder(ledger.bodies) == []
