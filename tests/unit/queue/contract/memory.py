"""What is promised of what a reader remembers beside its cursor."""

from dataclasses import replace

import pytest

from bridge.errors import QueueError
from bridge.queue import RECALL_LIMIT, Queue, Scope
from tests.unit.queue.contract.base import OpenQueue
from tests.unit.queue.samples import SCOPE, knows

OTHER = replace(SCOPE, namespace="shop")


async def learn(queue: Queue, known: dict[str, bytes], scope: Scope = SCOPE) -> None:
    """Have a scope know all of it, in as few puts as possible."""
    entries = [knows(key, value) for key, value in known.items()]
    for start in range(0, len(entries), queue.max_entries):
        part = entries[start : start + queue.max_entries]
        await queue.put(part, scope=scope, since=None, to=None)


async def remembered(queue: Queue, *prefix: str) -> dict[str, bytes]:
    """Return what is remembered, in the order in which it comes."""
    return {key: value async for key, value in queue.remembered(SCOPE, *prefix)}


class Remembering(OpenQueue):
    """Found by key, by the beginning of keys, or all of it."""

    async def test_remembered_by_prefix(self, queue: Queue) -> None:
        """Only keys that begin so, in their order; without a prefix all."""
        known = dict.fromkeys(("=a/b", "+a/c", "@", "a", "+/b", "@note", "?"), b"1")
        await learn(queue, known)

        assert list(await remembered(queue, "+")) == ["+/b", "+a/c"]
        assert list(await remembered(queue, "=")) == ["=a/b"]
        assert list(await remembered(queue, "@")) == ["@", "@note"]
        assert list(await remembered(queue, "+a/c/")) == []
        assert list(await remembered(queue)) == sorted(known)

    async def test_remembered_pages_through_all(self, queue: Queue) -> None:
        """Each once, also if one key begins another."""
        known = {f"+{number:b}": b"%d" % number for number in range(6000)}
        await learn(queue, known)
        await learn(queue, {"+": b"other"}, OTHER)

        found = await remembered(queue, "+")

        assert found == known
        assert list(found) == sorted(known)

    async def test_remembered_pages_through_large_values(self, queue: Queue) -> None:
        """However large what is remembered of each object is."""
        sizes = (400_000, 3_000_000, 1, 2_000_000, 3_000_000)
        known = {f"={size}": b"%d" % place * size for place, size in enumerate(sizes)}
        await learn(queue, known)

        assert await remembered(queue, "=") == known

    async def test_recall_returns_what_is_remembered(self, queue: Queue) -> None:
        """The last word of each key; what is not known is left out."""
        value = bytes(range(256))
        await learn(queue, {"a": value, "b": b"1", "c": b"1", "d": b""})
        await queue.put(
            [knows("b", b"2"), knows("c", None)], scope=SCOPE, since=None, to="1"
        )

        found = await queue.recall(SCOPE, ["b", "c", "x", "d", "a", "b"])

        assert found == {"a": value, "b": b"2", "d": b""}

    async def test_recall_knows_nothing_of_other_scopes(self, queue: Queue) -> None:
        """Of one that was never read nothing at all."""
        await learn(queue, {"a": b"1"}, OTHER)

        assert await queue.recall(SCOPE, ["a"]) == {}
        await learn(queue, {"b": b"1"})
        assert await queue.recall(SCOPE, ["a", "b"]) == {"b": b"1"}
        assert await queue.recall(SCOPE, []) == {}

    async def test_recall_takes_a_full_load(self, queue: Queue) -> None:
        """Up to its limit, and no more."""
        known = {f"={number}": b"%d" % number for number in range(RECALL_LIMIT)}
        await learn(queue, known)

        assert await queue.recall(SCOPE, list(known)) == known
        with pytest.raises(QueueError, match=f"{RECALL_LIMIT + 1}"):
            await queue.recall(SCOPE, [*known, "more"])

    async def test_recall_knows_nothing_of_a_scope_that_was_forgotten(
        self, queue: Queue
    ) -> None:
        """Cursor and memory go together."""
        await learn(queue, {"a": b"1"})

        await queue.set_cursor(SCOPE, None)

        assert await queue.recall(SCOPE, ["a"]) == {}
