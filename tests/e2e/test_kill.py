"""kill -9 at random moments, on a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge
from tests.e2e.receiver import Receiver
from tests.e2e.torment import FIRST_SYNCS, RETAINED, torment
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CONCURRENCY = 8
MOST_UNSETTLED = 1_000 + 3 * CONCURRENCY
"""Leased, and answered but not recorded yet (`bridge.deliver`)."""


@pytest.fixture
def slow_receiver() -> Iterator[Receiver]:
    """Run a receiver that takes 2 ms, so that kills find attempts under way."""
    with Receiver(delay_seconds=0.002) as one:
        yield one


def test_kill_at_random_moments_loses_nothing(
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    slow_receiver: Receiver,
    tmp_path: Path,
) -> None:
    """25 kills: nothing lost, nothing invented, few duplicates."""
    with Bridge(
        folder=tmp_path,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        sources=[{"namespaces": [namespace], "initial": "emit"}],
        sinks=[{"name": "hook", "url": slow_receiver.url, "concurrency": CONCURRENCY}],
    ) as bridge:
        result = torment(bridge, writer, slow_receiver, rounds=25, seed=7)

    snapshots = FIRST_SYNCS * RETAINED
    assert (result.lost, result.invented) == (0, 0)
    assert result.duplicates <= result.kills * MOST_UNSETTLED + snapshots
