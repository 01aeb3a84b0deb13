"""How a list is read page by page, where it cannot be streamed."""

import pytest

from bridge.cluster import Synced
from bridge.errors import (
    ExpiredError,
    FutureVersionError,
    UnreachableError,
    UnreadableError,
)
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import Recorder, known_by, later

pytestmark = pytest.mark.looptime

GONE = ExpiredError("the continue token is too old", status=410)


def cluster_with(names):
    """A cluster with an object of each name, listed one a page."""
    cluster = FakeCluster()
    cluster.watch_list = "refuses"
    cluster.page_size = 1
    for name in names:
        cluster.write(name)
    return cluster


async def test_pages_are_yielded_as_they_come():
    """One batch a page, all at the version of the first."""
    cluster, recorder = cluster_with("abc"), Recorder()

    await recorder.run(cluster, seconds=1, initial="emit")

    assert recorder.versions == ["101", "102", "103"]
    assert cluster.requests[:4] == [
        "watch initial",
        "list 500",
        "list 500  after 103/a",
        "list 500  after 103/b",
    ]
    assert recorder.others == [Synced(resource_version="103")]


async def test_a_page_is_yielded_in_the_order_in_which_it_happened():
    """Lists are sorted by name; what was last comes last."""
    cluster, recorder = cluster_with("cab"), Recorder()
    cluster.page_size = None

    await recorder.run(cluster, seconds=1, initial="emit")

    assert recorder.versions == ["101", "102", "103"]
    assert b'"name": "c"' in recorder.items[0].object


async def test_a_page_that_fails_is_asked_again():
    """Trouble in the middle costs nothing that was read."""
    cluster, recorder = cluster_with("abc"), Recorder()
    cut = UnreachableError("cut", phase="answer")
    cluster.fail("after 103/a", cut)

    await recorder.run(cluster, seconds=5, initial="emit")

    assert recorder.versions == ["101", "102", "103"]
    assert recorder.counts == ["watchlist-fallback", "relist"]


async def test_pages_that_expire_start_the_list_again_without_repeating_it():
    """What was handed over stays so, unless it changed in between."""
    cluster, recorder = cluster_with("abc"), Recorder()
    cluster.fail("after 103/b", GONE)
    later(0.5, cluster.write, "a")

    await recorder.run(cluster, seconds=5, initial="emit")

    assert recorder.versions == ["101", "102", "104", "103"]
    assert recorder.counts[1:] == ["relist", "relist-restart", "relist"]
    assert recorder.reports == [GONE, None]
    assert recorder.others == [Synced(resource_version="104")]


async def test_a_repair_whose_history_moves_on_is_repaired_again():
    """The oldest readable version is looked for anew."""
    cluster, recorder = cluster_with("ab"), Recorder()
    cluster.compact("101")
    cluster.age(10)
    cluster.fail("list 500 Exact101", GONE)
    later(0.5, cluster.compact, "105")

    await recorder.run(cluster, seconds=5, cursor="99")

    assert recorder.others[-1] == Synced(resource_version="105")
    assert recorder.versions == ["101", "102"]
    assert [one.snapshot for one in recorder.others[:-1]] == ["105"]


async def test_after_three_expired_repairs_the_newest_state_has_to_do():
    """A history that moves faster than it is read is not chased for ever."""
    cluster, recorder = cluster_with("ab"), Recorder()
    cluster.compact("101")
    cluster.age(10)
    cluster.fail("list 500 Exact", GONE, GONE, GONE)

    await recorder.run(cluster, seconds=30, cursor="99")

    assert recorder.others[-1] == Synced(resource_version="112")
    assert recorder.counts.count("relist-restart") == 3


async def test_a_rollback_during_a_repair_is_announced_once():
    """A version that is suddenly unknown is examined like any other."""
    cluster, recorder = cluster_with("ab"), Recorder()
    cluster.compact("101")
    cluster.age(10)
    cluster.fail("list 500 Exact", FutureVersionError("too large", status=504))
    cluster.fail("after", GONE)
    later(0.1, cluster.compact, "0")
    later(0.1, cluster.roll_back, "98")
    later(0.2, cluster.write, "c")
    later(0.2, cluster.write, "d")

    await recorder.run(cluster, seconds=30, cursor="200")

    assert [one.cause for one in recorder.others[:-1]] == ["rolled-back"]


async def test_a_list_with_an_object_without_a_version_is_no_list():
    """What is left out of a list counts as deleted (issue 10, item 9)."""
    cluster, recorder = cluster_with("ab"), Recorder()
    known = await known_by(cluster)
    metadata = cluster.history[0][2]["metadata"]
    later(9, metadata.update, {"resourceVersion": metadata.pop("resourceVersion")})
    cluster.compact(cluster.age(2))

    await recorder.run(cluster, seconds=60, **known)

    assert isinstance(recorder.reports[0], UnreadableError)
    assert (recorder.told, len(known["store"])) == ([], 2)
    assert recorder.others[-1] == Synced(resource_version="104")


async def test_a_page_longer_than_asked_for_is_cut_into_batches():
    """Some servers ignore the limit."""
    cluster, recorder = cluster_with([f"n{n:03}" for n in range(600)]), Recorder()
    cluster.page_size = 1000

    await recorder.run(cluster, seconds=1, initial="emit")

    assert len(recorder.versions) == 600
    assert recorder.longest_batch == 500
