"""A reflector with a store: what is told of what is known."""

import pytest

from bridge.cluster import Bookmark, Observed, Resource, Synced
from bridge.cluster.store import Store
from bridge.errors import ExpiredError, NotServedError, UnreachableError
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import Recorder, later

pytestmark = pytest.mark.looptime

PODS = Resource(group="", version="v1", plural="pods", kind="Pod")
GONE = NotServedError("no such resource", status=404)
CUT = UnreachableError("cut", phase="connect")


async def run(cluster, *, seconds=2, **options):
    """What a reader of Pods yields."""
    recorder = Recorder()
    await recorder.run(cluster, seconds=seconds, resource=PODS, **options)
    return recorder


def learned(recorder):
    """Names and versions of what was learned."""
    items = (item for item in recorder.items if isinstance(item, Observed))
    return [(item.known.name, item.known.version) for item in items]


async def test_a_first_sync_that_skips_learns_what_is_there():
    """Identities have to be known, or a deletion would tell nothing."""
    cluster, store = FakeCluster(), Store()
    cluster.write("a")
    later(1, cluster.delete, "a")

    recorder = await run(cluster, store=store)

    assert learned(recorder) == [("a", "101")]
    assert recorder.items[1] == Synced(resource_version="101")
    assert recorder.told == [("deleted", "a", "102")]
    assert recorder.items[2].known.version == "101"
    assert (len(store), store.is_complete) == (0, True)


async def test_a_first_sync_that_emits_adds_what_is_there():
    """With identities, so that they are remembered with the event."""
    cluster, store = FakeCluster(), Store()
    cluster.write("a")

    recorder = await run(cluster, store=store, initial="emit")

    assert recorder.told == [("added", "a", "101")]
    assert [one.version for one in store] == ["101"]


async def test_a_readable_cursor_with_a_complete_store_is_resumed():
    """Nothing is listed; what is watched is followed."""
    cluster = FakeCluster()
    cluster.write("a")
    store = Store()
    await run(cluster, store=store)
    cluster.requests.clear()
    later(1, cluster.write, "a")

    recorder = await run(cluster, store=store, cursor="101")

    assert cluster.requests == ["list 1 Exact101", "watch 101"]
    assert recorder.told == [("modified", "a", "102")]
    assert [one.version for one in store] == ["102"]


async def test_an_inherited_cursor_is_listed_at_exactly_that_version():
    """What was there then is learned, then everything since is watched."""
    cluster, store = FakeCluster(), Store()
    cluster.write("a")
    cursor = cluster.write("b")
    cluster.write("a")

    recorder = await run(cluster, store=store, cursor=cursor)

    assert cluster.asked(f"list 500 Exact{cursor}") == 1
    assert learned(recorder) == [("a", "101"), ("b", "102")]
    assert recorder.told == [("modified", "a", "103")]
    assert recorder.others[-1] == Synced(resource_version="102")


async def test_an_inherited_cursor_that_expired_tells_only_what_is_newer():
    """What another scope read is learned, and nothing counts as deleted."""
    cluster, store = FakeCluster(), Store()
    cursor = cluster.write("a")
    cluster.write("b")
    cluster.compact(cluster.write("b"))

    recorder = await run(cluster, store=store, cursor=cursor)

    assert learned(recorder) == [("a", "101")]
    assert recorder.told == [("added", "b", "103")]
    assert (recorder.others[1].cause, store.is_complete) == ("expired", True)


async def test_an_inherited_cursor_that_expires_while_it_is_listed_is_repaired():
    """As if it had been found so."""
    cluster, store = FakeCluster(), Store()
    cursor = cluster.write("a")
    cluster.write("b")
    cluster.write("b")
    cluster.fail("list 500 Exact101", ExpiredError("too old", status=410))
    later(0.1, cluster.compact)

    recorder = await run(cluster, store=store, cursor=cursor, seconds=5)

    assert learned(recorder) == [("a", "101")]
    assert recorder.told == [("added", "b", "103")]
    assert [one.cause for one in recorder.others[1:-1]] == ["expired"]


async def test_what_is_not_known_cannot_be_walked_back_to():
    """An inherited cursor that is readable again is listed as one that expired."""
    cluster, store = FakeCluster(), Store()
    cursor = cluster.write("a")
    cluster.write("b")
    cluster.write("b")
    cluster.fail("list 500 Exact101", ExpiredError("too old", status=410))

    recorder = await run(cluster, store=store, cursor=cursor, seconds=5)

    assert recorder.told == [("added", "b", "103")]
    assert cluster.asked("metadata.name") == 0
    assert [one.cause for one in recorder.others[1:-1]] == ["expired"]


async def test_after_an_expiry_the_difference_is_told():
    """Across restarts too: added, modified, deleted, and a gap."""
    cluster, store = FakeCluster(), Store()
    for name in "abc":
        cluster.write(name)
    await run(cluster, store=store)
    cluster.write("a")
    cluster.delete("b")
    cluster.write("d")
    cluster.compact()

    recorder = await run(cluster, store=store, cursor="103")

    assert recorder.told == [
        ("modified", "a", "104"),
        ("added", "d", "106"),
        ("deleted", "b", "102"),
    ]
    assert [type(one).__name__ for one in recorder.others] == ["Gap", "Synced"]


async def test_a_rolled_back_cluster_is_told_whole():
    """What is there was modified, what is not there was deleted."""
    cluster, store = FakeCluster(), Store()
    cluster.write("a")
    cluster.write("b")
    await run(cluster, store=store)
    cluster.roll_back("101")

    recorder = await run(cluster, store=store, cursor="102")

    assert recorder.told == [("modified", "a", "101"), ("deleted", "b", "102")]
    assert recorder.items[0].cause == "rolled-back"


async def test_bookmarks_and_lines_without_identity_teach_nothing():
    """The position moves all the same."""
    cluster, store = FakeCluster(), Store()
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"102"}}}'
    cluster.age(2)
    cluster.fail("watch 100", bookmark)

    recorder = await run(cluster, store=store, cursor="100", seconds=5)

    assert Bookmark(resource_version="102") in recorder.items
    assert cluster.requests[-1] == "watch 102"


async def test_many_deletions_come_in_batches():
    """However many are gone, 500 at a time."""
    cluster, store = FakeCluster(), Store()
    for number in range(1_200):
        cluster.write(f"n{number:04}")
    await run(cluster, store=store)
    for number in range(1_200):
        cluster.delete(f"n{number:04}")
    cluster.compact()

    recorder = await run(cluster, store=store, cursor="1300")

    assert [one[0] for one in recorder.told] == ["deleted"] * 1_200
    assert recorder.longest_batch == 500


@pytest.mark.parametrize("word", ["initial", "list 1 Exact", "watch 100"])
async def test_what_is_not_served_any_more_comes_out(word):
    """Twice in a row; whoever knows what is served decides."""
    cluster = FakeCluster()
    cluster.fail(word, GONE, GONE)
    cursor = None if word == "initial" else "100"
    store = Store(is_complete=cursor is not None)

    with pytest.raises(NotServedError):
        await run(cluster, store=store, cursor=cursor, seconds=60)

    assert cluster.asked(word) == 2


@pytest.mark.parametrize("between", [[], [CUT]])
async def test_what_is_not_served_for_a_moment_is_waited_out(between):
    """An API server that starts up answers so to custom resources."""
    cluster = FakeCluster()
    cluster.fail("initial", GONE, *between, *([GONE] * len(between)))

    recorder = await run(cluster, store=Store(), seconds=60)

    assert recorder.others == [Synced(resource_version="100")]
    assert GONE in recorder.reports
