"""A volume that is really full: reading stops, delivery goes on, nothing is lost."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def volume(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Mount a volume of so many MiB."""
    folder = tmp_path / "volume"
    folder.mkdir()
    size = f"size={request.param}m"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small volume: {done.stderr.strip()} (needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    ("volume", "padding", "count", "queue"),
    [
        (12, 0, 8_000, {"reserve": "4MiB", "keep": "0s"}),
        (48, 20_000, 3_600, {}),
        (48, 20_000, 3_600, {"keep": "0s"}),
    ],
    indirect=["volume"],
)
def test_full_volume_stops_reading_and_loses_nothing(
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    volume: Path,
    tmp_path: Path,
    padding: int,
    count: int,
    queue: dict[str, str],
) -> None:
    """Not ready and says why; once the sink is back everything arrives.

    Also large events, with what was delivered kept (issue 10, item 32).
    """
    writer.padding = padding
    port = free_port()
    with Bridge(
        folder=tmp_path,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        queue={"path": str(volume / "queue.db"), **queue},
        sources=[{"namespaces": [namespace]}],
        sinks=[
            {
                "name": "hook",
                "url": f"http://127.0.0.1:{port}/hook",
                "retry": {"min": "1s", "max": "2s"},
            }
        ],
    ) as bridge:
        bridge.start_and_wait()
        writer.fill(count, prefix="much", repeats=0.0 if padding else 0.3)
        wait_until(lambda: "[-]queue" in readiness(bridge), seconds=120)

        with Receiver(port=port) as receiver:
            wait_until(
                lambda: set(writer.ids) <= set(receiver.ledger.ids()), seconds=120
            )
            bridge.wait_ready()

            assert set(receiver.ledger.ids()) == set(writer.ids)


def readiness(bridge: Bridge) -> str:
    """Return what the readiness probe says."""
    try:
        return bridge.get("/readyz?verbose").text
    except httpx.TransportError:
        return ""
