"""How a reflector starts, and what it does when watches end."""

from datetime import UTC, timedelta

import pytest

from bridge.cluster import CORE_EVENTS, Bookmark, Change, ProgressMark, Resource, Synced
from bridge.errors import (
    ExpiredError,
    ForbiddenError,
    ThrottledError,
    UnreachableError,
    UnreadableError,
)
from tests.batches import reading_batches
from tests.unit.cluster.fakes import EXPIRED_LINE, FakeCluster
from tests.unit.cluster.recorder import START, Recorder, later

pytestmark = pytest.mark.looptime

PODS = Resource(group="", version="v1", plural="pods", kind="Pod")
CUT = UnreachableError("the connection was cut", phase="stream")
ERROR_LINE = b'{"type":"ERROR","object":{"code":500,"message":"corrupt object"}}'


async def test_without_cursor_it_starts_from_now():
    """What is there is skipped; what comes after `Synced` is yielded."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.write("old")
    later(1, cluster.write, "new")

    await recorder.run(cluster, seconds=2)

    assert recorder.others == [Synced(resource_version="101")]
    assert recorder.versions == ["102"]
    assert cluster.requests == ["list 1", "watch 101"]


async def test_initial_emit_lists_first_and_watches_from_the_list():
    """`Synced` has the version of the list, not that of its newest item."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.write("a")
    cluster.age()
    later(1, cluster.write, "a")

    await recorder.run(cluster, seconds=2, initial="emit")

    first, synced, second = recorder.items
    assert (first.resource_version, first.listed) == ("101", True)
    assert synced == Synced(resource_version="102")
    assert (second.resource_version, second.listed) == ("103", False)


async def test_a_readable_cursor_is_resumed():
    """Every revision after it comes from the watch; nothing is listed anew."""
    cluster, recorder = FakeCluster(), Recorder()
    cursor = cluster.write("a")
    cluster.write("a")
    cluster.write("a")

    await recorder.run(cluster, seconds=1, cursor=cursor)

    assert recorder.items[0] == Synced(resource_version=cursor)
    assert recorder.versions == ["102", "103"]
    assert recorder.counts == []


async def test_a_change_carries_the_object_as_it_was_sent():
    """Kind, version and raw bytes come from the watch line."""
    cluster, recorder = FakeCluster(), Recorder()
    cursor = cluster.write("a")
    cluster.write("a", reason="BackOff")

    await recorder.run(cluster, seconds=1, cursor=cursor)

    change = recorder.items[1]
    assert isinstance(change, Change)
    assert (change.change, change.resource.plural) == ("modified", "events")
    assert b'"reason": "BackOff"' in change.object


async def test_a_watch_that_ends_is_opened_where_it_came_to():
    """A good end costs no list, no report, and up to a second at random."""
    cluster, recorder = FakeCluster(), Recorder()
    later(10, cluster.write, "a")
    later(20, cluster.end)
    later(20.1, cluster.write, "a")
    later(20.4, cluster.requests.append, "20.4 s")

    await recorder.run(cluster, seconds=21)

    assert recorder.versions == ["101", "102"]
    assert cluster.requests[1:] == ["watch 100", "20.4 s", "watch 101"]
    assert (recorder.counts, recorder.reports) == (["reconnect-end"], [None])


async def test_a_cut_watch_is_reported_probed_and_resumed():
    """A broken connection costs one probe; nothing is listed anew."""
    cluster, recorder = FakeCluster(), Recorder()
    later(10, cluster.end, CUT)
    later(10.1, cluster.write, "a")

    await recorder.run(cluster, seconds=13)

    assert recorder.versions == ["101"]
    assert cluster.requests[1:] == ["watch 100", "list 1 Exact100", "watch 100"]
    assert recorder.reports == [None, CUT, None]
    assert recorder.counts == ["reconnect-error"]


async def test_a_cut_watch_goes_on_after_the_last_of_a_batch():
    """Nothing of what was yielded comes again."""
    cluster, recorder = FakeCluster(), Recorder()
    later(1, cluster.write, "a")
    later(1, cluster.write, "a")
    later(2, cluster.end, CUT)

    await recorder.run(cluster, seconds=9)

    assert recorder.longest_batch == 2
    assert recorder.versions == ["101", "102"]
    assert cluster.requests[-1] == "watch 102"


async def test_what_came_before_an_error_in_one_read_is_yielded():
    """So the position moves on, and the error is met with progress made."""
    cluster, recorder = FakeCluster(), Recorder()
    added = b'{"type":"ADDED","object":{"metadata":{"resourceVersion":"101"}}}'
    cluster.fail("watch 100", added + b"\n" + ERROR_LINE)
    cluster.age()

    await recorder.run(cluster, seconds=5, cursor="100")

    assert recorder.versions == ["101"]
    assert cluster.requests[-1] == "watch 101"


async def test_an_unreachable_server_is_tried_again_with_longer_waits():
    """1.2 s, 2.4 s, 4.8 s: about one try in half a minute in the end."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("list", *[CUT] * 1000)

    await recorder.run(cluster, seconds=600)

    assert 15 <= len(cluster.requests) <= 25
    assert set(recorder.reports) == {CUT}


async def test_a_refusal_is_asked_again_after_half_a_minute():
    """RBAC changes when a person acts: 403 waits 30 to 60 s."""
    cluster, recorder = FakeCluster(), Recorder()
    refusal = ForbiddenError("cannot watch", status=403)
    cluster.fail("watch", refusal)

    await recorder.run(cluster, seconds=44)
    before = cluster.asked("watch")
    await recorder.run(cluster, seconds=2, cursor="100")

    assert before == 1
    assert recorder.reports == [refusal, None]


async def test_a_throttled_watch_waits_as_long_as_it_is_told():
    """429 with Retry-After is obeyed and costs no list."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", ThrottledError("busy", status=429, retry_after_seconds=32))
    later(31.9, cluster.requests.append, "32 s")

    await recorder.run(cluster, seconds=33)

    assert cluster.requests[2:] == ["32 s", "list 1 Exact100", "watch 100"]


async def test_an_expired_watch_is_repaired_without_a_backoff():
    """An ERROR line with 410 leads to a snapshot within a second."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch 100", EXPIRED_LINE)
    later(0.1, cluster.write, "a")
    later(0.2, cluster.compact)

    await recorder.run(cluster, seconds=1)

    assert recorder.counts == ["expired", "relist"]
    assert recorder.versions == ["101"]


async def test_an_expired_answer_is_the_same_as_an_expired_line():
    """410 as a status is handled as 410 in the stream."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", *[ExpiredError("too old", status=410)] * 2)

    await recorder.run(cluster, seconds=2)

    assert recorder.counts == ["expired", "relist"]


async def test_an_expiry_after_progress_is_only_a_reconnect():
    """What a watch has brought moved the position into the history that is there."""
    cluster, recorder = FakeCluster(), Recorder()
    later(1, cluster.write, "a")
    later(2, cluster.end, EXPIRED_LINE)

    await recorder.run(cluster, seconds=4)

    assert recorder.counts == []
    assert cluster.requests[2:] == ["list 1 Exact101", "watch 101"]


async def test_an_expiry_straight_after_a_repair_backs_off():
    """A server that expires everything is not asked in a hot loop."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", *[EXPIRED_LINE] * 1000)

    await recorder.run(cluster, seconds=60)

    assert cluster.asked("watch") < 15
    assert isinstance(recorder.reports[-1], ExpiredError)


async def test_a_short_empty_watch_is_tried_again_after_a_second():
    """Once it may be a server that restarts: nothing is reported."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", b"")

    await recorder.run(cluster, seconds=5)

    assert cluster.requests[1:] == ["watch 100", "watch 100"]
    assert (recorder.counts, recorder.reports) == (["watch-empty"], [None])


async def test_a_watch_that_lasts_clears_the_suspicion():
    """Two empty ones with an idle one between them are no pattern."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", b"")
    later(30, cluster.fail, "watch", b"")
    later(31, cluster.end)

    await recorder.run(cluster, seconds=50)

    assert cluster.requests[1:] == ["watch 100"] * 4
    assert recorder.counts == ["watch-empty", "reconnect-end", "watch-empty"]


async def test_two_short_empty_watches_make_the_cursor_suspect():
    """Some servers close an expired watch without a word; the probe tells."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch 100", b"", b"")
    later(0.1, cluster.write, "a")
    later(0.2, cluster.compact)

    await recorder.run(cluster, seconds=5)

    assert recorder.counts == ["watch-empty", "watch-empty", "expired", "relist"]
    assert recorder.versions == ["101"]


async def test_watches_that_are_always_empty_do_not_make_a_hot_loop():
    """A cursor that is readable all the same is watched again, more and more slowly."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", *[b""] * 1000)

    await recorder.run(cluster, seconds=300)

    assert len(cluster.requests) < 60
    assert "empty answer twice" in str(recorder.reports[-1])


async def test_what_cannot_be_read_is_left_out_after_three_tries():
    """A corrupt object would stop the stream for ever; a gap says so instead."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch 100", *[ERROR_LINE] * 3)
    later(4, cluster.write, "a")

    await recorder.run(cluster, seconds=20)

    assert cluster.asked("watch 100") == 3
    assert recorder.others[1].cause == "unreadable"
    assert recorder.counts[-2:] == ["unreadable", "relist"]


async def test_a_connection_that_breaks_is_never_left_out():
    """However often it is cut: that says nothing about what comes over it."""
    cluster, recorder = FakeCluster(), Recorder()
    for seconds in range(0, 200, 2):
        later(seconds, cluster.end, CUT)

    await recorder.run(cluster, seconds=200)

    assert set(recorder.counts) == {"reconnect-error"}


async def test_an_answer_that_is_no_watch_is_never_left_out():
    """A proxy that answers HTML says nothing about the history either."""
    cluster, recorder = FakeCluster(), Recorder()
    cluster.fail("watch", *[UnreadableError("expected JSON, got text/html")] * 5)

    await recorder.run(cluster, seconds=200)

    assert recorder.counts == ["reconnect-error"] * 5


async def test_deletions_and_bookmarks_move_the_position():
    """A cut watch goes on from the last of them, not from the last object."""
    cluster, recorder = FakeCluster(), Recorder()
    deleted = b'{"type":"DELETED","object":{"metadata":{"resourceVersion":"101"}}}'
    bookmark = b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"102"}}}'
    cluster.fail("watch 100", deleted)
    cluster.fail("watch 101", bookmark)
    cluster.age(2)

    await recorder.run(cluster, seconds=9, cursor="100", resource=PODS)

    assert recorder.items[1].change == "deleted"
    assert recorder.items[2] == Bookmark(resource_version="102")
    assert cluster.requests[-1] == "watch 102"


async def test_a_silent_watch_with_bookmarks_is_opened_anew():
    """150 s without a bookmark mean that nobody is there."""
    cluster, recorder = FakeCluster(), Recorder()

    await recorder.run(cluster, seconds=160, resource=PODS)

    assert recorder.counts == ["reconnect-silent"]
    assert "nothing for 150 s" in str(recorder.reports[1])


async def test_a_silent_watch_of_events_is_left_alone():
    """Events have no bookmarks: silence is normal."""
    cluster, recorder = FakeCluster(), Recorder()

    await recorder.run(cluster, seconds=1000)

    assert cluster.asked("watch") == 1
    assert recorder.reports == [None]


async def test_a_quiet_stream_of_events_is_noted_every_minute():
    """What the cluster was at counts once the watch lived on for 90 s."""
    cluster, recorder = FakeCluster(), Recorder()
    later(30, cluster.age, 50)

    await recorder.run(cluster, seconds=211)

    notes = [one for one in recorder.items if isinstance(one, ProgressMark)]
    assert [(one.time - START).seconds for one in notes] == [60, 120]
    assert notes[0].resource_version == "150"
    assert cluster.asked("watch") == 1


async def test_a_cut_watch_leaves_no_note_behind():
    """What was listed before the cut is not proven by the watch after it."""
    cluster, recorder = FakeCluster(), Recorder()
    later(30, cluster.age, 50)
    later(61, cluster.end, CUT)

    await recorder.run(cluster, seconds=209)

    assert recorder.others == [Synced(resource_version="100")]


async def test_a_note_that_was_yielded_is_remembered():
    """A quiet stream whose cursor expired while it ran announces no gap."""
    cluster, recorder = FakeCluster(), Recorder()
    later(30, cluster.age, 50)
    later(200, cluster.compact, "150")
    later(201, cluster.end, CUT)

    await recorder.run(cluster, seconds=210)

    assert recorder.counts == ["reconnect-error", "expired", "relist"]
    assert [type(one) for one in recorder.others] == [Synced, ProgressMark, Synced]


async def test_a_good_end_proves_what_was_listed_before_it():
    """The next watch need not live for 90 s to say so."""
    cluster, recorder = FakeCluster(), Recorder()
    later(30, cluster.age, 50)
    later(70, cluster.end)

    await recorder.run(cluster, seconds=80)

    note = ProgressMark(resource_version="150", time=START + timedelta(seconds=60))
    assert recorder.others[1:] == [note]
    assert recorder.counts == ["reconnect-end"]


async def test_lines_that_are_not_understood_are_counted_and_skipped():
    """The stream goes on after them."""
    cluster, recorder = FakeCluster(), Recorder()
    later(1, cluster.write, "a")
    later(2, cluster.end, b'{"type":"RENAMED","object":{}}')

    await recorder.run(cluster, seconds=4)

    assert recorder.versions == ["101"]
    assert recorder.counts == ["line-skipped", "reconnect-end"]


async def test_nobody_has_to_listen():
    """Reports, counts, clock and jitter have defaults."""
    cluster = FakeCluster()
    cluster.fail("watch", CUT)
    later(30, cluster.age)

    async with reading_batches(cluster, CORE_EVENTS) as batches:
        synced, note = await anext(batches), await anext(batches)

    assert synced == [Synced(resource_version="100")]
    assert note[0].time.tzinfo is UTC


async def test_cancelling_closes_the_watch():
    """The connection ends at once."""
    cluster, recorder = FakeCluster(), Recorder()

    await recorder.run(cluster, seconds=1)

    assert [one.is_closed for one in cluster.streams] == [True]
