"""Whatever happens, in whatever order: nothing is missing that history still holds."""

import random

import pytest

from bridge.cluster import Gap
from bridge.errors import ApiStatusError, ExpiredError, UnreachableError
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import Recorder, later

pytestmark = pytest.mark.looptime

CUT = UnreachableError("the connection was cut", phase="stream")
BUSY = ApiStatusError("busy", status=503)
TOO_OLD = ExpiredError("too old", status=410)


def misfortunes(cluster, dice):
    """Everything that may happen to a cluster or to a watch of it."""

    def expire_a_page():
        if "list 500" not in dict(cluster.faults):
            cluster.fail("list 500", BUSY, TOO_OLD)

    return [
        expire_a_page,
        cluster.end,
        lambda: cluster.end(CUT),
        lambda: cluster.age(dice.randint(1, 50)),
        lambda: cluster.compact(str(dice.randint(cluster.oldest, cluster.version))),
        lambda: cluster.fail("watch", CUT, BUSY),
        lambda: cluster.fail("watch", b"", b""),
        lambda: cluster.fail("list 1", BUSY, CUT),
    ]


@pytest.mark.parametrize("seed", range(40))
async def test_no_revision_is_missing_without_a_gap(seed):
    """What history holds at the end was delivered; what it lost is announced."""
    dice, cluster, recorder = random.Random(seed), FakeCluster(), Recorder()
    cluster.page_size = 2
    happenings = misfortunes(cluster, dice)
    for _ in range(60):
        later(dice.uniform(1, 600), cluster.write, f"n{dice.randrange(6)}")
    for _ in range(dice.randrange(40)):
        later(dice.uniform(1, 600), dice.choice(happenings))

    await recorder.run(cluster, seconds=5000, initial=dice.choice(["skip", "emit"]))

    missing = {version for version, *_ in cluster.history} - recorder.numbers
    latest = {one["metadata"]["resourceVersion"] for one in cluster.objects.values()}
    assert latest <= set(recorder.versions)
    assert all(version < cluster.oldest for version in missing)
    assert not missing or any(isinstance(one, Gap) for one in recorder.items)
