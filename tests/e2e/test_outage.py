"""A sink is gone while 10,000 events wait for it: all arrive, in order where asked."""

import json
import time
from pathlib import Path

import pytest

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import wait_until
from tests.e2e.brisk import BRISK
from tests.e2e.outage import PODS, Outage, disorder

WAITING = 10_000
SECONDS = 3.0
KILLED = 2_000


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize("ordering", ["none", "object"])
def test_sink_that_is_back_gets_all_that_waits(
    control_plane: ControlPlane, tmp_path: Path, ordering: str
) -> None:
    """Once each; with `ordering: object`, each object's in the order of writing."""
    settings = BRISK | {"ordering": ordering}
    with Outage(plane=control_plane, folder=tmp_path, settings=settings) as outage:
        outage.pile_up(WAITING)
        time.sleep(SECONDS)
        ledger = outage.end(seconds=120).ledger

        assert dict(ledger.ids()) == dict.fromkeys(outage.writer.ids, 1)
        assert len({json.loads(one)["partitionkey"] for one in ledger.bodies}) == PODS
        if ordering == "object":
            assert disorder(ledger.bodies) == []


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize("ordering", ["object", "sink"])
def test_order_outlives_kills(
    control_plane: ControlPlane, tmp_path: Path, ordering: str
) -> None:
    """Killed again and again meanwhile: what comes twice comes before what is later."""
    settings = BRISK | {"ordering": ordering}
    with Outage(plane=control_plane, folder=tmp_path, settings=settings) as outage:
        outage.pile_up(KILLED)
        with outage.back() as receiver:
            for share in (0.2, 0.5, 0.8):
                wait_until(lambda: len(receiver.ledger.bodies) > share * KILLED)  # noqa: B023
                outage.bridge.kill()
                outage.bridge.start_and_wait()
            wait_until(lambda: outage.bridge.backlog("hook") == 0)
        ledger = receiver.ledger

    assert set(ledger.ids()) == set(outage.writer.ids)
    assert disorder(ledger.bodies) == []


def body(key: str, version: int) -> bytes:
    """Return an event about an object."""
    data = {"metadata": {"resourceVersion": str(version)}}
    found = {"id": f"{key}-{version}", "partitionkey": key, "data": data}
    return json.dumps(found).encode()


def test_disorder_is_found_in_each_object_alone() -> None:
    """Versions are compared as numbers; repeats are no disorder."""
    arrived = [body("a", 9), body("b", 7), body("a", 10), body("a", 10), body("b", 8)]

    assert disorder(arrived) == []
    assert disorder([*arrived, body("b", 9), body("a", 9)]) == ["a-9"]
