"""Sinks that ask for another order, sinks in one line, and what a lane is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import encode
from bridge.queue import Delivered, Released, Retry
from bridge.queue.sqlite.order import lane_of
from tests.unit.queue.samples import FakeClock, QueueFile, leased
from tests.unit.queue.test_order import put, take


async def test_rows_get_lanes_when_a_sink_asks_for_order(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that wait, a few in each transaction."""
    monkeypatch.setattr("bridge.queue.sqlite.search.CHUNK", 2)
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a1", "a2", "b1", "a3", "b2", to="1")
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")

        assert await leased(queue) == ["a1", "b1"]
        assert not queue._store.column(
            "SELECT 1 FROM delivery WHERE lane IS NULL AND sink = ?", (1,)
        )


async def test_order_asked_for_while_two_of_an_object_are_leased(
    file: QueueFile,
) -> None:
    """The third waits for both."""
    async with file.open() as queue:
        await queue.open_sink("hook")
        await put(queue, "a1", "a2", "a3", to="1")
        leases = await take(queue, 2)
        await queue.open_sink("hook", ordering="object")

        await queue.settle([Delivered(lease=leases["a1"])])
        assert await leased(queue) == []
        await queue.settle([Delivered(lease=leases["a2"])])

        assert await leased(queue) == ["a3"]


async def test_order_given_up_lets_all_go(file: QueueFile) -> None:
    """But nothing twice."""
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")
        await put(queue, "a1", "a2", "a3", to="1")
        await take(queue)

        await queue.open_sink("hook")

        assert await leased(queue) == ["a2", "a3"]


async def test_order_of_a_sink_hands_out_one(file: QueueFile, clock: FakeClock) -> None:
    """Whatever its object; and the next when it ended."""
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="sink")
        await put(queue, "a1", "b1", "c1", to="1")
        leases = await take(queue)
        assert (list(leases), await leased(queue)) == (["a1"], [])
        await queue.settle([Retry(lease=leases["a1"], due=clock.wall + 5)])
        assert await leased(queue) == []
        clock.advance(5)
        leases = await take(queue)
        await queue.settle([Delivered(lease=leases["a1"])])

        assert await leased(queue) == ["b1"]


async def test_order_of_a_sink_hands_out_a_run(
    file: QueueFile, clock: FakeClock
) -> None:
    """The oldest few together, then nothing until all of them ended."""
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="sink", run=2)
        await put(queue, "a1", "b1", "c1", to="1")
        first, second = (await take(queue)).values()
        await queue.settle([Retry(lease=first, due=clock.wall - 5)])
        assert await leased(queue) == []

        await queue.settle([Released(lease=second)])

        assert await leased(queue, 1) == ["a1"]


async def test_line_after_a_long_search_does_not_spin(
    file: QueueFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was left of the search under other rules is no reason to look again."""
    monkeypatch.setattr("bridge.queue.sqlite.search.LEAST_ROWS", 2)
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="object")
        await put(queue, *[f"a{number}" for number in range(40)], to="1")
        await queue.lease("hook", 1)
        assert queue._store.backlog("hook").is_unread

        await queue.open_sink("hook", ordering="sink")

        assert queue._store.backlog("hook").wakes_at(1) != 1


async def test_run_ends_before_what_is_not_due(
    file: QueueFile, clock: FakeClock
) -> None:
    """What follows it waits, too."""
    async with file.open() as queue:
        await queue.open_sink("hook", ordering="sink", run=3)
        await put(queue, "a1", "b1", "c1", to="1")
        first, second, third = (await take(queue)).values()
        late = Retry(lease=second, due=clock.wall + 5)
        await queue.settle([Released(lease=first), late, Released(lease=third)])

        assert await leased(queue) == ["a1"]


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1)
TEXT = TEXT.filter(lambda text: not any(0x7F <= ord(one) < 0xA0 for one in text))


def lane(id_: str, subject: str | None = None, key: str | None = None) -> int:
    """Return the lane of an event with data."""
    extensions = {} if key is None else {"partitionkey": key}
    event = CloudEvent(
        id=id_, source="/s", type="t", subject=subject, extensions=extensions, data=b"1"
    )
    return lane_of(encode(event))


@given(one=TEXT, other=TEXT, key=TEXT)
def test_lane_is_that_of_the_key(one: str, other: str, key: str) -> None:
    """The partition key, else the subject, else the id; within 64 bits."""
    assert lane(one, one, key) == lane(other, other, key) == lane(one, key)
    assert lane(key) == lane(one, key)
    assert (lane(one) == lane(other)) == (one == other)
    assert -(1 << 63) <= lane(one) < 1 << 63


def test_lane_of_what_cannot_be_read_is_its_own() -> None:
    """The queue never stops for it."""
    one = EncodedEvent(id="a", body=b"\x00", data_offset=0)
    other = EncodedEvent(id="b", body=b"\x00", data_offset=0)

    assert lane_of(one) != lane_of(other)
