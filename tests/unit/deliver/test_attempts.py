"""What is put on record, and said, of each attempt."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.errors import PermanentSinkError
from tests.unit.deliver.scripted import (
    Bench,
    ScriptedSink,
    error,
    failing_first,
    paused,
    raising,
    refusing,
)

pytestmark = pytest.mark.looptime


def recorded(sink: ScriptedSink) -> tuple[Bench, list]:
    """Return deliveries, and the list of their attempts."""
    attempts: list = []
    return Bench(sink, concurrency=1, more={"record": attempts.append}), attempts


async def test_every_event_of_an_attempt_is_recorded() -> None:
    """With what the sink answered."""
    bench, attempts = recorded(ScriptedSink(max_batch=3))
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1)

    assert [(one.ending, one.status, one.number) for one in attempts] == [
        ("delivered", 204, 1)
    ] * 2
    assert {one.sink for one in attempts} == {"hook"}
    assert 0 <= attempts[0].at < 1


async def test_each_ending_is_named() -> None:
    """Tried again, given up, or not counted; with reason, and the answer's text."""
    refused = PermanentSinkError("400", reason="status", status=400, excerpt=b"no")
    script = [error(500, duration_seconds=2.0), paused(), refused]
    bench, attempts = recorded(ScriptedSink(answer=raising(iter(script))))
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(70)

    assert [(one.ending, one.status, one.number) for one in attempts] == [
        ("retry", 500, 1),
        ("released", 401, 2),
        ("dead", 400, 2),
    ]
    assert [one.excerpt for one in attempts] == [b"500", b"401", b"no"]
    assert attempts[0].duration_seconds == 2.0
    assert attempts[0].reason == "status"


async def test_halved_batch_is_an_attempt_of_each_event() -> None:
    """It did not count for them."""
    bench, attempts = recorded(ScriptedSink(max_batch=2, answer=refusing("b")))
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1)

    assert [one.ending for one in attempts] == [
        *["released", "released"],
        *["delivered", "dead"],
    ]


async def test_failure_is_one_line_with_what_one_needs() -> None:
    """Sink, reason, status, attempt and when it is tried again."""
    bench = Bench(ScriptedSink(answer=failing_first(error(500))))
    bench.put("a")

    with capture_logs() as lines:
        async with bench.running():
            await asyncio.sleep(2)

    [line] = [one for one in lines if one["event"] == "Delivery failed."]
    assert line == {
        "event": "Delivery failed.",
        "log_level": "warning",
        "sink": "hook",
        "error": "500",
        "reason": "status",
        "status": 500,
        "attempt": 1,
        "due": "1970-01-01T00:00:00.500000+00:00",
    }


@pytest.mark.parametrize(
    ("fault", "lines"),
    [
        (error(503), [("warning", "Sink rests."), ("info", "Sink resumed.")]),
        (paused(), [("error", "Sink paused."), ("info", "Sink resumed.")]),
    ],
)
async def test_each_change_of_state_is_one_line(fault, lines) -> None:
    """However often it is tried meanwhile."""
    script = [fault, error(500)]
    bench = Bench(ScriptedSink(answer=raising(iter(script))), concurrency=1)
    bench.put("a")

    with capture_logs() as said:
        async with bench.running():
            await asyncio.sleep(130)

    found = [(one["log_level"], one["event"]) for one in said]
    changes = [
        one for one in found if one[1].startswith("Sink ") and "still" not in one[1]
    ]
    assert changes == lines
