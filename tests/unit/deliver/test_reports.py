"""What the log says of dead letters, and of a sink that stays down (issue 10, 20)."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.deliver import DeadLetterSink, RetryPolicy
from bridge.errors import PermanentSinkError
from bridge.events import CloudEvent
from bridge.events.encode import encode
from bridge.queue import Entry
from tests.unit.deliver.scripted import Bench, ScriptedSink, always, error, refusing

pytestmark = pytest.mark.looptime
EVENT = CloudEvent(
    id="a-1",
    source="kubernetes://c",
    type="io.kubebridge.event.v1",
    subject="shop/Pod/web",
    time="2026-11-30T18:00:00Z",
    extensions={},
    data=b"{}",
)


def refuse_all(_ids: list[str]) -> None:
    """Refuse whatever comes."""
    raise PermanentSinkError("no such field", reason="status", status=422)


def put(bench: Bench) -> None:
    """Make a whole event wait."""
    bench.queue.add(Entry(event=None, encoded=encode(EVENT)), "hook")


async def said_of(bench: Bench, seconds: float, text: str) -> list[dict[str, Any]]:
    """Deliver for a while; return the lines with a text."""
    with capture_logs() as said:
        async with bench.running():
            await asyncio.sleep(seconds)
    return [one for one in said if text in one["event"]]


async def test_dead_letter_is_one_line_that_says_what_and_why() -> None:
    """Sink, id, type, subject, reason, attempts (issue 10, item 20)."""
    bench = Bench(ScriptedSink(answer=refusing("a-1")))
    put(bench)

    [line] = await said_of(bench, 1, "became a dead letter")

    assert line["log_level"] == "error"
    assert (line["sink"], line["id"], line["attempts"]) == ("hook", "a-1", 1)
    assert (line["type"], line["subject"]) == (EVENT.type, EVENT.subject)
    assert line["reason"]


async def test_dead_letter_of_unreadable_bytes_is_told_too() -> None:
    """With its id alone."""
    bench = Bench(ScriptedSink(answer=refusing("bad")))
    bench.put("bad", body=b"no json")

    [line] = await said_of(bench, 1, "became a dead letter")

    assert (line["id"], "type" in line) == ("bad", False)


async def test_storm_of_dead_letters_is_counted() -> None:
    """None is left out of the count (issue 10, item 20)."""
    names = [f"bad{number}" for number in range(30)]
    bench = Bench(ScriptedSink(answer=refuse_all))
    bench.put(*names)

    lines = await said_of(bench, 30, "became a dead letter")

    assert len(lines) + sum(one.get("and_more", 0) for one in lines) == 30
    assert len(lines) <= 3


async def test_forwarded_dead_letter_says_where_to() -> None:
    """It is a warning: somebody takes it."""
    letters = DeadLetterSink(name="spare", failed="http://hook/")
    policy = RetryPolicy(dead_letters=letters)
    bench = Bench(ScriptedSink(answer=refusing("a-1")), policy=policy)
    put(bench)

    [line] = await said_of(bench, 1, "became a dead letter")

    assert (line["log_level"], line["to"]) == ("warning", "spare")


async def test_sink_that_stays_down_is_told_of_at_growing_intervals() -> None:
    """Since when, what waits, when it is tried, what to do (issue 10, item 20)."""
    bench = Bench(ScriptedSink(answer=always(error(503))))
    bench.put("a", "b")

    lines = await said_of(bench, 450, "still held back")

    assert len(lines) == 3
    assert {one["state"] for one in lines} == {"resting"}
    assert lines[0]["since"] == lines[-1]["since"]
    assert (lines[0]["waiting"], bool(lines[0]["next_try"])) == (2, True)
    assert lines[0]["hint"]


async def test_stopped_sink_says_how_to_go_on() -> None:
    """Nothing tries it by itself (issue 10, item 20)."""
    bench = Bench(ScriptedSink())

    with capture_logs() as said:
        async with bench.running():
            await bench.delivery.stop("moving")
            await asyncio.sleep(70)
            await bench.delivery.resume()
            await asyncio.sleep(5)

    [line] = [one for one in said if "still held back" in one["event"]]
    assert "kubebridge sinks resume hook" in line["hint"]
    assert "next_try" not in line
    [resumed] = [one for one in said if "resumed by" in one["event"]]
    assert (resumed["before"], resumed["state"]) == ("stopped", "active")


@pytest.mark.parametrize("refused", ["a", "other"])
async def test_debug_shows_each_attempt(refused, monkeypatch) -> None:
    """How it ended, too (issue 10, item 20)."""
    monkeypatch.setattr("bridge.deliver.attempts.is_debug", lambda: True)
    bench = Bench(ScriptedSink(answer=refusing(refused)))
    bench.put("a")

    [line] = await said_of(bench, 1, "Attempt ended.")

    assert (line["log_level"], line["id"], line["attempt"]) == ("debug", "a", 1)
    assert line["outcome"] == ("dead" if refused == "a" else "delivered")


@pytest.mark.parametrize("refused", ["a", "other"])
async def test_attempts_are_no_lines_but_for_debug(refused, monkeypatch) -> None:
    """They would be most of the log."""
    monkeypatch.setattr("bridge.deliver.attempts.is_debug", lambda: False)
    bench = Bench(ScriptedSink(answer=refusing(refused)))
    bench.put("a")

    assert await said_of(bench, 1, "Attempt ended.") == []
