"""What is known of objects that are gone."""

import pytest

from bridge.cluster import ObjectMeta
from bridge.cluster import informer as tombstones
from bridge.cluster.informer import KEPT_SECONDS, Tombstones


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.seconds = 1000.0

    def __call__(self):
        """Return the time."""
        return self.seconds


@pytest.fixture
def clock():
    """The time."""
    return Clock()


def known(name="web", uid="u1"):
    """What was known of an object."""
    return ObjectMeta(key=f"shop/{name}", uid=uid, version="7")


def test_a_deleted_object_is_found_by_key_and_uid(clock):
    """Another one of its name is another object."""
    buried = Tombstones(now=clock)
    buried.add(known(uid="u1"))
    buried.add(known(uid="u2"))

    found = [buried.get("shop/web", uid) for uid in ("u1", "u2", "u3")]

    assert found == [known(uid="u1"), known(uid="u2"), None]


def test_it_is_forgotten_after_ten_minutes(clock):
    """Whether or not others were deleted since."""
    buried = Tombstones(now=clock)
    buried.add(known())

    clock.seconds += KEPT_SECONDS
    before = buried.get("shop/web", "u1")
    clock.seconds += 1
    after = buried.get("shop/web", "u1")

    assert (before, after) == (known(), None)


def test_what_is_forgotten_takes_no_room(clock):
    """It leaves when the next one comes."""
    buried = Tombstones(now=clock)
    for name in "abc":
        buried.add(known(name))
    clock.seconds += KEPT_SECONDS + 1

    buried.add(known("d"))

    assert len(buried) == 1


def test_only_so_many_are_kept(clock, monkeypatch):
    """The oldest leaves first; one that is deleted again is young again."""
    monkeypatch.setattr(tombstones, "MOST", 2)
    buried = Tombstones(now=clock)
    for name in "abac":
        buried.add(known(name))

    found = [buried.get(f"shop/{name}", "u1") is not None for name in "abc"]

    assert (found, len(buried)) == ([True, False, True], 2)
