"""Objects as they were before: at hand, or recalled from the queue."""

import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from bridge.ingest.object_cache import KEYS_AT_ONCE, ObjectCache


@dataclass
class Stored:
    """What was put, and what is asked for."""

    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[Sequence[str]] = field(default_factory=list)

    async def recall(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """See `Queue.recall`."""
        self.asked.append(keys)
        found = {key: self.objects[key] for key in keys if key in self.objects}
        return {key: zlib.compress(value) for key, value in found.items()}


@pytest.fixture
def few(monkeypatch) -> None:
    """Let three objects be at hand."""
    monkeypatch.setattr("bridge.ingest.object_cache.AT_HAND", 3)


async def test_object_is_recalled_once() -> None:
    """Also one of which the queue knows nothing."""
    stored = Stored({"=a": b"{}"})
    object_cache = ObjectCache(stored.recall)

    await object_cache.load(["a", "b", "a"])
    await object_cache.load(["b", "a"])

    assert (object_cache.get("a"), object_cache.get("b")) == (b"{}", None)
    assert stored.asked == [["=a", "=b"]]


async def test_what_was_put_is_known_before_it_is_stored() -> None:
    """The next change may be planned before the last one is in the queue."""
    object_cache = ObjectCache(Stored({"=a": b"1"}).recall)

    packed = object_cache.put("a", b"2")
    await object_cache.load(["a"])

    assert (object_cache.get("a"), zlib.decompress(packed)) == (b"2", b"2")


async def test_what_was_dropped_is_not_recalled() -> None:
    """The queue may still hold it."""
    object_cache = ObjectCache(Stored({"=a": b"1"}).recall)

    object_cache.drop("a")
    await object_cache.load(["a"])

    assert object_cache.get("a") is None


async def test_oldest_are_not_at_hand_any_more(few: None) -> None:
    """They are recalled when they are needed again."""
    object_cache = ObjectCache(
        Stored({f"={key}": key.encode() for key in "abcd"}).recall
    )
    await object_cache.load("abc")

    await object_cache.load("d")
    evicted = object_cache.get("a")
    await object_cache.load("a")

    assert (evicted, object_cache.get("a"), object_cache.get("b")) == (None, b"a", None)


async def test_what_is_at_hand_is_not_pushed_out_by_what_comes_with_it(few) -> None:
    """Else it would be taken for an object that was never seen."""
    object_cache = ObjectCache(
        Stored({f"={key}": key.encode() for key in "abcd"}).recall
    )
    await object_cache.load("abc")

    await object_cache.load(["d", "a"])

    assert (object_cache.get("a"), object_cache.get("d")) == (b"a", b"d")


async def test_no_more_is_recalled_at_once_than_the_queue_takes() -> None:
    """In parts."""
    stored = Stored()

    await ObjectCache(stored.recall).load(
        str(number) for number in range(KEYS_AT_ONCE + 1)
    )

    assert [len(keys) for keys in stored.asked] == [KEYS_AT_ONCE, 1]


async def test_large_objects_leave_sooner_but_none_that_may_not_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bounded in bytes, beyond what can be under way."""
    monkeypatch.setattr("bridge.ingest.object_cache.BYTES_AT_HAND", 1_000)
    monkeypatch.setattr("bridge.ingest.object_cache.NOT_STORED", 3)
    object_cache = ObjectCache(_nothing)

    for number in range(10):
        object_cache.put(str(number), random.Random(number).randbytes(400))

    assert [object_cache.get(str(n)) is not None for n in range(10)] == [False] * 7 + [
        True
    ] * 3


async def _nothing(_: Sequence[str]) -> Mapping[str, bytes]:
    return {}
