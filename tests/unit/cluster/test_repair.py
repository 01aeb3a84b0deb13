"""Where reading goes on after a cursor was found expired, or beyond the newest."""

import pytest

from bridge.cluster import Gap, ProgressMark, Synced
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    FutureVersionError,
    UnreachableError,
)
from tests.unit.cluster.fakes import EXPIRED_LINE, FakeCluster, too_old
from tests.unit.cluster.recorder import START, Recorder, later

pytestmark = pytest.mark.looptime

UNSUPPORTED = ApiStatusError("resourceVersionMatch is forbidden", status=400)


async def test_every_revision_that_the_history_holds_is_delivered():
    """What is newer at the oldest readable version, then each watched revision."""
    cluster, recorder = FakeCluster(), Recorder()
    cursor = cluster.write("a")
    for name in "baaa":
        cluster.write(name)
    cluster.compact("104")

    await recorder.run(cluster, seconds=1, cursor=cursor)

    assert recorder.versions == ["102", "104", "105"]
    assert recorder.counts == ["expired", "relist"]
    assert recorder.others == [
        Gap(cause="expired", cursor="101", snapshot="104", since=None, until=START),
        Synced(resource_version="104"),
    ]


async def test_bisection_asks_about_as_often_as_the_distance_has_bits():
    """A million revisions cost about twenty requests."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.compact(cluster.age(700_001))
    cluster.age(300_000)

    await recorder.run(cluster, seconds=1, cursor="100")

    assert recorder.others[-1] == Synced(resource_version="700101")
    assert len(cluster.requests) <= 25


async def test_a_bisection_outlives_errors():
    """Each of its requests is tried again; what was found stays found."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.compact(cluster.age(80))
    cluster.age(20)
    cut = UnreachableError("cut", phase="answer")
    cluster.fail("Exact150", cut, cut)

    await recorder.run(cluster, seconds=10, cursor="100")

    assert recorder.others[-1] == Synced(resource_version="180")
    assert recorder.reports == [cut, cut, None]


async def test_a_refused_probe_says_nothing_about_the_cursor():
    """403 is waited out, then it is asked again."""
    cluster, recorder = FakeCluster(), Recorder()
    refusal = ApiStatusError("cannot list", status=403)
    cluster.fail("Exact", refusal)

    await recorder.run(cluster, seconds=5, cursor="100")

    assert recorder.others == [Synced(resource_version="100")]
    assert recorder.reports == [refusal, None]


async def test_a_note_shows_that_a_quiet_stream_lost_nothing():
    """It was complete up to the note, and the history reaches back to that."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.compact(cluster.age(10))
    note = ProgressMark(resource_version=cluster.age(), time=START)

    await recorder.run(cluster, seconds=1, cursor="100", mark=note)

    assert recorder.items == [Synced(resource_version="110")]


async def test_a_note_older_than_the_history_only_dates_the_gap():
    """Between note and snapshot anything may have happened."""
    cluster, recorder = FakeCluster(), Recorder()
    note = ProgressMark(resource_version=cluster.age(5), time=START)
    cluster.compact(cluster.age(10))

    await recorder.run(cluster, seconds=1, cursor="100", mark=note)

    assert recorder.others[0].since == START


async def test_a_note_is_not_believed_against_the_evidence():
    """A snapshot that holds something newer than the cursor proves it wrong."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.write("a")
    note = ProgressMark(resource_version=cluster.age(10), time=START)
    cluster.compact(note.resource_version)

    await recorder.run(cluster, seconds=1, cursor="100", mark=note)

    assert recorder.versions == ["101"]
    assert recorder.others[0].cause == "expired"


async def test_the_very_next_version_leaves_no_gap():
    """Nothing can lie between 100 and 101."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.compact(cluster.write("a"))

    await recorder.run(cluster, seconds=1, cursor="100")

    assert recorder.versions == ["101"]
    assert recorder.others == [Synced(resource_version="101")]


async def test_a_rolled_back_cluster_is_listed_whole():
    """A cursor beyond the newest version: versions are used again."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.write("a")

    await recorder.run(cluster, seconds=1, cursor="500")

    gap, change, synced = recorder.items
    assert (gap.cause, gap.cursor, gap.snapshot) == ("rolled-back", "500", "101")
    assert (change.resource_version, change.listed) == ("101", True)
    assert synced == Synced(resource_version="101")
    assert recorder.counts == ["rolled-back", "relist"]


async def test_a_cluster_rolled_back_and_compacted_is_rolled_back():
    """A server may say 410 about a version that it never had."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.write("a")
    cluster.fail("Exact500", ExpiredError("too old", status=410))

    await recorder.run(cluster, seconds=1, cursor="500")

    assert recorder.others[0].cause == "rolled-back"


async def test_a_rollback_under_a_running_watch_is_noticed():
    """After a failed reconnect the position is probed."""
    cluster, recorder = FakeCluster(), Recorder()
    kept = cluster.write("a")
    cluster.write("a")
    later(1, cluster.roll_back, kept)
    later(1, cluster.end_all, UnreachableError("refused", phase="connect"))

    await recorder.run(cluster, seconds=5)

    assert recorder.others[1].cause == "rolled-back"
    assert recorder.versions == [kept]


async def test_a_replica_that_lags_is_waited_for():
    """A version that one replica does not know yet is no rollback."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("Exact", FutureVersionError("too large", status=504))

    await recorder.run(cluster, seconds=5, cursor="100")

    assert recorder.others == [Synced(resource_version="100")]
    assert "a replica lags" in str(recorder.reports[0])


async def test_without_exact_lists_the_watch_itself_tells():
    """Some aggregated API servers refuse to list an exact version."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("Exact", UNSUPPORTED)
    cluster.write("a")

    await recorder.run(cluster, seconds=5, cursor="100")

    assert recorder.versions == ["101"]
    assert recorder.others == [Synced(resource_version="100")]


async def test_without_exact_lists_an_expired_watch_leads_to_the_newest_state():
    """A plain snapshot is all that is left, and a gap is announced."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("Exact", UNSUPPORTED, UNSUPPORTED, UNSUPPORTED)
    cluster.compact(cluster.write("a"))
    cluster.write("a")

    await recorder.run(cluster, seconds=5, cursor="100")

    assert recorder.versions == ["102"]
    assert [one.snapshot for one in recorder.others[1:2]] == ["102"]


async def test_a_watch_cache_that_forgot_leads_to_the_newest_state():
    """What can be listed may be too old to be watched: it says so twice."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch 100", EXPIRED_LINE, EXPIRED_LINE)
    later(0.1, cluster.age)
    later(0.1, cluster.write, "a")

    await recorder.run(cluster, seconds=5)

    assert recorder.versions == ["102"]
    assert recorder.others[1].snapshot == "102"


async def test_a_watch_that_says_410_once_of_a_readable_version_is_opened_again():
    """Nothing is given up on one word against another."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch 100", EXPIRED_LINE)
    later(0.1, cluster.write, "a")
    later(0.1, cluster.write, "a")

    await recorder.run(cluster, seconds=5)

    assert recorder.versions == ["101", "102"]
    assert recorder.others == [Synced(resource_version="100")]


async def test_without_a_store_nothing_is_walked():
    """Of Events only what is newer than the cursor is told, and a gap."""
    cluster, recorder = FakeCluster(), Recorder()
    cursor = cluster.write("a")
    cluster.write("a")
    cluster.write("a")
    cluster.restart()

    await recorder.run(cluster, seconds=9, cursor=cursor)

    assert recorder.versions == ["103"]
    assert len(recorder.others) == 3
    assert cluster.asked("metadata.name") == 0


@pytest.mark.parametrize("oldest", [99, 500])
async def test_a_word_that_makes_no_sense_is_not_believed(oldest):
    """A watch does not begin before its own start, nor beyond what is there."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch 100", *[too_old(100, oldest)] * 2)
    cluster.age()

    await recorder.run(cluster, seconds=5, cursor="100")

    assert recorder.others[-1] == Synced(resource_version="101")
    assert cluster.asked("watch initial") == 1
