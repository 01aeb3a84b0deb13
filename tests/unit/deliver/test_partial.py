"""Partial answers: a bulk receiver takes some events of a batch and refuses others."""

import asyncio
from collections.abc import Callable
from itertools import chain

import pytest

from bridge.deliver.settings import BreakerConfig
from bridge.errors import PermanentSinkError, SinkError
from tests.unit.deliver.scripted import OK, Bench, ScriptedSink, error, paused

pytestmark = pytest.mark.looptime

FIFTY = [f"e{number}" for number in range(50)]
REFUSED = PermanentSinkError("409", reason="status", status=409)


def answering(errors: dict[str, SinkError]) -> Callable[[list[str]], list]:
    """Refuse some events, each once, and take the others."""
    left = dict(errors)
    return lambda ids: [left.pop(id_, OK) for id_ in ids]


def bulk(errors: dict[str, SinkError], **more) -> Bench:
    """Return deliveries in batches of 50, of which some events are refused."""
    sink = ScriptedSink(max_batch=50, answer=answering(errors))
    return Bench(sink, concurrency=1, more=more)


async def test_three_of_fifty_refused_are_dead_and_the_rest_is_delivered() -> None:
    """One request: the receiver named the events at fault, so nothing is halved."""
    bench = bulk(dict.fromkeys(("e3", "e20", "e49"), REFUSED))
    bench.put(*FIFTY)

    async with bench.running():
        await asyncio.sleep(1)

    assert bench.sink.sent == [FIFTY]
    assert bench.dead == ["e3", "e20", "e49"]
    assert sorted([*bench.queue.delivered, *bench.dead]) == sorted(FIFTY)


async def test_events_that_failed_for_a_while_are_sent_again_alone() -> None:
    """Those that were taken are not repeated."""
    bench = bulk(dict.fromkeys(("e3", "e20", "e49"), error(500)))
    bench.put(*FIFTY)

    async with bench.running():
        await asyncio.sleep(60)

    assert sorted(chain(*bench.sink.sent[1:])) == ["e20", "e3", "e49"]
    assert sorted(bench.queue.delivered) == sorted(FIFTY)


async def test_each_error_has_its_own_end() -> None:
    """Retry, dead letter and delivered in one answer; it counts as partial once."""
    errors = {"b": error(500, max_attempts=1), "c": error(500), "d": REFUSED}
    bench = bulk(errors)
    bench.put("a", "b", "c", "d")

    async with bench.running():
        await asyncio.sleep(60)

    assert (bench.sink.sent, bench.dead) == ([["a", "b", "c", "d"], ["c"]], ["b", "d"])
    assert bench.metric("attempts_total", code_class="partial") == 1
    assert bench.metric("attempts_total", code_class="2xx") == 1
    assert bench.status.last_error == "500"


async def test_partial_answer_is_no_failure_of_the_sink() -> None:
    """A sink that takes most of each batch does not open its circuit."""
    limits = BreakerConfig(attempts=1, min="30s", max="60s")
    bench = bulk({"a": error(500)}, breaker=limits)
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(20)

    assert bench.sink.sent == [["a", "b"], ["a"]]


@pytest.mark.parametrize(
    ("fault", "state"), [(error(429), "resting"), (paused(), "paused")]
)
async def test_error_about_the_whole_sink_holds_it_back(fault, state) -> None:
    """Also where other events of the attempt were taken."""
    bench = bulk({"a": error(500), "b": fault})
    bench.put("a", "b", "c")

    async with bench.running():
        await asyncio.sleep(0.01)
        found = bench.status.state

    assert found == state
    assert bench.status.last_error == str(fault)


async def test_answer_in_which_nothing_was_taken_counts_as_its_gravest_error() -> None:
    """There is no success in it, so the breaker counts a failure."""
    limits = BreakerConfig(attempts=1, min="30s", max="60s")
    bench = bulk({"a": REFUSED, "b": error(500)}, breaker=limits)
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(0.01)
        state = bench.status.state

    assert (state, bench.dead) == ("circuit-open", ["a"])
    assert bench.metric("attempts_total", code_class="5xx") == 1


async def test_wrong_number_of_results_is_a_bug_and_loses_nothing() -> None:
    """No event is taken for delivered that the sink said nothing of."""
    script = iter([[OK]])
    bench = bulk({})
    bench.sink.answer = lambda ids: next(script, None)
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(60)

    assert bench.metric("attempts_total", code_class="bug") == 1
    assert bench.queue.delivered == ["a", "b"]
