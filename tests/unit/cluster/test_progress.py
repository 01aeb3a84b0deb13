"""When a quiet watch is known to have missed nothing."""

import asyncio

import pytest

from bridge.cluster.reflector.progress import ProgressMarks
from bridge.errors import UnreachableError
from tests.unit.cluster.recorder import START, loop_now

pytestmark = pytest.mark.looptime


def notes_of(versions):
    """Notes that find the cluster at these versions, one after the other."""
    found = iter(versions)

    async def newest_version():
        answer = next(found)
        if isinstance(answer, Exception):
            raise answer
        await asyncio.sleep(answer if isinstance(answer, int) else 0)
        return answer

    return ProgressMarks(newest_version=newest_version, now=loop_now)


async def test_nothing_is_listed_within_the_first_minute():
    """A watch that has just begun needs no proof."""
    notes = notes_of([])

    await notes.list_if_due()

    assert notes.due_at == 60
    assert notes.proven(position="1") is None


async def test_a_version_is_proven_after_90_seconds_of_life():
    """Keepalive would have ended a dead connection by then."""
    notes = notes_of(["20"])
    await asyncio.sleep(60)
    await notes.list_if_due()

    await asyncio.sleep(89)
    early = notes.proven(position="10")
    await asyncio.sleep(1)
    note = notes.proven(position="10")

    assert early is None
    assert (note.resource_version, (note.time - START).seconds) == ("20", 60)


async def test_a_version_that_the_watch_has_passed_is_proven_at_once():
    """A watch is in order: whatever was before came before."""
    notes = notes_of(["20"])
    await asyncio.sleep(60)
    await notes.list_if_due()

    assert notes.proven(position="20").resource_version == "20"
    assert notes.proven(position="20") is None


@pytest.mark.parametrize(("seconds", "proven"), [(4, False), (5, True)])
async def test_a_good_end_proves_what_was_listed_five_seconds_before(seconds, proven):
    """The end came in order too, after all that was sent before it."""
    notes = notes_of(["20"])
    await asyncio.sleep(60)
    await notes.list_if_due()

    await asyncio.sleep(seconds)

    assert (notes.ended(position="10") is not None) == proven


async def test_a_broken_watch_proves_nothing():
    """The next connection says nothing about what the last one owed."""
    notes = notes_of(["20"])
    await asyncio.sleep(60)
    await notes.list_if_due()

    notes.cut()
    await asyncio.sleep(90)

    assert notes.proven(position="10") is None


async def test_the_newest_of_several_proven_versions_is_returned():
    """One note says it all."""
    notes = notes_of(["20", "30", "40"])
    for _ in range(3):
        await asyncio.sleep(60)
        await notes.list_if_due()

    assert notes.due_at == 150
    assert notes.proven(position="35").resource_version == "30"
    assert notes.due_at == 240


@pytest.mark.parametrize("trouble", [UnreachableError("gone", phase="dns"), 6])
async def test_a_version_that_cannot_be_listed_is_left_out(trouble):
    """An error, or no answer within 5 s, costs one note and nothing else."""
    notes = notes_of([trouble, "20"])
    await asyncio.sleep(60)

    await notes.list_if_due()
    await asyncio.sleep(60)
    await notes.list_if_due()

    assert notes.proven(position="20").resource_version == "20"
