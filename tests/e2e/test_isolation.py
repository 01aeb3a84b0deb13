"""One dead and one slow sink among ten: the other eight do not notice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import wait_until
from tests.e2e.crowd import HEALTHY, Crowd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

BURST = 2_000
STEP, STEPS = 50, 10
AT_ONCE = 15.0
"""Seconds in which a step is surely through, on a machine that does other work too."""


@pytest.fixture
def crowd(control_plane: ControlPlane, tmp_path: Path) -> Iterator[Crowd]:
    """Run a bridge with ten sinks."""
    with Crowd(plane=control_plane, folder=tmp_path) as one:
        yield one


def assert_healthy_have_all_once(crowd: Crowd) -> None:
    """Compare what each took with what was written."""
    for receiver in crowd.healthy.values():
        assert dict(receiver.ledger.ids()) == dict.fromkeys(crowd.writer.ids, 1)


def test_burst_reaches_healthy_sinks_in_spite_of_bad_ones(crowd: Crowd) -> None:
    """Their backlog is empty again while that of the dead one holds all."""
    crowd.writer.fill(BURST, prefix="burst")
    found = crowd.wait_caught_up(seconds=60)

    assert found["dead"] == BURST
    assert found["slow"] > BURST / 2
    assert crowd.slow.ledger.bodies
    assert_healthy_have_all_once(crowd)


def test_steady_load_leaves_healthy_sinks_without_a_backlog(crowd: Crowd) -> None:
    """Step by step theirs returns to nothing, and that of the dead one grows."""
    found = []
    for number in range(STEPS):
        crowd.writer.fill(STEP, prefix=f"steady-{number}")
        found.append(crowd.wait_caught_up(seconds=AT_ONCE))

    assert [one["dead"] for one in found] == [*range(STEP, STEP * STEPS + 1, STEP)]
    assert all(one[name] == 0 for one in found for name in HEALTHY)
    assert found[-1]["slow"] > STEP * STEPS / 2
    assert crowd.slow.ledger.bodies
    assert_healthy_have_all_once(crowd)


def test_dead_sink_that_comes_back_gets_all(crowd: Crowd) -> None:
    """While new events go on; the others get nothing twice for it."""
    crowd.writer.fill(BURST, prefix="before")
    crowd.wait_caught_up(seconds=60)
    revived = crowd.revive().ledger
    crowd.writer.fill(STEP, prefix="after")
    wait_until(lambda: len(revived.bodies) >= len(crowd.writer.ids), seconds=120)
    crowd.wait_caught_up(seconds=AT_ONCE)

    assert dict(revived.ids()) == dict.fromkeys(crowd.writer.ids, 1)
    assert crowd.backlogs()["slow"] > 0
    assert_healthy_have_all_once(crowd)
