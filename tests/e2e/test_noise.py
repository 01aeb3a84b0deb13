"""A storm of repeats: what arrives and what was held back adds up, over kill -9."""

import random
import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PODS = 50
REPEATS = 2_000
KILLS = 4
PASSING = 2
ROUTE = {
    "name": "storm",
    "throttle": {"count": PASSING, "window": "2h", "key": ["data.metadata.uid"]},
    "digest": "2s",
}


def expected_ids(writer: Writer) -> set[str]:
    """Return the first revisions of each Event, in the order of the API server."""
    passed: Counter[str] = Counter()
    found = set()
    for id_ in sorted(writer.ids, key=lambda one: int(one.rpartition("-")[2])):
        event = id_.rpartition("-")[0]
        passed[event] += 1
        if passed[event] <= PASSING:
            found.add(id_)
    return found


def told(receiver: Receiver) -> int:
    """Return how many events all digests together say were held back."""
    digests = {
        one["id"]: one["data"]["count"] for one in receiver.ledger.events("digest")
    }
    return sum(digests.values())


def held_back(bridge: Bridge) -> float:
    """Return how many events this process has held back."""
    text = r'^kubebridge_held_back_total{route="storm",stage="throttle"} (.*)$'
    found = re.search(text, bridge.metrics(), re.MULTILINE)
    return float(found[1]) if found else 0.0


def kill_while(bridge: Bridge, thread: threading.Thread) -> None:
    """Kill the bridge at random moments of a storm, and let it go on."""
    chance = random.Random(12)
    thread.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.2, 1.5))
        bridge.kill()
        bridge.start_and_wait()
    thread.join(120)


def test_storm_adds_up_over_kills(
    control_plane: ControlPlane,
    namespace: str,
    writer: Writer,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """Each revision arrived, or a digest counts it; none did both."""
    with Bridge(
        folder=tmp_path,
        kubeconfig=control_plane.apiserver.kubeconfig(),
        sources=[{"namespaces": [namespace]}],
        sinks=[{"name": "hook", "url": receiver.url}],
        routes=[ROUTE],
    ) as bridge:
        bridge.start_and_wait()
        writer.fill(PODS, prefix="pod", repeats=0)
        names = list(writer.names)
        storm = threading.Thread(
            target=writer.repeat_all, args=(REPEATS,), kwargs={"names": names}
        )
        kill_while(bridge, storm)
        wait_until(lambda: told(receiver) >= PODS + REPEATS - PASSING * PODS)
        bridge.settle()
        before = held_back(bridge)
        writer.repeat_all(PODS, names=names)
        wait_until(lambda: held_back(bridge) == before + PODS)
        wait_until(lambda: told(receiver) >= len(writer.ids) - PASSING * PODS)

    arrived = {id_ for id_ in receiver.ledger.ids() if not id_.startswith("digest-")}
    assert arrived == expected_ids(writer)
    assert told(receiver) == len(writer.ids) - len(arrived)
