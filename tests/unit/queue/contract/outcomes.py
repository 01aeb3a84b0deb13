"""What is promised of order, routes, forwarded dead letters, and of who waits."""

import time

from bridge.queue import Dead, Delivered, Forward, Lease, Queue, Retry, Tally
from tests.unit.queue.contract.base import (
    LONG_AGO,
    Opener,
    OpenQueue,
    dead_letters,
    has_nothing,
)
from tests.unit.queue.samples import SCOPE, closed, encoded, entry, ids, put


def forwarded(lease: Lease, sink: str = "letters") -> Dead:
    """Return a dead letter that goes to another sink."""
    return Dead(
        lease=lease, reason="no", forward=Forward(sink=sink, event=encoded("f"))
    )


async def pending(queue: Queue, sink: str = "hook") -> list[str]:
    """Return the ids of all that wait for a sink."""
    return [one.event.id async for one in queue.waiting(sink, None)]


class Ordered(OpenQueue):
    """What is younger never overtakes what is older."""

    async def test_order_by_object(self, queue: Queue) -> None:
        """One of each key at a time, the oldest first."""
        await queue.open_sink("hook", ordering="object")
        entries = [entry(name, key=name[0]) for name in ("a1", "a2", "b1")]
        await queue.put(entries, scope=SCOPE, since=None, to="1")
        leases = await queue.lease("hook", 5)

        await queue.settle([Delivered(lease=lease) for lease in leases])

        assert ids(leases) == ["a1", "b1"]
        assert ids(await queue.lease("hook", 5)) == ["a2"]

    async def test_order_of_a_sink(self, queue: Queue) -> None:
        """One of all at a time, or a run."""
        await queue.open_sink("hook", ordering="sink", run=2)
        await put(queue, "a", "b", "c")
        leases = await queue.lease("hook", 5)
        assert await has_nothing(queue)

        await queue.settle([Delivered(lease=lease) for lease in leases])

        assert ids(leases) == ["a", "b"]
        assert ids(await queue.lease("hook", 5)) == ["c"]


class Outcomes(OpenQueue):
    """Books balance."""

    async def test_routes_are_remembered(self, open_queue: Opener) -> None:
        """Of each event, whatever became of it, over restarts."""
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "a", "b", routes=("all", "new"))
            await put(queue, "c", since="1", to="2", routes=("all", "new"))
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "d", since="2", to="3")
            first = (await queue.lease("hook", 1))[0]
            await queue.settle([Dead(lease=first, reason="no")])

            kept = [one.routes async for one in queue.kept(LONG_AGO, None)]
            assert kept == [("all", "new")] * 3 + [()]
            dead = [one.routes async for one in queue.dead(None, None)]
            assert dead == [("all", "new")]

    async def test_forward_moves_a_dead_letter(self, queue: Queue) -> None:
        """It waits for the other sink, with its routes, and is in both books."""
        await queue.open_sink("letters")
        await put(queue, "a", routes=("all",))

        await queue.settle([forwarded((await queue.lease("hook", 1))[0])])

        assert await dead_letters(queue) == []
        rows = queue.waiting("letters", None, extent="whole")
        [waiting] = [one async for one in rows]
        assert (waiting.event, waiting.routes) == (encoded("f"), ("all",))
        assert ids(await queue.lease("letters", 5)) == ["f"]
        both = queue.tally("hook"), queue.tally("letters")
        assert both == (
            Tally(routed=1, dead=1),
            Tally(routed=1, waiting=1),
        )

    async def test_forward_is_safe_to_repeat(self, queue: Queue) -> None:
        """It is forwarded once; if the sink has the event, not at all."""
        await queue.open_sink("letters")
        await put(queue, "a", "b")
        first, second = [forwarded(one) for one in await queue.lease("hook", 2)]

        await queue.settle([first, first, second, Delivered(lease=second.lease)])
        await queue.settle([first])

        assert await pending(queue, "letters") == ["f"]
        assert queue.tally("hook").dead == queue.tally("hook").delivered == 1

    async def test_forward_to_a_full_sink_is_taken(self, queue: Queue) -> None:
        """An outcome is never refused."""
        await queue.open_sink("letters", max_backlog=1)
        await put(queue, "a", sinks=("hook", "letters"))

        await queue.settle([forwarded((await queue.lease("hook", 1))[0])])

        assert await pending(queue, "letters") == ["a", "f"]

    async def test_forward_to_a_sink_that_is_not_open_stays(self, queue: Queue) -> None:
        """It is a dead letter like any other."""
        await put(queue, "a")

        await queue.settle([forwarded((await queue.lease("hook", 1))[0])])

        assert await dead_letters(queue, "hook") == ["a"]
        assert await queue.depth("letters") == await queue.depth("none")

    async def test_waiting_shows_what_has_not_ended(self, queue: Queue) -> None:
        """Leased or delayed, in the order of events, from a handle on."""
        await put(queue, *[str(number) for number in range(70)])
        first = (await queue.lease("hook", 1))[0]
        due = time.time() + 60
        await queue.settle([Retry(lease=first, due=due)])
        await queue.lease("hook", 1)

        waiting = [one async for one in queue.waiting("hook", None)]

        assert [one.event.id for one in waiting] == [str(one) for one in range(70)]
        assert (waiting[0].attempts, waiting[1].attempts, waiting[1].due) == (
            1,
            0,
            None,
        )
        assert waiting[0].due is not None
        assert abs(waiting[0].due.timestamp() - due) < 0.001
        after = [one async for one in queue.waiting("hook", waiting[59].handle)]
        assert after == waiting[60:]

    async def test_waiting_for_an_unknown_sink_is_nothing(self, queue: Queue) -> None:
        """Nobody waits there."""
        await put(queue, "a")

        assert await pending(queue, "other") == []

    async def test_gate_of_our_operator_survives_a_restart(
        self, open_queue: Opener
    ) -> None:
        """It has no end, and says who closed it and why."""
        gate = closed(None, "by hand", kind="stopped")
        async with open_queue() as queue:
            await queue.open_sink("hook")
            await put(queue, "a")
            await queue.gate("hook", gate)

        async with open_queue() as queue:
            await queue.open_sink("hook")
            assert await queue.gated("hook") == gate
            assert await has_nothing(queue)
            await queue.gate("hook", None)
            assert ids(await queue.lease("hook", 1)) == ["a"]
