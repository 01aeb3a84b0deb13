"""The store below the demo's API server."""

import msgspec
import pytest

from bridge.demo.apiserver.storage import (
    CompactedError,
    FutureRevisionError,
    ObjectStorage,
)


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return what was set."""
        return self.now


def make(**ttl_seconds: float) -> ObjectStorage:
    """Return an empty store."""
    return ObjectStorage(ttl_seconds=ttl_seconds, clock=Clock())


def put(storage: ObjectStorage, key: str, **fields) -> int:
    """Write to table ``t`` and return the revision."""
    storage.put("t", key, {"metadata": {}, **fields})
    return storage.revision


def keys(storage: ObjectStorage, **page) -> list[str]:
    """Return the keys of a page of table ``t``."""
    return [record.key for record in storage.page("t", **page)]


def seen(records) -> list[tuple[int, str, str]]:
    """Return revision, change and key of each record."""
    return [(record.revision, record.change, record.key) for record in records]


def test_put_stamps_the_revision():
    """The body says at which revision it was written."""
    storage = make()

    body = storage.put("t", "a", {"metadata": {"name": "a"}})

    assert msgspec.json.decode(body) == {
        "metadata": {"name": "a", "resourceVersion": "2"}
    }
    assert storage.get("t", "a") == body


def test_all_tables_share_one_counter():
    """A revision is given out once."""
    storage = make()

    put(storage, "a")
    storage.put("other", "a", {"metadata": {}})
    put(storage, "b")

    assert seen(storage.changes("t", after=0, limit=9)) == [
        (2, "ADDED", "a"),
        (4, "ADDED", "b"),
    ]


def test_a_page_is_sorted_and_begins_where_it_should():
    """Prefix and start choose keys."""
    storage = make()
    for key in ("b/2", "a/1", "b/1", "c/1", "b/3"):
        put(storage, key)

    assert keys(storage) == ["a/1", "b/1", "b/2", "b/3", "c/1"]
    assert keys(storage, prefix="b/", start="b/2") == ["b/2", "b/3"]


def test_a_page_shows_the_past():
    """What was written or removed later does not show."""
    storage = make()
    put(storage, "a")
    then = put(storage, "b")
    storage.remove("t", "a")
    put(storage, "c")

    assert keys(storage, revision=then) == ["a", "b"]
    assert keys(storage) == ["b", "c"]


def test_a_page_of_the_future_is_refused():
    """Nothing is there yet."""
    with pytest.raises(FutureRevisionError):
        keys(make(), revision=99)


def test_changes_know_what_was_there_before():
    """A record has the body before the write, and of a deletion the last state."""
    storage = make()
    put(storage, "a", n=1)
    put(storage, "a", n=2)
    storage.remove("t", "a")

    added, modified, deleted = storage.changes("t", after=0, limit=9)

    assert (added.previous, modified.previous) == (None, added.body)
    assert (deleted.object["n"], deleted.previous) == (2, modified.body)
    assert deleted.object["metadata"]["resourceVersion"] == "4"


def test_changes_come_in_parts_that_end_with_a_revision():
    """A limit never parts the writes of one revision."""
    storage = make()
    for key in "abc":
        put(storage, key)
    storage.remove("t", "a", "b", "c")

    part = storage.changes("t", after=2, limit=3)

    assert seen(part)[2:] == [(5, "DELETED", key) for key in "abc"]
    assert storage.changes("t", after=5, limit=3) == ()


def test_what_is_not_there_is_not_removed():
    """Removing twice records one deletion."""
    storage = make()
    put(storage, "a")
    storage.remove("t", "a")

    storage.remove("t", "a")

    assert [change for _, change, _ in seen(storage.ledger("t"))] == [
        "ADDED",
        "DELETED",
    ]


def test_compaction_forgets_what_only_the_past_could_see():
    """The compacted revision is the oldest that can be read."""
    storage = make()
    put(storage, "gone")
    put(storage, "kept")
    storage.remove("t", "gone")
    edge = put(storage, "new")

    storage.compact(edge)

    assert keys(storage, revision=edge) == ["kept", "new"]
    with pytest.raises(CompactedError):
        keys(storage, revision=edge - 1)


def test_changes_before_the_compacted_revision_are_gone():
    """The write at the compacted revision itself can still be read."""
    storage = make()
    put(storage, "a")
    put(storage, "b")
    edge = put(storage, "c")

    storage.compact(edge)

    assert seen(storage.changes("t", after=edge - 1, limit=9)) == [
        (edge, "ADDED", "c"),
    ]
    with pytest.raises(CompactedError):
        storage.changes("t", after=edge - 2, limit=9)


def test_compaction_does_not_reach_into_the_future_or_go_back():
    """It stops at the current revision, and never un-compacts."""
    storage = make()
    put(storage, "a")

    storage.compact(99)
    storage.compact(1)

    assert storage.compacted == storage.revision


def test_the_ledger_outlives_compaction_and_rollback():
    """It is the truth about what was ever written, both lines of history."""
    storage = make()
    then = put(storage, "a")
    put(storage, "b")
    storage.rollback(then)
    put(storage, "c")
    storage.compact(storage.revision)

    assert seen(storage.ledger("t")) == [
        (2, "ADDED", "a"),
        (3, "ADDED", "b"),
        (3, "ADDED", "c"),
    ]


def test_rollback_brings_back_what_was():
    """Later revisions are undone, and their numbers given out again."""
    storage = make()
    put(storage, "a", n=1)
    then = storage.revision
    put(storage, "a", n=2)
    put(storage, "b")

    storage.rollback(then)

    assert (storage.revision, keys(storage)) == (then, ["a"])
    assert seen(storage.changes("t", after=0, limit=9)) == [(2, "ADDED", "a")]
    assert put(storage, "c") == then + 1


def test_objects_expire_together_in_one_revision():
    """What was written within a twentieth of the time to live shares a lease.

    And the lease lasts as much longer, so that nothing dies early.
    """
    storage = make(t=100.0)
    put(storage, "a")
    storage._clock.now = 4.0
    put(storage, "b")
    storage._clock.now = 6.0
    put(storage, "c")

    for now in (102.0, 105.5):
        storage._clock.now = now
        storage.expire()

    assert seen(storage.ledger("t"))[3:] == [(5, "DELETED", "a"), (5, "DELETED", "b")]
    assert keys(storage) == ["c"]


def test_a_write_renews_the_time_to_live():
    """An object that is changed lives on."""
    storage = make(t=100.0)
    put(storage, "a")
    storage._clock.now = 50.0
    put(storage, "a")

    storage._clock.now = 120.0
    storage.expire()

    assert keys(storage) == ["a"]


def test_nothing_expires_before_its_time():
    """An expiry with nothing to do makes no revision."""
    storage = make(t=100.0)
    put(storage, "a")

    storage.expire()

    assert storage.revision == 2


def test_what_rollback_brought_back_expires_too():
    """A restored object gets its time to live anew."""
    storage = make(t=100.0)
    then = put(storage, "a")
    storage.remove("t", "a")
    put(storage, "b")
    storage.rollback(then)

    storage._clock.now = 200.0
    storage.expire()

    assert (keys(storage), storage.revision) == ([], then + 1)


def test_changed_is_set_once_for_each_write():
    """Who holds an old signal is woken; the new one waits for the next write."""
    storage = make()
    before = storage.changed

    put(storage, "a")

    assert before.is_set()
    assert not storage.changed.is_set()
