"""What is there, streamed by the watch that then goes on."""

import pytest

from bridge.cluster import CORE_EVENTS, Change, Synced
from bridge.cluster.store import Store
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    ForbiddenError,
    UnreachableError,
    UnreadableError,
)
from tests.unit.cluster.fakes import FakeCluster, added, bookmark
from tests.unit.cluster.recorder import Recorder, later

pytestmark = pytest.mark.looptime

CUT = UnreachableError("the connection was cut", phase="stream")


def cluster_with(names):
    """A cluster with an object of each name, streamed one a read."""
    cluster = FakeCluster()
    cluster.page_size = 1
    for name in names:
        cluster.write(name)
    return cluster


async def test_one_request_brings_what_is_there_and_what_happens():
    """The bookmark parts the two; nothing is listed."""
    cluster, recorder = cluster_with("ba"), Recorder()
    later(1, cluster.write, "c")

    await recorder.run(cluster, seconds=2, initial="emit")

    assert recorder.versions == ["102", "101", "103"]
    assert [one.listed for one in recorder.items if isinstance(one, Change)] == [
        True,
        True,
        False,
    ]
    assert recorder.others == [Synced(resource_version="102")]
    assert (cluster.requests, recorder.counts) == (["watch initial"], ["relist"])


async def test_what_follows_the_bookmark_in_one_read_is_watched():
    """Lines come together as they like."""
    cluster, recorder = FakeCluster(), Recorder()
    line = added({"metadata": {"name": "a", "resourceVersion": "101"}})
    cluster.fail("initial", bookmark(100, ends_initial=True) + b"\n" + line)

    await recorder.run(cluster, seconds=1, initial="emit")

    synced, change = recorder.items
    assert synced == Synced(resource_version="100")
    assert (change.resource_version, change.listed) == ("101", False)


async def test_a_watch_that_began_with_a_burst_is_resumed_after_it():
    """From the version of the bookmark, not from that of any object."""
    cluster, recorder = cluster_with("ba"), Recorder()
    cluster.age()
    later(1, cluster.end, CUT)

    await recorder.run(cluster, seconds=5, initial="emit")

    assert cluster.requests == ["watch initial", "list 1 Exact103", "watch 103"]
    assert recorder.counts == ["relist", "reconnect-error"]


async def test_a_burst_that_is_cut_begins_anew_and_repeats_nothing():
    """The versions of its objects say nothing about how far it had come."""
    cluster, recorder = cluster_with("cab"), Recorder()
    cluster.cuts = [(1, CUT), (2, CUT)]

    await recorder.run(cluster, seconds=20, initial="emit")

    assert sorted(recorder.versions) == ["101", "102", "103"]
    assert cluster.requests == ["watch initial"] * 3
    assert recorder.counts == ["relist", "relist-restart"] * 2 + ["relist"]


async def test_with_a_store_a_burst_repeats_nothing_either():
    """What was handed over is known, in whatever order it came."""
    cluster, recorder = cluster_with("cab"), Recorder()
    cluster.cuts = [(2, CUT)]

    await recorder.run(cluster, seconds=20, initial="emit", store=Store())

    assert sorted(recorder.told) == [
        ("added", "a", "102"),
        ("added", "b", "103"),
        ("added", "c", "101"),
    ]


async def test_a_burst_that_is_cut_again_and_again_is_listed_in_pages():
    """A list gets on where a stream does not; the next one is streamed again."""
    cluster, recorder = cluster_with("abc"), Recorder()
    cluster.cuts = [(1, CUT)] * 3

    await recorder.run(cluster, seconds=60, initial="emit")

    assert cluster.asked("initial") == 3
    assert cluster.asked("list 500") == 3
    assert recorder.versions == ["101", "102", "103"]
    assert "watchlist-fallback" not in recorder.counts


async def test_a_burst_that_ends_early_is_cut():
    """In good order or not: the bookmark is what counts."""
    cluster, recorder = cluster_with("a"), Recorder()
    cluster.fail("initial", b"")

    await recorder.run(cluster, seconds=5, initial="emit")

    assert "got the end of the stream" in str(recorder.reports[1])
    assert recorder.versions == ["101"]


async def test_an_error_within_a_burst_is_waited_out():
    """What came before it in the same read was handed over."""
    cluster, recorder = cluster_with("a"), Recorder()
    error = b'{"type":"ERROR","object":{"code":500,"message":"etcd"}}'
    line = added(cluster.objects["a"])
    cluster.fail("initial", line + b"\n" + error)

    await recorder.run(cluster, seconds=5, initial="emit")

    assert recorder.versions == ["101"]
    assert recorder.counts == ["relist", "relist-restart", "relist"]


async def test_a_server_that_refuses_is_listed_from_then_on():
    """422 where the feature gate is off; it is not asked a second time."""
    cluster, recorder = cluster_with("a"), Recorder()
    cluster.watch_list = "refuses"
    later(20, cluster.age)
    later(20, cluster.restart)
    later(20, cluster.end, ExpiredError("too old", status=410))

    await recorder.run(cluster, seconds=29, initial="emit")

    assert cluster.asked("initial") == 1
    assert recorder.counts == ["watchlist-fallback", "relist", "expired", "relist"]


async def test_a_server_that_ignores_is_found_out_after_half_a_minute():
    """It brings what is there, and then neither a bookmark nor anything else."""
    cluster, recorder = cluster_with("ab"), Recorder()
    cluster.watch_list = "ignores"

    await recorder.run(cluster, seconds=29, initial="emit")
    early = recorder.others
    await recorder.run(cluster, seconds=40, initial="emit")

    assert early == []
    assert recorder.counts[1:] == ["relist", "watchlist-fallback", "relist"]
    assert recorder.versions == ["101", "102"] * 2


async def test_a_server_that_ignores_and_holds_its_answer_back_is_found_out():
    """Some proxies wait for the first line before they send a header."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.held_back = 60

    await recorder.run(cluster, seconds=40, initial="emit")

    assert recorder.counts == ["watchlist-fallback", "relist"]
    assert recorder.others == [Synced(resource_version="100")]


async def test_another_bookmark_gives_a_server_away_that_ignores():
    """Before the one that ends it there is none."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("initial", bookmark(100))

    await recorder.run(cluster, seconds=1, initial="emit")

    assert recorder.counts == ["relist", "watchlist-fallback", "relist"]


@pytest.mark.parametrize(
    "trouble", [CUT, ForbiddenError("no", status=403), ApiStatusError("no", status=503)]
)
async def test_trouble_says_nothing_about_what_the_server_can(trouble):
    """It is waited out, and asked again."""
    cluster, recorder = cluster_with("a"), Recorder()
    cluster.fail("initial", trouble)

    await recorder.run(cluster, seconds=90, initial="emit")

    assert cluster.requests[:2] == ["watch initial", "watch initial"]
    assert recorder.counts[0] == "relist"
    assert recorder.reports[0] is trouble


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"ADDED","object":{}}',
        b'{"type":"ADDED","object":{"metadata":{"resourceVersion":""}}}',
        b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":""}}}',
        b'{"type":"ADDED","object":{"kind":"Status","metadata":{}}}',
        b"[]",
    ],
)
async def test_a_burst_with_a_line_that_names_no_object_is_no_list(line):
    """What is not in it would count as deleted (issue 10, item 9)."""
    cluster, recorder = FakeCluster(), Recorder()
    end = bookmark(100, ends_initial=True)
    cluster.fail("initial", line + b"\n" + end)

    await recorder.run(cluster, seconds=9, initial="emit")

    assert isinstance(recorder.reports[1], UnreadableError)
    assert recorder.others[-1] == Synced(resource_version="100")
    assert cluster.asked("initial") == 2


async def test_lines_that_are_not_understood_are_counted():
    """In a burst as in a watch: later servers may say more."""
    cluster, recorder = FakeCluster(), Recorder()
    end = bookmark(100, ends_initial=True)
    cluster.fail("initial", b'{"type":"RENAMED","object":{}}\n' + end)

    await recorder.run(cluster, seconds=1, initial="emit")

    assert recorder.counts[:2] == ["relist", "line-skipped"]


@pytest.mark.parametrize("known", [True, False])
async def test_what_is_deleted_within_a_burst_is_not_there(known):
    """A watch cache catches up before it sends the bookmark."""
    cluster, recorder = FakeCluster(), Recorder()
    value = {"metadata": {"name": "a", "uid": "u", "resourceVersion": "99"}}
    gone = added(value).replace(b"ADDED", b"DELETED")
    lines = [added(value)] * known + [gone, bookmark(100, ends_initial=True)]
    cluster.fail("initial", b"\n".join(lines))
    store = Store()

    await recorder.run(cluster, seconds=1, initial="emit", store=store)

    assert [one[0] for one in recorder.told] == ["added", "deleted"] * known
    assert all(one.listed for one in recorder.items if isinstance(one, Change))
    assert len(store) == 0


async def test_an_event_that_is_deleted_within_a_burst_says_nothing():
    """Its time to live is over."""
    cluster, recorder = FakeCluster(), Recorder()
    gone = added({"metadata": {"name": "a", "resourceVersion": "99"}})
    end = bookmark(100, ends_initial=True)
    cluster.fail("initial", gone.replace(b"ADDED", b"DELETED") + b"\n" + end)

    await recorder.run(cluster, seconds=1, initial="emit", resource=CORE_EVENTS)

    assert recorder.items == [Synced(resource_version="100")]


async def test_an_expiry_straight_after_a_burst_backs_off():
    """As after a list."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("initial", bookmark(100, ends_initial=True) + b"\n" + EXPIRED)

    await recorder.run(cluster, seconds=9, initial="emit")

    assert isinstance(recorder.reports[1], ExpiredError)


EXPIRED = b'{"type":"ERROR","object":{"code":410,"reason":"Expired"}}'
