"""The journal is looked through in either order, and little of it is in memory."""

import time
import tracemalloc

import pytest

from bridge.journal import Attempt
from bridge.journal.journal import Journal
from bridge.journal.settings import JournalConfig
from bridge.metrics import Metrics


def attempt(event: str, ending: str = "delivered", **more) -> Attempt:
    """Return an attempt that ended just now."""
    usual = {"sink": "hook", "number": 1, "at": time.time(), "duration_seconds": 0.5}
    return Attempt(**(usual | {"event": event, "ending": ending} | more))


@pytest.fixture
async def journal(tmp_path):
    """A journal of three chunks: e1 and e2, e3, e4 and e5."""
    opening = Journal.open(
        tmp_path / "journal",
        settings=JournalConfig(maxSize="256MiB", keep="1h"),
        metrics=Metrics(version="1"),
    )
    async with opening as opened:
        for chunk in (("e1", "e2"), ("e3",), ("e4", "e5")):
            for event in chunk:
                opened.add(attempt(event, "retry" if event == "e3" else "delivered"))
            assert await opened.attempts_of("e0") == []  # what was added is stored
        yield opened


async def handles(rows) -> list[str]:
    """Return the places of attempts, and their events."""
    return [f"{one.handle} {one.attempt.event}" async for one in rows]


async def test_the_newest_attempts_come_first(journal):
    """From any place on (issue 10, item 19)."""
    all_ = await handles(journal.recorded(newest=True))

    assert all_ == ["j3.1 e5", "j3.0 e4", "j2.0 e3", "j1.1 e2", "j1.0 e1"]
    for place, one in enumerate(all_):
        rest = journal.recorded(one.split()[0], newest=True)
        assert await handles(rest) == all_[place + 1 :]


@pytest.mark.parametrize("newest", [False, True])
async def test_a_chunk_without_what_is_wanted_is_passed_over_visibly(journal, newest):
    """One attempt of it says how far it is: whoever asks can stop there."""
    rows = journal.recorded(
        newest=newest, keep=lambda one: one.event in {"e1", "e2", "e4"}
    )

    found = await handles(rows)

    expected = ["j1.0 e1", "j1.1 e2", "j2.0 e3", "j3.0 e4"]
    end = [] if newest else ["j3.1 e5"]
    assert found == (expected[::-1] if newest else expected) + end


async def test_a_question_holds_one_chunk_in_memory(journal):
    """However many there are: 40 MB of answers here (issue 10, item 36)."""
    for number in range(10):
        for index in range(1000):
            excerpt = b"%d" % index * 1000
            journal.add(attempt(f"e{number}", "retry", excerpt=excerpt[:4000]))
        await journal.attempts_of("e1000")
    tracemalloc.start()

    found = await journal.last_attempts([("e1", "hook"), ("e9", "spare")])

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(found) == [("e1", "hook")]
    assert peak < 20_000_000
