"""What lay between two known states, where no watch begins at the older one."""

import json

import pytest

from bridge.cluster import Synced
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import Recorder, known_by, read_again

pytestmark = pytest.mark.looptime


def last_watched(cluster):
    """The object of the last watch line."""
    return cluster.history[-1][2].items()


async def test_each_revision_of_a_modified_object_is_found():
    """One request for each, from the newest back to what was known."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    for _ in range(3):
        cluster.write("a")

    recorder = await read_again(cluster, known)

    assert recorder.told == [("modified", "a", str(n)) for n in (102, 103, 104)]
    assert recorder.others == [Synced(resource_version=n) for n in ("101", "104")]
    assert cluster.asked("metadata.name=a") == 3
    assert recorder.counts.count("rewound") == 2


async def test_an_object_that_is_new_is_found_back_to_its_creation():
    """Until nothing was there."""
    cluster = FakeCluster()
    known = await known_by(cluster)
    for _ in range(3):
        cluster.write("a")

    recorder = await read_again(cluster, known)

    kinds = ["added", "modified", "modified"]
    assert [one[0] for one in recorder.told] == kinds
    assert recorder.versions == ["101", "102", "103"]


async def test_a_deleted_object_is_found_as_it_was_before():
    """Its last states, and the very version of the deletion, by bisection."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.age(500)
    cluster.write("a")
    cluster.write("a", phase="Failed")
    cluster.age(300)
    cluster.delete("a")
    cluster.age(100)

    recorder = await read_again(cluster, known)

    assert recorder.told == [
        ("modified", "a", "602"),
        ("modified", "a", "603"),
        ("deleted", "a", "904"),
    ]
    assert last_watched(cluster) <= json.loads(recorder.items[-3].object).items()
    assert recorder.items[-3].known.version == "603"
    assert cluster.asked("metadata.name=a") < 15


async def test_an_object_deleted_as_it_was_known_is_found_too():
    """Nothing happened to it before."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.delete("a")

    recorder = await read_again(cluster, known)

    assert recorder.told == [("deleted", "a", "102")]
    assert last_watched(cluster) <= json.loads(recorder.items[1].object).items()


async def test_an_object_created_anew_is_found_with_the_end_of_the_old_one():
    """In the order in which it happened."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.write("a")
    cluster.delete("a")
    cluster.write("a")
    cluster.write("a")

    recorder = await read_again(cluster, known)

    kinds = ["modified", "deleted", "added", "modified"]
    assert [one[0] for one in recorder.told] == kinds
    assert recorder.versions == ["102", "103", "104", "105"]


async def test_what_came_after_the_restart_is_watched():
    """The list is read where the watch cache begins, so nothing after it is unseen."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("a")
    cluster.restart()
    cluster.write("brief")
    cluster.delete("brief")

    recorder = Recorder()
    await recorder.run(cluster, seconds=9, **known)

    assert recorder.versions == ["102", "103", "104", "105"]
    assert recorder.others[-1] == Synced(resource_version="103")
    assert cluster.asked("list 500 Exact103") == 1


async def test_without_a_word_where_watching_begins_the_newest_is_listed():
    """It takes more requests; nothing more is lost."""
    cluster = FakeCluster()
    cluster.tells_oldest = False
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("a")

    recorder = await read_again(cluster, known)

    assert recorder.versions == ["101", "102"]
    assert cluster.asked("watch initial") == 1


async def test_a_quiet_resource_costs_nothing_and_is_no_gap():
    """Its cursor cannot be watched, but nothing happened since."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.age(1000)

    recorder = await read_again(cluster, known)

    assert recorder.items == [Synced(resource_version=n) for n in ("101", "1101")]
    assert cluster.asked("metadata.name") == 0


async def test_after_an_expiry_it_is_walked_back_to_the_oldest_state():
    """A snapshot there with its gap, then each revision after it."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    for _ in range(6):
        cluster.write("a")
    cluster.compact("104")

    recorder = await read_again(cluster, known, seconds=30)

    assert recorder.versions == ["104", "105", "106", "107"]
    assert [type(one).__name__ for one in recorder.others] == [
        "Gap",
        "Synced",
        "Synced",
    ]
