"""What is promised of lease, settle, gates and restarts."""

import asyncio
import time

import pytest

from bridge.errors import QueueError
from bridge.queue import (
    Dead,
    Delivered,
    Gate,
    Queue,
    Released,
    Retry,
)
from tests.unit.queue.contract.base import (
    Opener,
    OpenQueue,
    dead_letters,
    has_nothing,
)
from tests.unit.queue.samples import SCOPE, closed, ids, put


class Deliveries(OpenQueue):
    """Only an answer, a dead letter or a purge ends one."""

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

    async def test_lease_of_none_is_refused(self, queue: Queue) -> None:
        """It would wait for ever."""
        with pytest.raises(QueueError, match="at least 1, got 0"):
            await queue.lease("hook", 0)

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

        rows = queue.dead("hook", None, extent="whole")
        [letter] = [letter async for letter in rows]
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

    async def test_gate_stops_leases_until_its_time(self, queue: Queue) -> None:
        """It opens by itself, and is remembered until somebody removes it."""
        await put(queue, "a")
        until = time.time() + 0.3

        await queue.gate("hook", closed(until, "401"))

        assert await has_nothing(queue)
        assert ids(await queue.lease("hook", 1)) == ["a"]
        assert await queue.gated("hook") == Gate(
            until=until, kind="paused", reason="401"
        )

    async def test_gate_is_opened_by_none(self, queue: Queue) -> None:
        """Who waits gets leases at once."""
        await put(queue, "a")
        await queue.gate("hook", closed(time.time() + 60, "paused"))
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(queue.lease("hook", 1), name="lease")

            await queue.gate("hook", None)

        assert ids(waiting.result()) == ["a"]
        assert await queue.gated("hook") is None

    async def test_gated_of_an_unknown_sink_is_none(self, queue: Queue) -> None:
        """There is no gate where there is no sink."""
        assert await queue.gated("other") is None

    async def test_restart_keeps_everything(self, open_queue: Opener) -> None:
        """Waiting rows, attempts, dead letters, gates, cursor and memory survive."""
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "a", "b", "c", remember=("k", b"v"))
            a, b, _ = await queue.lease("hook", 3)
            await queue.settle([Dead(lease=a, reason="no"), Retry(lease=b, due=0.0)])
            await queue.gate("hook", closed(time.time() - 1, "over"))

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
