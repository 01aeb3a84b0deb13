"""Single deliveries and dead letters, by the handle of their event."""

import pytest

from bridge.errors import QueueError
from bridge.queue import Dead
from tests.unit.queue.samples import ids, leased, put


async def test_dead_letters_of_an_event_are_found(queue):
    """Those of every sink, oldest first; each names its event."""
    await queue.open_sink("spare")
    await put(queue, "a", "b", sinks=("hook", "spare"))
    for sink in ("spare", "hook"):
        dying = await queue.lease(sink, 2)
        await queue.settle([Dead(lease=lease, reason="no") for lease in dying])

    letters = await queue.letters("e2")

    assert [(one.sink, one.event.id, one.kept) for one in letters] == [
        ("spare", "b", "e2"),
        ("hook", "b", "e2"),
    ]
    assert await queue.letters("e9") == []


async def test_no_handle_of_an_event_is_refused(queue):
    """A dead letter is none."""
    with pytest.raises(QueueError, match="expected e and a number"):
        await queue.letters("d1")


async def test_single_deliveries_are_purged(queue):
    """By their events; others go on, and it is counted."""
    await queue.open_sink("spare")
    await put(queue, "a", "b", "c", sinks=("hook", "spare"))

    purged = await queue.purge("hook", ["e1", "e3", "e9"])

    assert purged == 2
    assert await leased(queue) == ["b"]
    assert (await queue.depth("spare")).waiting == 3
    assert queue.tally("hook").purged == 2


async def test_a_delivery_that_is_leased_is_purged(queue):
    """Its outcome, when it comes, changes nothing."""
    await put(queue, "a", "b")
    [lease] = await queue.lease("hook", 1)

    purged = await queue.purge("hook", ["e1"])
    await queue.settle([Dead(lease=lease, reason="no")])

    assert purged == 1
    assert ids(await queue.lease("hook", 5)) == ["b"]
    assert (await queue.depth("hook")).dead == 0


async def test_deliveries_and_dead_letters_are_purged_together(queue):
    """Each by its kind of handle."""
    await put(queue, "a", "b")
    [lease] = await queue.lease("hook", 1)
    await queue.settle([Dead(lease=lease, reason="no")])

    assert await queue.purge("hook", ["d1", "e2"]) == 2
    assert (await queue.depth("hook")).waiting == 0


async def test_deliveries_of_a_sink_that_nobody_knows_are_none(queue):
    """Nothing is ended."""
    await put(queue, "a")

    assert await queue.purge("none", ["e1"]) == 0
    assert await queue.purge("hook", ["e9"]) == 0
    assert (await queue.depth("hook")).waiting == 1


async def test_a_lane_goes_on_after_a_purge(queue):
    """The oldest that is left of an object is next."""
    await queue.open_sink("ordered", ordering="object")
    await put(queue, "a", "b", sinks=("ordered",))
    await queue.lease("ordered", 1)

    await queue.purge("ordered", ["e1"])

    assert ids(await queue.lease("ordered", 5)) == ["b"]
