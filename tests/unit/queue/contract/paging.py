"""What is promised to whoever looks at many rows: an order, places, and few bytes."""

from datetime import datetime

import pytest

from bridge.errors import QueueError
from bridge.queue import Dead, Extent, Queue
from tests.unit.queue.contract.base import LONG_AGO, OpenQueue
from tests.unit.queue.samples import SCOPE, encoded, put, rejected

HUGE = 10**19
SINKS = ("hook", "spare")


async def names(rows) -> list[str]:
    """Return the ids of rows."""
    return [one.event.id async for one in rows]


class Paging(OpenQueue):
    """Rows are read in pages, newest or oldest first (issue 10, items 19, 36, 42)."""

    @pytest.mark.parametrize("extent", ["handle", "head", "whole"])
    async def test_an_event_is_read_as_far_as_asked(
        self, queue: Queue, extent: Extent
    ) -> None:
        """Nothing of it, what precedes its data, or all; its size is always known."""
        await put(queue, "a")
        event = encoded("a")
        body = {"handle": b"", "head": event.body[: event.data_offset]}

        [kept] = [one async for one in queue.kept(LONG_AGO, None, extent=extent)]
        [waits] = [one async for one in queue.waiting("hook", None, extent=extent)]

        assert kept.event.body == body.get(extent, event.body)
        assert waits.event == kept.event
        assert kept.size_bytes == len(event.body)

    async def test_an_event_without_data_is_all_head(self, queue: Queue) -> None:
        """Its attributes are all there is."""
        await queue.put([rejected("raw")], scope=SCOPE, since=None, to="1")

        [letter] = [one async for one in queue.dead(None, None)]
        [whole] = [one async for one in queue.dead(None, None, extent="whole")]

        assert (letter.event.body, whole.event.body) == (b"", encoded("raw").body)

    async def test_the_newest_come_first(self, queue: Queue) -> None:
        """On as many pages as it takes, from a place on too."""
        wanted = [str(number) for number in range(70)]
        await put(queue, *wanted)

        kept = [one async for one in queue.kept(LONG_AGO, None, newest=True)]
        after = queue.kept(LONG_AGO, kept[59].handle, newest=True)
        waiting = queue.waiting("hook", None, newest=True)

        assert [one.event.id for one in kept] == wanted[::-1]
        assert [one async for one in after] == kept[60:]
        assert await names(waiting) == wanted[::-1]

    async def test_the_newest_since_a_time(self, queue: Queue) -> None:
        """Nothing that was stored before."""
        await put(queue, "a", "b")
        [a, _] = [one async for one in queue.kept(LONG_AGO, None)]
        later = datetime(2999, 1, 1, tzinfo=a.stored.tzinfo)

        assert await names(queue.kept(a.stored, None, newest=True)) == ["b", "a"]
        assert await names(queue.kept(later, None, newest=True)) == []

    @pytest.mark.parametrize("sink", [None, "hook"])
    async def test_the_newest_dead_letters_come_first(
        self, queue: Queue, sink: str | None
    ) -> None:
        """Of one sink or of all."""
        await put(queue, *[str(number) for number in range(60)])
        leases = await queue.lease("hook", 60)
        await queue.settle([Dead(lease=one, reason="no") for one in leases])
        letters = [one async for one in queue.dead(sink, None)]

        newest = [one async for one in queue.dead(sink, None, newest=True)]
        after = queue.dead(sink, newest[9].handle, newest=True)

        assert newest == letters[::-1]
        assert [one async for one in after] == newest[10:]

    @pytest.mark.parametrize("newest", [False, True])
    async def test_what_waits_for_all_sinks_is_in_one_order(
        self, queue: Queue, *, newest: bool
    ) -> None:
        """By event, then by sink; a place stands between any two."""
        await queue.open_sink("spare")
        both = [str(number) for number in range(300)]
        await put(queue, *both, sinks=("hook", "spare"))
        await put(queue, "last", sinks=("hook",), since="1", to="2")
        expected = [f"{sink}/e{number + 1}" for number in range(300) for sink in SINKS]
        expected.append("hook/e301")

        places = [one.place async for one in queue.waiting(None, None, newest=newest)]
        rest = queue.waiting(None, places[6], newest=newest)

        assert places == (expected[::-1] if newest else expected)
        assert [one.place async for one in rest] == places[7:]

    async def test_whole_events_are_read_few_at_a_time(self, queue: Queue) -> None:
        """Although each is as large as a page, none is passed over."""
        await put(queue, "a", "b", "c", size=1_500_000)

        rows = [one async for one in queue.kept(LONG_AGO, None, extent="whole")]
        waiting = queue.waiting("hook", None, extent="whole")

        assert [len(one.event.body) for one in rows] == [one.size_bytes for one in rows]
        assert [one.event.id for one in rows] == ["a", "b", "c"]
        assert await names(waiting) == ["a", "b", "c"]

    async def test_what_ended_while_it_was_looked_at_is_left_out(
        self, queue: Queue
    ) -> None:
        """What comes later on the page is still shown."""
        await put(queue, *[str(number) for number in range(60)])
        rows = queue.waiting("hook", None, extent="whole")

        first = await anext(rows)
        await queue.purge("hook", ["e55"])

        assert first.event.id == "0"
        assert "54" not in (rest := await names(rows))
        assert rest[-1] == "59"

    async def test_events_are_found_by_handle(self, queue: Queue) -> None:
        """In their order; those that are gone are left out."""
        await put(queue, "a", "b", "c")

        found = await queue.events(["e3", "e1", "e9", "e1"], extent="whole")

        assert [one.handle for one in found] == ["e1", "e3"]
        assert found[0].event == encoded("a")
        assert await queue.events([]) == []

    @pytest.mark.parametrize("number", [str(HUGE), "9" * 5000, "٣", "1" * 19])
    async def test_a_number_that_the_file_cannot_hold_is_no_handle(
        self, queue: Queue, number: str
    ) -> None:
        """It is said what was expected, wherever one is taken (issue 10, item 42)."""
        for call in (
            lambda: queue.enqueue("hook", [f"e{number}"]),
            lambda: queue.purge("hook", [f"d{number}"]),
            lambda: queue.letters(f"e{number}"),
            lambda: queue.events([f"e{number}"]),
            lambda: names(queue.kept(LONG_AGO, f"e{number}")),
            lambda: names(queue.dead(None, f"d{number}")),
            lambda: names(queue.waiting(None, f"hook/e{number}")),
        ):
            with pytest.raises(QueueError, match="and a number of at most"):
                await call()
