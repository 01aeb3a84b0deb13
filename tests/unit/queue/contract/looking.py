"""What is promised to operators: looking, replay, purge, and numbers."""

import time
from datetime import timedelta

import pytest

from bridge.errors import QueueError
from bridge.queue import (
    Dead,
    Delivered,
    Queue,
    Retry,
    Tally,
)
from tests.unit.queue.contract.base import (
    LONG_AGO,
    OpenQueue,
    dead_letters,
    has_nothing,
)
from tests.unit.queue.samples import SCOPE, ids, put, rejected


class Looking(OpenQueue):
    """Nothing is doubled, nothing is passed over."""

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

    async def test_enqueue_leaves_a_dead_letter_whose_event_waits(
        self, queue: Queue
    ) -> None:
        """It was not by its word that it waits."""
        await put(queue, "a")
        [lease] = await queue.lease("hook", 1)
        await queue.settle([Dead(lease=lease, reason="no")])
        [letter] = [one async for one in queue.dead("hook", None)]
        [kept] = [one async for one in queue.kept(LONG_AGO, None)]
        await queue.enqueue("hook", [kept.handle])

        assert await queue.enqueue("hook", [letter.handle]) == 0
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
