"""What of a list is news, with and without a store."""

import pytest

from bridge.cluster import CORE_EVENTS, Change, ObjectMeta, Observed
from bridge.cluster.changes import ListedObject
from bridge.cluster.reflector.diff import (
    Delta,
    HandedOver,
    StoreDiff,
    VersionDiff,
    plain_changes,
)
from bridge.cluster.reflector.repair import Relist
from bridge.cluster.store import Store

EXPIRED = Relist(cursor="100", cause="expired")
ROLLED_BACK = Relist(cursor="900", cause="rolled-back")


def known(name, version, *, uid="u"):
    """A known object."""
    return ObjectMeta(key=f"shop/{name}", uid=uid, version=version)


def listed(name, version, *, uid="u"):
    """A listed object."""
    return ListedObject(object=b"{}", known=known(name, version, uid=uid))


def complete(*objects):
    """A store that holds all that was there."""
    return Store(objects, is_complete=True)


def test_what_is_new_changed_and_the_same_is_told_apart():
    """In the order of versions; what is the same is no news."""
    store = complete(known("same", "90"), known("old", "80"))
    listing = [listed("new", "102"), listed("old", "101"), listed("same", "90")]

    found = StoreDiff(store, plan=EXPIRED).judge(listing)

    assert found == [
        Delta(was=known("old", "80"), now=listing[1]),
        Delta(was=None, now=listing[0]),
    ]
    assert store.get("shop/new") == known("new", "102")


def test_what_is_not_there_any_more_is_gone():
    """Told at the end of the list, by key, and forgotten."""
    store = complete(known("c", "80"), known("b", "90"), known("a", "70"))
    difference = StoreDiff(store, plan=EXPIRED)
    difference.judge([listed("b", "90")])

    gone = [*difference.end("200")]

    assert [one.was.name for one in gone] == ["a", "c"]
    assert [one.name for one in store] == ["b"]
    assert difference.found_newer


def test_another_uid_under_a_known_name_is_another_object():
    """The old one is deleted, the new one added."""
    store = complete(known("a", "80", uid="old"))

    (news,) = StoreDiff(store, plan=EXPIRED).judge([listed("a", "101", uid="new")])

    deleted, added = plain_changes(news, resource=CORE_EVENTS)
    assert (deleted.change, deleted.known) == ("deleted", known("a", "80", uid="old"))
    assert (deleted.resource_version, deleted.listed) == ("80", True)
    assert (added.change, added.known) == ("added", known("a", "101", uid="new"))


def test_what_was_handed_over_before_a_crash_is_no_news():
    """It was remembered in the same commit."""
    store = Store([known("a", "101")])
    plan = Relist()

    found = StoreDiff(store, plan=plan).judge([listed("a", "101"), listed("b", "90")])

    assert found == [Delta(was=None, now=listed("b", "90"))]


def test_what_came_after_the_state_that_is_listed_is_not_gone():
    """It was remembered before a crash; the watch brings it again."""
    store = complete(known("a", "150"))

    gone = [*StoreDiff(store, plan=EXPIRED).end("120")]

    assert (gone, len(store)) == ([], 1)


def test_a_first_list_may_be_only_learned():
    """With `initial` skip."""
    plan = Relist(announces=False)

    found = StoreDiff(Store(), plan=plan).judge([listed("a", "9")])

    assert found == [Observed(known=known("a", "9"), object=b"{}")]


def test_of_an_inherited_scope_only_what_is_newer_is_news():
    """Another scope read up to the cursor; what it knew is not known here."""
    store = Store()
    difference = StoreDiff(store, plan=EXPIRED)

    found = difference.judge([listed("a", "99"), listed("b", "101")])

    assert found == [
        Observed(known=known("a", "99"), object=b"{}"),
        Delta(was=None, now=listed("b", "101")),
    ]


def test_of_an_inherited_scope_nothing_is_gone():
    """What another scope knew may only be out of sight; it is forgotten."""
    store = Store([known("a", "99")])

    gone = [*StoreDiff(store, plan=EXPIRED).end("120")]

    assert (gone, len(store)) == ([], 0)


def test_more_to_remember_of_the_same_version_is_learned():
    """Labels, for one, that nobody asked for until now."""
    store = complete(known("a", "90"))
    labelled = ObjectMeta(key="shop/a", uid="u", version="90", labels={"app": "web"})

    found = StoreDiff(store, plan=EXPIRED).judge(
        [ListedObject(object=b"{}", known=labelled)]
    )

    assert found == [Observed(known=labelled, object=b"{}")]


def test_after_a_rollback_everything_is_news():
    """The same uid and version may be another state."""
    store = complete(known("same", "90"), known("gone", "990"))
    difference = StoreDiff(store, plan=ROLLED_BACK)

    found = difference.judge([listed("same", "90"), listed("new", "80")])

    assert found == [
        Delta(was=None, now=listed("new", "80")),
        Delta(was=known("same", "90"), now=listed("same", "90")),
    ]
    assert [one.was.name for one in difference.end("200")] == ["gone"]


def test_a_list_that_begins_anew_repeats_nothing():
    """What was handed over is known, after a rollback too."""
    difference = StoreDiff(complete(known("a", "90")), plan=ROLLED_BACK)
    difference.judge([listed("a", "90")])

    difference.begin(ROLLED_BACK)

    assert difference.judge([listed("a", "90")]) == []
    assert [*difference.end("200")] == []


def test_a_rollback_that_is_noticed_late_makes_everything_news():
    """The list began for another reason."""
    difference = StoreDiff(complete(known("a", "90")), plan=EXPIRED)

    difference.begin(ROLLED_BACK)

    assert len(difference.judge([listed("a", "90")])) == 1


def test_what_was_deleted_in_the_midst_of_a_list_is_gone_once():
    """A stream says so by itself; the end of it must not say it again."""
    store = complete(known("a", "90"))
    difference = StoreDiff(store, plan=EXPIRED)
    deletion = Change(
        change="deleted",
        resource=CORE_EVENTS,
        object=b"{}",
        resource_version="101",
        known=known("a", "101"),
    )

    change = difference.deleted_while_listing(deletion)

    assert (change.listed, change.known) == (True, known("a", "90"))
    assert [*difference.end("102")] == []


def test_without_a_store_what_is_newer_is_added():
    """And nothing is said about who is known."""
    judge = VersionDiff(EXPIRED)

    (news,) = judge.judge([listed("a", "101"), listed("b", "99")])

    (change,) = plain_changes(news, resource=CORE_EVENTS, remembers=False)
    assert (change.change, change.resource_version) == ("added", "101")
    assert change.known is None
    assert [*judge.end("200")] == []


def test_without_a_store_a_list_that_begins_anew_repeats_nothing_either():
    """As far as it had come, unless it changed."""
    judge = VersionDiff(Relist())
    judge.judge([listed("a", "101"), listed("b", "90")])

    judge.begin(Relist())
    found = judge.judge([listed("a", "103"), listed("b", "90"), listed("c", "80")])

    assert [one.now.version for one in found] == ["80", "103"]


def test_a_list_that_is_not_sorted_is_repeated_rather_than_cut():
    """Nobody knows how far it came."""
    judge = VersionDiff(Relist())
    judge.judge([listed("b", "90"), listed("a", "101")])

    judge.begin(Relist())

    assert len(judge.judge([listed("a", "101"), listed("b", "90")])) == 2


@pytest.mark.parametrize(
    ("name", "version", "has"),
    [("b", "150", True), ("d", "100", True), ("d", "101", False), ("n", "90", False)],
)
def test_passed_knows_what_was_handed_over_by_which_version(name, version, has):
    """Up to each key, the newest version at which that part was read counts."""
    passed = HandedOver()
    passed.add(b"shop/m", "100")
    passed.add(b"shop/c", "200")

    assert passed.has(listed(name, version)) == has


def test_passed_forgets_what_a_later_pass_covers():
    """So that it stays small however often a list begins anew."""
    passed = HandedOver()

    for version in range(100, 200):
        passed.add(b"shop/m", str(version))

    assert len(passed._marks) == 1
