"""What is remembered, and how it is found again."""

import msgspec

from bridge.cluster import CORE_EVENTS, Change, ObjectMeta, Owner
from bridge.cluster.store import Store


def pod(name, *, version="1", uid="u", **more):
    """A known Pod in namespace shop."""
    return ObjectMeta(key=f"shop/{name}", uid=uid, version=version, **more)


def change(kind, known):
    """A watched change."""
    return Change(
        change=kind,
        resource=CORE_EVENTS,
        object=b"{}",
        resource_version="9",
        known=known,
    )


def found(store, index, value):
    """The names of what an index finds."""
    return [one.name for one in store.select([(index, value)], limit=9)]


def test_what_is_put_is_found_until_it_is_dropped():
    """By its key; the newest is what counts."""
    store = Store([pod("a")])

    store.put(pod("a", version="2"))
    store.put(pod("b"))
    store.drop("shop/b")
    store.drop("shop/c")

    assert list(store) == [pod("a", version="2")]
    assert (len(store), store.get("shop/b")) == (1, None)


def test_an_index_is_built_when_it_is_asked_and_kept_from_then_on():
    """By namespace, by label, by the uid of the controller."""
    owner = Owner(api_version="apps/v1", kind="ReplicaSet", name="r", uid="7")
    store = Store([pod("b", labels={"app": "web"}), pod("a", owner=owner)])

    before = found(store, "label", ("app", "web"))
    store.put(pod("a", labels={"app": "web"}))
    store.drop("shop/b")

    assert before == ["b"]
    assert found(store, "label", ("app", "web")) == ["a"]
    assert found(store, "owner", "7") == []
    assert found(store, "namespace", "shop") == ["a"]


def test_an_index_forgets_values_that_nobody_has():
    """Labels change; what they were must not pile up."""
    store = Store()
    found(store, "label", ("n", "0"))

    for number in range(100):
        store.put(pod("a", labels={"n": str(number)}))
    store.drop("shop/a")

    assert store._indexes["label"] == {}


def test_it_follows_what_is_watched():
    """What was added or modified is known as it is now."""
    store = Store()
    first, second = pod("a"), pod("a", version="2")

    followed = [store.follow(change("added", first))]
    followed.append(store.follow(change("modified", second)))

    assert followed == [change("added", first), change("modified", second)]
    assert list(store) == [second]


def test_a_deletion_says_what_was_known_until_then():
    """Not the version of the deletion, which no state of the object ever had."""
    store = Store([pod("a", version="5")])

    followed = store.follow(change("deleted", pod("a", version="9")))

    assert followed.known == pod("a", version="5")
    assert len(store) == 0


def test_a_deletion_of_another_object_of_that_name_drops_nothing():
    """The uid tells."""
    store = Store([pod("a", uid="new")])
    gone = change("deleted", pod("a", uid="old"))
    never = change("deleted", pod("b"))

    assert [store.follow(gone), store.follow(never)] == [gone, never]
    assert len(store) == 1


def test_a_change_without_identity_teaches_nothing():
    """It was read for somebody without a store."""
    store = Store()
    nameless = change("added", None)

    assert store.follow(nameless) == nameless
    assert len(store) == 0


def test_what_is_remembered_is_small_when_it_is_written():
    """Empty labels and a missing owner are left out, and read back."""
    written = msgspec.json.encode(pod("a"))

    assert written == b'{"key":"shop/a","uid":"u","version":"1"}'
    assert msgspec.json.decode(written, type=ObjectMeta) == pod("a")


def test_objects_are_selected_page_by_page_by_all_indexes():
    """In the order of keys."""
    labels = {"app": "web"}
    store = Store([pod(name, labels=labels) for name in "dbac"])
    both = [("namespace", "shop"), ("label", ("app", "web"))]

    first = store.select(both, limit=2)
    second = store.select(both, after=first[-1].key, limit=9)

    assert [one.name for one in (*first, *second)] == ["a", "b", "c", "d"]
    assert store.select([*both, ("owner", "7")], limit=9) == []
    assert len(store.select([], limit=3)) == 3
