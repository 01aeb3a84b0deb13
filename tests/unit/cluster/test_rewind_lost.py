"""What is told where an object cannot be walked back to what was known."""

from typing import Any, cast

import pytest

from bridge.cluster import ObjectMeta
from bridge.cluster.reflector import rewind
from bridge.cluster.store import MetadataFilter
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    FutureVersionError,
    NotServedError,
    UnreachableError,
)
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import known_by, read_again

pytestmark = pytest.mark.looptime


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
    known["store"].put(ObjectMeta(key="shop/ghost", uid="u", version="90"))
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


async def test_a_brief_object_where_something_else_happened_is_a_gap():
    """Nothing that is known leads to it."""
    cluster = FakeCluster()
    cluster.write("a")
    known = await known_by(cluster)
    cluster.write("a")
    cluster.write("brief")
    cluster.delete("brief")

    recorder = await read_again(cluster, known)

    assert recorder.told == [("modified", "a", "102")]
    assert [one.cause for one in recorder.others[1:-1]] == ["expired"]


async def test_versions_that_are_no_numbers_leave_room_for_more():
    """Some aggregated APIs have such; nobody can tell what lay between (KEP-5504)."""
    nothing = cast("Any", None)
    rewinder = rewind.Rewinder(
        nothing, cursor="a1", keeps=MetadataFilter(), retry=nothing, observer=nothing
    )

    assert not rewinder.covers("a2")
