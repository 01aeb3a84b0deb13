"""What every `Queue` promises; each implementation runs it.

A suite derives from `QueueContract` and gives the fixture `open_queue`: each call opens
the same store anew, on a real clock.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.errors import LeaseLostError, QueueError, StaleCursorError
from bridge.queue import (
    Dead,
    Delivered,
    Gate,
    Queue,
    Released,
    Retry,
    Tally,
)
from tests.unit.queue.samples import SCOPE, entry, ids, knows, put, rejected

Opener = Callable[[], AbstractAsyncContextManager[Queue]]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def has_nothing(queue: Queue, sink: str = "hook") -> bool:
    """Return whether nothing can be leased for a while."""
    try:
        async with asyncio.timeout(0.1):
            await queue.lease(sink, 1)
    except TimeoutError:
        return True
    return False


async def dead_letters(queue: Queue, sink: str | None = None) -> list[str]:
    """Return the ids of all dead letters."""
    return [letter.event.id async for letter in queue.dead(sink, None)]


class QueueContract:
    """The tests; `queue` is open and has the sink ``hook``."""

    @pytest.fixture
    async def queue(self, open_queue: Opener) -> AsyncIterator[Queue]:
        """Return an open queue with one sink."""
        async with open_queue() as opened:
            await opened.open_sink("hook")
            yield opened

    # put

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

    # cursors

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

    # lease

    async def test_lease_waits_for_a_put(self, queue: Queue) -> None:
        """It returns as soon as there is something."""
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(queue.lease("hook", 10), name="lease")
            await asyncio.sleep(0.02)

            await put(queue, "a")

        assert ids(waiting.result()) == ["a"]

    async def test_lease_hands_nothing_out_twice(self, queue: Queue) -> None:
        """What is leased is not leased again."""
        await put(queue, "a", "b", "c")

        first = await queue.lease("hook", 2)
        second = await queue.lease("hook", 2)

        assert (ids(first), ids(second)) == (["a", "b"], ["c"])
        assert await has_nothing(queue)

    async def test_lease_that_is_cancelled_keeps_nothing(self, queue: Queue) -> None:
        """Who gives up waiting has no leases."""
        assert await has_nothing(queue)

        await put(queue, "a")

        assert ids(await queue.lease("hook", 10)) == ["a"]

    async def test_lease_of_a_sink_that_is_not_open_is_refused(
        self, queue: Queue
    ) -> None:
        """Its name is in the message."""
        with pytest.raises(QueueError, match="sink other"):
            await queue.lease("other", 1)

    async def test_extend_names_the_leases_that_are_gone(self, queue: Queue) -> None:
        """The others are extended."""
        await put(queue, "a", "b")
        first, second = await queue.lease("hook", 2)
        await queue.settle([Delivered(lease=first)])

        await queue.extend([second], 60)

        with pytest.raises(LeaseLostError, match="leases of a"):
            await queue.extend([first, second], 60)

    # settle

    async def test_delivered_ends_a_delivery(self, queue: Queue) -> None:
        """Nothing waits any more, and nothing is dead."""
        await put(queue, "a")

        await queue.settle([Delivered(lease=(await queue.lease("hook", 1))[0])])

        depth = await queue.depth("hook")
        assert (depth.waiting, depth.leased, depth.dead) == (0, 0, 0)

    async def test_retry_delays_the_event(self, queue: Queue) -> None:
        """It is leased again when it is due, as the next attempt, grown older."""
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)

        await queue.settle([Retry(lease=lease, due=time.time() + 0.2)])
        is_delayed = await has_nothing(queue)
        [again] = await queue.lease("hook", 1)

        assert is_delayed
        assert (again.event, again.attempt) == (lease.event, 2)
        assert again.age_seconds >= 0.2

    async def test_retry_in_the_past_is_due_at_once(self, queue: Queue) -> None:
        """Other deliveries that are due go first or after, none is lost."""
        await put(queue, "a", "b")
        first, second = await queue.lease("hook", 2)

        await queue.settle([Retry(lease=first, due=0.0), Retry(lease=second, due=0.0)])

        again = await queue.lease("hook", 2)
        assert sorted(ids(again)) == ["a", "b"]

    async def test_released_is_due_at_once(self, queue: Queue) -> None:
        """It counts as no attempt."""
        await put(queue, "a")
        leases = await queue.lease("hook", 1)

        await queue.settle([Released(lease=leases[0])])

        [again] = await queue.lease("hook", 1)
        assert (again.event.id, again.attempt) == ("a", 1)

    async def test_dead_makes_a_dead_letter(self, queue: Queue) -> None:
        """With the reason, the status, and the first 4 kB of the answer."""
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)

        excerpt = b"x" * 5000
        await queue.settle(
            [Dead(lease=lease, reason="no", status=400, excerpt=excerpt)]
        )

        [letter] = [letter async for letter in queue.dead("hook", None)]
        assert (letter.sink, letter.reason, letter.status) == ("hook", "no", 400)
        assert (letter.attempts, letter.excerpt) == (1, b"x" * 4096)
        assert letter.event == lease.event

    async def test_settle_is_safe_to_repeat(self, queue: Queue) -> None:
        """The second time changes nothing."""
        await put(queue, "a", "b", "c")
        leases = await queue.lease("hook", 3)
        outcomes = [
            Delivered(lease=leases[0]),
            Dead(lease=leases[1], reason="no"),
            Retry(lease=leases[2], due=time.time() + 60),
        ]

        await queue.settle(outcomes)
        await queue.settle(outcomes)

        depth = await queue.depth("hook")
        assert (depth.waiting, depth.delayed, depth.dead) == (1, 1, 1)
        assert queue.tally("hook").delivered == 1

    async def test_settle_of_nothing_is_nothing(self, queue: Queue) -> None:
        """An empty list is allowed."""
        await queue.settle([])

    # gate

    async def test_gate_stops_leases_until_its_time(self, queue: Queue) -> None:
        """It opens by itself, and is remembered until somebody removes it."""
        await put(queue, "a")
        until = time.time() + 0.3

        await queue.gate("hook", until, "paused: 401")

        assert await has_nothing(queue)
        assert ids(await queue.lease("hook", 1)) == ["a"]
        assert await queue.gated("hook") == Gate(until=until, reason="paused: 401")

    async def test_gate_is_opened_by_none(self, queue: Queue) -> None:
        """Who waits gets leases at once."""
        await put(queue, "a")
        await queue.gate("hook", time.time() + 60, "paused")
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(queue.lease("hook", 1), name="lease")

            await queue.gate("hook", None, "")

        assert ids(waiting.result()) == ["a"]
        assert await queue.gated("hook") is None

    async def test_gated_of_an_unknown_sink_is_none(self, queue: Queue) -> None:
        """There is no gate where there is no sink."""
        assert await queue.gated("other") is None

    # restarts

    async def test_restart_keeps_everything(self, open_queue: Opener) -> None:
        """Waiting rows, attempts, dead letters, gates, cursor and memory survive."""
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "a", "b", "c", remember=("k", b"v"))
            a, b, _ = await queue.lease("hook", 3)
            await queue.settle([Dead(lease=a, reason="no"), Retry(lease=b, due=0.0)])
            await queue.gate("hook", time.time() - 1, "over")

        async with open_queue() as queue:
            await queue.open_sink("hook")
            leases = await queue.lease("hook", 10)
            assert {one.event.id: one.attempt for one in leases} == {"b": 2, "c": 1}
            assert await dead_letters(queue) == ["a"]
            assert await queue.gated("hook") is not None
            assert await queue.cursor(SCOPE) == "1"
            assert [pair async for pair in queue.remembered(SCOPE)] == [("k", b"v")]

    async def test_restart_voids_leases(self, open_queue: Opener) -> None:
        """What was leased and not settled is handed out again."""
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "a")
            await queue.lease("hook", 1)

        async with open_queue() as queue:
            await queue.open_sink("hook")
            assert ids(await queue.lease("hook", 1)) == ["a"]

    async def test_a_sink_that_is_not_opened_keeps_its_rows(
        self, open_queue: Opener
    ) -> None:
        """It is listed, counted, and resumed when its name returns."""
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "a")

        async with open_queue() as queue:
            assert await queue.sinks() == ["hook"]
            assert (await queue.depth("hook")).waiting == 1
            await queue.open_sink("hook")
            assert ids(await queue.lease("hook", 1)) == ["a"]

    # looking, replay and purge

    async def test_kept_shows_stored_events(self, queue: Queue) -> None:
        """Oldest first, with the sinks for which each still waits."""
        await put(queue, "a", "b")
        await queue.settle([Delivered(lease=(await queue.lease("hook", 1))[0])])

        kept = [one async for one in queue.kept(LONG_AGO, None)]

        assert [(one.event.id, one.waiting) for one in kept] == [
            ("a", ()),
            ("b", ("hook",)),
        ]

    async def test_kept_pages_from_a_handle(self, queue: Queue) -> None:
        """What follows the handle, and nothing before `since`."""
        await put(queue, *[str(number) for number in range(120)])
        kept = [one async for one in queue.kept(LONG_AGO, None)]

        after = [one async for one in queue.kept(LONG_AGO, kept[59].handle)]
        later = kept[-1].stored + timedelta(hours=1)

        assert len(kept) == 120
        assert after == kept[60:]
        assert [one async for one in queue.kept(later, None)] == []

    async def test_kept_hides_what_is_no_event(self, queue: Queue) -> None:
        """An object that was not converted is only a dead letter."""
        await queue.put([rejected("raw")], scope=SCOPE, since=None, to="1")

        assert [one async for one in queue.kept(LONG_AGO, None)] == []

    async def test_dead_pages_from_a_handle(self, queue: Queue) -> None:
        """Of one sink or of all."""
        await put(queue, *[str(number) for number in range(70)])
        leases = await queue.lease("hook", 70)
        await queue.settle([Dead(lease=one, reason="no") for one in leases])
        letters = [letter async for letter in queue.dead("hook", None)]

        after = [one async for one in queue.dead(None, letters[59].handle)]

        assert len(letters) == 70
        assert after == letters[60:]
        assert await dead_letters(queue, "other") == []

    async def test_enqueue_delivers_a_kept_event_anew(self, queue: Queue) -> None:
        """With its own id, as a first attempt, also to a sink that never had it."""
        await queue.open_sink("other")
        await put(queue, "a")
        await queue.settle([Delivered(lease=(await queue.lease("hook", 1))[0])])
        [kept] = [one async for one in queue.kept(LONG_AGO, None)]

        count = await queue.enqueue("other", [kept.handle])

        [lease] = await queue.lease("other", 1)
        assert (count, lease.event.id, lease.attempt) == (1, "a", 1)

    async def test_enqueue_revives_a_dead_letter(self, queue: Queue) -> None:
        """For its own sink it is dead no longer."""
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        await queue.settle([Dead(lease=lease, reason="no")])
        [letter] = [one async for one in queue.dead("hook", None)]

        count = await queue.enqueue("hook", [letter.handle])

        assert (count, ids(await queue.lease("hook", 1))) == (1, ["a"])
        assert (await queue.depth("hook")).dead == 0

    async def test_enqueue_of_another_sinks_dead_letter_copies_it(
        self, queue: Queue
    ) -> None:
        """It stays what it is for its own sink."""
        await queue.open_sink("other")
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        await queue.settle([Dead(lease=lease, reason="no")])
        [letter] = [one async for one in queue.dead("hook", None)]

        assert await queue.enqueue("other", [letter.handle]) == 1

        assert ids(await queue.lease("other", 1)) == ["a"]
        assert await dead_letters(queue, "hook") == ["a"]

    async def test_enqueue_doubles_nothing(self, queue: Queue) -> None:
        """What waits, waits once."""
        await put(queue, "a")
        [kept] = [one async for one in queue.kept(LONG_AGO, None)]

        assert await queue.enqueue("hook", [kept.handle]) == 0
        assert (await queue.depth("hook")).waiting == 1

    @pytest.mark.parametrize("handle", ["", "x1", "1", "e", "e-1", "dd"])
    async def test_enqueue_refuses_a_broken_handle(
        self, queue: Queue, handle: str
    ) -> None:
        """The message says what was expected."""
        with pytest.raises(QueueError, match="expected"):
            await queue.enqueue("hook", [handle])

    async def test_purge_ends_all_that_waits(self, queue: Queue) -> None:
        """Leased ones too; a later outcome of theirs changes nothing."""
        await put(queue, *[str(number) for number in range(500)])
        await put(queue, *[str(number) for number in range(250)], since="1", to="2")
        [lease] = await queue.lease("hook", 1)

        assert await queue.purge("hook", None) == 750

        await queue.settle([Retry(lease=lease, due=0.0)])
        assert await has_nothing(queue)
        assert (await queue.depth("hook")).waiting == 0

    async def test_purge_removes_dead_letters_of_its_sink(self, queue: Queue) -> None:
        """Handles of other sinks are left alone."""
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        await queue.settle([Dead(lease=lease, reason="no")])
        await queue.put([rejected("raw")], scope=SCOPE, since="1", to="2")
        handles = [letter.handle async for letter in queue.dead(None, None)]

        assert await queue.purge("hook", handles) == 1
        assert await dead_letters(queue) == ["raw"]
        assert await queue.purge(None, handles) == 1
        assert await dead_letters(queue) == []

    async def test_purge_of_an_unknown_sink_is_nothing(self, queue: Queue) -> None:
        """Nothing waits there."""
        assert await queue.purge("other", None) == 0
        assert await queue.purge(None, None) == 0
        assert await queue.purge("other", ["d1"]) == 0
        assert await queue.purge("hook", []) == 0

    # numbers

    async def test_depth_counts(self, queue: Queue) -> None:
        """Waiting, leased, delayed, dead, and the time of the oldest."""
        await put(queue, "a", "b", "c", "d")
        a, b, _ = await queue.lease("hook", 3)
        await queue.settle([Dead(lease=a, reason="no")])
        await queue.settle([Retry(lease=b, due=time.time() + 60)])

        depth = await queue.depth("hook")

        assert (depth.waiting, depth.leased, depth.delayed, depth.dead) == (3, 1, 1, 1)
        assert depth.oldest is not None
        assert abs(depth.oldest.timestamp() - time.time()) < 60

    async def test_depth_of_an_unknown_sink_is_empty(self, queue: Queue) -> None:
        """Nothing waits there."""
        depth = await queue.depth("other")

        assert (depth.waiting, depth.oldest) == (0, None)

    async def test_tally_balances(self, queue: Queue) -> None:
        """Each delivery that began has ended in one way, or waits."""
        await put(queue, "a", "b", "c")
        a, b, _ = await queue.lease("hook", 3)
        await queue.settle([Delivered(lease=a), Dead(lease=b, reason="no")])
        [letter] = [one async for one in queue.dead("hook", None)]
        await queue.enqueue("hook", [letter.handle])
        await queue.purge("hook", None)

        assert queue.tally("hook") == Tally(
            routed=3, enqueued=1, delivered=1, dead=1, purged=2
        )

    async def test_tally_of_an_unknown_sink_is_empty(self, queue: Queue) -> None:
        """Nothing happened there."""
        assert queue.tally("other").routed == 0

    async def test_storage_grows(self, queue: Queue) -> None:
        """What is stored takes room."""
        before = await queue.storage()

        await put(queue, "a", size=200_000)

        after = await queue.storage()
        assert after.used_bytes >= before.used_bytes + 190_000
        assert after.full is None
