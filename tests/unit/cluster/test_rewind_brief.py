"""Objects that came and went where no watch begins."""

import pytest

from bridge.cluster import Change, Gap, ObjectMeta, Observed
from bridge.cluster.reflector import rewind
from bridge.errors import ExpiredError
from tests.unit.cluster.fakes import FakeCluster
from tests.unit.cluster.recorder import known_by, read_again

pytestmark = pytest.mark.looptime


async def began():
    """A cluster with two objects, and who knows them."""
    cluster = FakeCluster()
    cluster.page_size = 1
    cluster.write("a")
    cluster.write("m")
    return cluster, await known_by(cluster)


async def test_an_object_that_came_and_went_is_told_whole():
    """Its creation stands out in the count of objects; the rest is walked."""
    cluster, known = await began()
    cluster.write("a")
    cluster.write("brief")
    cluster.write("brief")
    cluster.delete("brief")

    recorder = await read_again(cluster, known)

    assert recorder.told == [
        ("modified", "a", "103"),
        ("added", "brief", "104"),
        ("modified", "brief", "105"),
        ("deleted", "brief", "106"),
    ]
    assert not any(isinstance(one, Gap) for one in recorder.items)


async def test_one_of_a_known_name_does_not_make_that_forgotten():
    """Who has the name now is learned again after the deletion."""
    cluster, known = await began()
    cluster.delete("a")
    cluster.write("a")
    cluster.delete("a")
    last = cluster.write("a")

    recorder = await read_again(cluster, known)

    kinds = ["deleted", "added", "added", "deleted"]
    assert [one[0] for one in recorder.told] == kinds
    assert sorted(recorder.versions) == ["103", "104", "105", "106"]
    after = recorder.items[recorder.items.index(_last_change(recorder)) + 1]
    assert isinstance(after, Observed)
    assert after.known.version == last


def _last_change(recorder):
    return [one for one in recorder.items if isinstance(one, Change)][-1]


async def test_where_nothing_happened_nothing_is_counted():
    """A quiet resource costs no requests."""
    cluster, known = await began()
    cluster.age(50)

    recorder = await read_again(cluster, known)

    assert recorder.told == []
    assert cluster.asked("list 1 Exact") < 5


async def test_what_was_told_before_a_crash_did_not_go():
    """It is known, so that its creation is not told again, and it is still there."""
    cluster, known = await began()
    cluster.write("new")
    cluster.write("a")
    value = cluster.objects["new"]["metadata"]
    known["store"].put(ObjectMeta(key="shop/new", uid=value["uid"], version="103"))

    recorder = await read_again(cluster, known)

    assert recorder.told == [("modified", "a", "104")]


@pytest.mark.parametrize("trouble", ["too far", "not told", "lost"])
async def test_what_cannot_be_counted_is_a_gap(trouble, monkeypatch):
    """Too many versions, or no count, as under selectors, or a walk that failed."""
    cluster, known = await began()
    cluster.write("a")
    cluster.write("a")
    cluster.write("brief")
    cluster.delete("brief")
    if trouble == "too far":
        monkeypatch.setattr(rewind, "COUNTS_LIMIT", 3)
    if trouble == "lost":
        cluster.fail("metadata.name", ExpiredError("too old", status=410))
    options = {"field_selector": "x=y"} if trouble == "not told" else {}

    recorder = await read_again(cluster, known | options)

    assert "brief" not in {name for _, name, _ in recorder.told}
    assert any(isinstance(one, Gap) for one in recorder.items)


async def test_a_count_that_fails_is_a_gap():
    """Something may have come and gone, and nobody can tell any more."""
    cluster, known = await began()
    cluster.write("a")
    cluster.write("brief")
    cluster.delete("brief")
    cluster.fail("list 1 Exact104", ExpiredError("too old", status=410))

    recorder = await read_again(cluster, known)

    assert [one.cause for one in recorder.items if isinstance(one, Gap)] == ["expired"]


async def test_a_creation_that_nobody_has_seen_is_a_gap():
    """The count grew, and no object has that version."""
    cluster, known = await began()
    cluster.write("a")
    cluster.write("brief")
    cluster.delete("brief")
    cluster.history[-2][2]["metadata"]["resourceVersion"] = "1"

    recorder = await read_again(cluster, known)

    assert any(isinstance(one, Gap) for one in recorder.items)
