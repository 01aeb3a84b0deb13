"""What is promised of put, cursors and memory."""

from dataclasses import replace

import pytest

from bridge.errors import QueueError, StaleCursorError
from bridge.queue import (
    Delivered,
    Queue,
)
from tests.unit.queue.contract.base import OpenQueue, has_nothing
from tests.unit.queue.samples import SCOPE, entry, ids, knows, put, rejected


class Puts(OpenQueue):
    """All or nothing, compared before it is set."""

    async def test_put_makes_events_wait_in_order(self, queue: Queue) -> None:
        """What was put is leased, oldest first."""
        await put(queue, "a", "b", "c")

        leases = await queue.lease("hook", 10)

        assert ids(leases) == ["a", "b", "c"]
        assert [lease.attempt for lease in leases] == [1, 1, 1]

    async def test_put_stores_the_bytes(self, queue: Queue) -> None:
        """The event comes out as it went in."""
        one = entry("a", size=5000)
        await queue.put([one], scope=SCOPE, since=None, to="1")

        [lease] = await queue.lease("hook", 10)

        assert lease.event == one.encoded

    async def test_put_moves_the_cursor(self, queue: Queue) -> None:
        """The cursor is None before the first put, and then what it said."""
        before = await queue.cursor(SCOPE)

        await put(queue, "a", to="7")

        assert (before, await queue.cursor(SCOPE)) == (None, "7")

    async def test_put_by_a_stale_reader_changes_nothing(self, queue: Queue) -> None:
        """A reader that was deposed writes neither events nor memory nor cursor."""
        await put(queue, "a", to="7")

        with pytest.raises(StaleCursorError, match="expected 6, got 7"):
            await put(queue, "b", since="6", to="8", remember=("k", b"v"))

        assert await queue.cursor(SCOPE) == "7"
        assert ids(await queue.lease("hook", 10)) == ["a"]
        assert [key async for key in queue.remembered(SCOPE)] == []

    async def test_put_of_a_page_leaves_the_cursor(self, queue: Queue) -> None:
        """A snapshot that is not complete is stored without a cursor."""
        await put(queue, "a", since=None, to=None)

        await put(queue, "b", since=None, to="9")

        assert ids(await queue.lease("hook", 10)) == ["a", "b"]
        assert await queue.cursor(SCOPE) == "9"

    async def test_put_of_nothing_moves_the_cursor(self, queue: Queue) -> None:
        """A bookmark is a put without entries."""
        await queue.put([], scope=SCOPE, since=None, to="5")

        await queue.put([], scope=SCOPE, since="5", to="6")

        assert await queue.cursor(SCOPE) == "6"

    async def test_put_to_a_sink_that_is_not_open_changes_nothing(
        self, queue: Queue
    ) -> None:
        """No delivery is stored that nobody could make."""
        with pytest.raises(QueueError, match="sink other"):
            await put(queue, "a", sinks=("hook", "other"))

        assert await has_nothing(queue)
        assert await queue.cursor(SCOPE) is None

    async def test_put_of_too_many_entries_is_refused(self, queue: Queue) -> None:
        """A put holds at most `max_entries`."""
        names = [str(number) for number in range(queue.max_entries + 1)]

        with pytest.raises(QueueError, match=f"at most {queue.max_entries} entries"):
            await put(queue, *names)

    async def test_put_takes_a_full_load(self, queue: Queue) -> None:
        """A put of `max_entries` entries is taken whole, and leased whole."""
        names = [str(number) for number in range(queue.max_entries)]

        await put(queue, *names)

        assert ids(await queue.lease("hook", queue.max_entries)) == names

    async def test_put_remembers_the_last_word(self, queue: Queue) -> None:
        """Of one key the last value counts; None forgets it; keys come in order."""
        entries = [
            knows("b", b"1"),
            knows("a", b"1"),
            knows("b", b"2"),
            knows("c", b"1"),
            knows("c", None),
        ]

        await queue.put(entries, scope=SCOPE, since=None, to=None)
        await queue.put([knows("a", None)], scope=SCOPE, since=None, to="1")

        assert [pair async for pair in queue.remembered(SCOPE)] == [("b", b"2")]

    async def test_scopes_know_nothing_of_each_other(self, queue: Queue) -> None:
        """Cursor and memory belong to one scope."""
        other = replace(SCOPE, namespace="shop")

        await put(queue, "a", to="5", remember=("k", b"v"))
        await put(queue, "b", to="6", scope=other)

        assert [one.resource_version for one in await queue.cursors()] == ["5", "6"]
        assert [pair async for pair in queue.remembered(other)] == []

    async def test_an_event_of_two_sinks_waits_for_each(self, queue: Queue) -> None:
        """One sink's answer says nothing of the other's delivery."""
        await queue.open_sink("other")
        await put(queue, "a", sinks=("hook", "other"))

        await queue.settle([Delivered(lease=(await queue.lease("hook", 1))[0])])

        assert ids(await queue.lease("other", 10)) == ["a"]

    async def test_what_was_not_converted_is_a_dead_letter(self, queue: Queue) -> None:
        """It belongs to no sink and cannot be delivered."""
        await queue.put([rejected("raw")], scope=SCOPE, since=None, to="1")

        [letter] = [letter async for letter in queue.dead(None, None)]

        assert (letter.sink, letter.reason, letter.attempts) == (None, "no uid", 0)
        with pytest.raises(QueueError, match="could not be converted"):
            await queue.enqueue("hook", [letter.handle])

    async def test_set_cursor_sets_it(self, queue: Queue) -> None:
        """An operator's word moves a cursor anywhere."""
        await put(queue, "a", to="7")

        await queue.set_cursor(SCOPE, "3")

        assert await queue.cursor(SCOPE) == "3"

    async def test_set_cursor_none_forgets_all(self, queue: Queue) -> None:
        """The scope is as if it had never been read."""
        await put(queue, "a", to="7", remember=("k", b"v"))

        await queue.set_cursor(SCOPE, None)

        assert await queue.cursor(SCOPE) is None
        assert [pair async for pair in queue.remembered(SCOPE)] == []
        assert await queue.cursors() == []
