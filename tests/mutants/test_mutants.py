"""Each way to break the promise is caught by the kill test: `make mutants`."""

from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge
from tests.e2e.receiver import Receiver
from tests.e2e.torment import torment
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.mutant, pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    ("mutant", "seed"),
    [
        ("cursor_first", 7),
        ("gone_when_leased", 7),
        ("overtaking_bookmark", 7),
        ("gone_before_answer", 7),
    ],
)
def test_kill_test_catches(
    mutant: str,
    seed: int,
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    tmp_path: Path,
) -> None:
    """A broken promise shows as lost events."""
    with (
        Receiver(delay_seconds=0.002) as receiver,
        Bridge(
            folder=tmp_path,
            kubeconfig=control_plane.apiserver.kubeconfig(),
            module=f"tests.mutants.{mutant}",
            sources=[{"namespaces": [namespace], "initial": "emit"}],
            sinks=[{"name": "hook", "url": receiver.url, "concurrency": 8}],
        ) as bridge,
    ):
        result = torment(bridge, writer, receiver, rounds=15, seed=seed)

    assert result.lost > 0
