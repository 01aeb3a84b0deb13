"""What lay between two known states, where no watch begins at the older one."""

import json

import pytest

from bridge.cluster import Known, Resource, Synced, rewind
from bridge.cluster.store import Store
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    FutureVersionError,
    NotServedError,
    UnreachableError,
)
from tests.unit.cluster.fakes import FakeCluster, Recorder

pytestmark = pytest.mark.looptime

PODS = Resource(group="", version="v1", plural="pods", kind="Pod")


async def known_by(cluster, **options):
    """What a reader knows that read the cluster until now, and its cursor."""
    store, recorder = Store(), Recorder()
    await recorder.run(cluster, seconds=0.1, resource=PODS, store=store)
    return {"store": store, "cursor": str(cluster.version), "resource": PODS}


async def read_again(cluster, known, *, seconds=9):
    """What the reader finds after a restart of the API server."""
    recorder = Recorder()
    cluster.restart()
    cluster.requests.clear()
    await recorder.run(cluster, seconds=seconds, **known)
    return recorder


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
    assert last_watched(cluster) <= json.loads(recorder.items[-2].object).items()
    assert recorder.items[-2].known.version == "603"
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
    """What was created and deleted meanwhile cannot be seen."""
    cluster = FakeCluster()
    cluster.tells_oldest = False
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("brief")
    cluster.delete("brief")
    cluster.write("a")

    recorder = await read_again(cluster, known)

    assert recorder.versions == ["101", "104"]
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


@pytest.mark.parametrize(
    "answer",
    [
        ExpiredError("too old", status=410),
        FutureVersionError("rolled back meanwhile", status=504),
        NotServedError("deleted meanwhile", status=404),
    ],
)
async def test_history_that_ends_on_the_way_is_a_gap(answer):
    """What was found until then is told all the same."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    for _ in range(5):
        cluster.write("a")
    cluster.fail("Exact103", answer)

    recorder = await read_again(cluster, known)

    assert recorder.versions == ["104", "105", "106"]
    assert [one.cause for one in recorder.others[1:-1]] == ["expired"]


@pytest.mark.parametrize("name", ["REQUESTS_LIMIT", "BYTES_LIMIT"])
async def test_what_goes_beyond_the_budget_is_a_gap(name, monkeypatch):
    """Of a deleted object what was known is told, and of others the newest state."""
    monkeypatch.setattr(rewind, name, 0)
    cluster = FakeCluster()
    cluster.write("a")
    cluster.write("b")
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("a")
    cluster.delete("b")

    recorder = await read_again(cluster, known)

    assert recorder.told == [("modified", "a", "104"), ("deleted", "b", "102")]
    assert len(recorder.others) == 3
    assert b'"uid":"u102"' in recorder.items[2].object


async def test_an_object_lost_under_another_uid_is_deleted_as_it_was_known():
    """Nobody can tell when; the new one is added."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.delete("a")
    cluster.write("a")
    cluster.fail("metadata.name", *[ExpiredError("too old", status=410)] * 99)

    recorder = await read_again(cluster, known)

    assert recorder.told == [("deleted", "a", "101"), ("added", "a", "103")]
    assert len(recorder.others) == 3


async def test_a_server_that_cannot_list_exactly_is_not_asked_again():
    """400 says that it never will."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.write("a")
    refusal = ApiStatusError("field label not supported", status=400)
    cluster.fail("metadata.name", refusal)

    recorder = await read_again(cluster, known)

    assert recorder.versions == ["102"]
    assert recorder.reports == [None]


@pytest.mark.parametrize("status", [500, None])
async def test_trouble_on_the_way_is_waited_out(status):
    """The walk goes on where it was."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("a")
    cut = UnreachableError("cut", phase="answer")
    trouble = ApiStatusError("busy", status=status) if status else cut
    cluster.fail("metadata.name", trouble)

    recorder = await read_again(cluster, known)

    assert recorder.versions == ["102", "103"]
    assert trouble in recorder.reports


async def test_an_unknown_object_older_than_the_cursor_is_not_walked():
    """It was there before, and nobody knows why it is not known."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    known["store"].drop("shop/a")
    cluster.age(10)

    recorder = await read_again(cluster, known)

    assert recorder.told == [("added", "a", "101")]
    assert cluster.asked("metadata.name") == 0


async def test_a_known_object_that_never_was_is_deleted_as_it_was_known():
    """A store that is wrong is put right, and a gap is announced."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    known["store"].put(Known(key="shop/ghost", uid="u", version="90"))
    cluster.age(10)

    recorder = await read_again(cluster, known)

    assert recorder.told == [("deleted", "ghost", "90")]
    assert len(recorder.others) == 3


async def test_a_state_that_cannot_be_read_ends_the_walk():
    """It has no version, so nothing can be said about what came before."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("a")
    del cluster.history[1][2]["metadata"]["resourceVersion"]

    recorder = await read_again(cluster, known)

    assert recorder.versions[-1] == "103"


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
