"""Schedules: the exact times that docs/delivery.md promises."""

import asyncio
import re
from itertools import accumulate
from pathlib import Path

import pytest

from bridge.deliver import RetryPolicy
from bridge.deliver.outcomes import LONGEST_SECONDS
from bridge.deliver.settings import KnativeRetryConfig
from tests.unit.deliver.scripted import Bench, ScriptedSink, error, paused

PAGE = Path(__file__).parents[3] / "docs" / "delivery.md"


def knative(retries: int, backoff: str, delay: str, most: str = "1h") -> RetryPolicy:
    """Return the policy that Knative's words describe."""
    retry = KnativeRetryConfig(
        retry=retries, backoffPolicy=backoff, backoffDelay=delay, retryAfterMax=most
    )
    return RetryPolicy(retry=retry)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table after a heading of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    lines = re.findall(r"^\|(.*)\|$", section.partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


def numbers(text: str) -> list[float]:
    """Return the numbers in a cell."""
    return [float(one) for one in re.findall(r"[0-9.]+", text)]


@pytest.mark.parametrize(
    ("backoff", "delays"),
    [("linear", [0, 0.5, 1.0, 1.5]), ("exponential", [0.5, 1.0, 2.0, 4.0])],
)
def test_waits_are_those_that_knatives_senders_make(backoff, delays) -> None:
    """Measured [peers-knative-argo 2.3]; n counts the retries already made."""
    schedule = knative(4, backoff, "0.5s")

    found = [schedule.delay(n, random=lambda: 0.9) for n in (1, 2, 3, 4)]

    assert found == delays


@pytest.mark.parametrize("backoff", ["linear", "exponential"])
def test_no_wait_is_longer_than_an_hour(backoff) -> None:
    """Nor does a power of two become too large for a float."""
    schedule = knative(9999, backoff, "10.0s")

    assert schedule.delay(5000, random=lambda: 0.0) == LONGEST_SECONDS


def test_the_page_tells_the_times_of_knatives_words() -> None:
    """Each row: a policy, its waits, and when the attempts are made."""
    found = rows("Schedules in Knative's words")

    assert [row[0] for row in found] == ["`linear`", "`exponential`"]
    for policy, waits, times in found:
        schedule = knative(5, policy.strip("`"), "0.5s")
        delays = [schedule.delay(n, random=lambda: 0.0) for n in range(1, 6)]
        assert numbers(waits) == delays
        assert numbers(times) == [0, *accumulate(delays)]


def test_the_page_tells_the_bounds_of_our_own_schedule() -> None:
    """Each row: an attempt, and the bounds of the wait after it."""
    found = rows("Schedules")

    assert len(found) >= 8
    for attempt, lowest, highest in found:
        number = int(numbers(attempt)[0])
        assert numbers(lowest)[0] == RetryPolicy().delay(number, random=lambda: 0.0)
        assert numbers(highest)[0] == RetryPolicy().delay(number, random=lambda: 1.0)


@pytest.mark.looptime
@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize(
    ("backoff", "times"), [("linear", [0, 0, 2, 6]), ("exponential", [0, 2, 6, 14])]
)
async def test_attempts_are_made_at_the_documented_times(status, backoff, times):
    """Three retries, then one dead letter; the same if the whole sink rests."""

    def answer(_ids) -> None:
        raise error(status)

    schedule = knative(3, backoff, "2.0s")
    bench = Bench(ScriptedSink(answer=answer), policy=schedule)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(30)

    assert bench.sink.times == pytest.approx(times, abs=0.25)
    assert bench.dead == ["a"]


@pytest.mark.looptime
async def test_delivered_by_the_last_attempt_is_delivered() -> None:
    """Three failures, three retries."""
    faults = iter([error(500)] * 3)

    def answer(_ids) -> None:
        if fault := next(faults, None):
            raise fault

    schedule = knative(3, "exponential", "0.5s")
    bench = Bench(ScriptedSink(answer=answer), policy=schedule)
    bench.put("a")

    async with bench.running():
        await asyncio.sleep(10)

    assert (bench.queue.delivered, bench.dead) == (["a"], [])


@pytest.mark.parametrize(
    ("header", "most", "wait"), [(30, 3600, 30), (30, 5, 5), (30, 0, 2), (1, 60, 2)]
)
def test_retry_after_is_capped_and_never_shortens(header, most, wait) -> None:
    """max(backoff, min(header, cap)), as Knative's senders do with the option on."""
    policy = knative(9, "exponential", "2.0s", f"PT{most}S")
    fault = error(429, retry_after_seconds=float(header))

    assert policy.rest(1, fault, random=lambda: 0.0) == wait


def test_only_the_sinks_failures_ask_for_anything() -> None:
    """A pause has a time of its own."""
    assert RetryPolicy().asked(paused()) == 0.0


def test_a_sink_that_says_nothing_rests_a_minute_at_most() -> None:
    """A trial is one request; exact schedules stay exact."""
    exact = knative(9, "linear", "100.0s")

    rests = [
        one.rest(20, error(503), random=lambda: 1.0) for one in (RetryPolicy(), exact)
    ]

    assert rests == [60.0, 1900.0]
