"""Rates: the algorithm on a clock that a test moves, and a sink that is paced."""

import asyncio
from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.deliver.limits import RateLimiter
from bridge.deliver.settings import RateConfig
from tests.unit.deliver.scripted import Bench, ScriptedSink, refusing

limits = st.one_of(st.none(), st.integers(1, 200))
impatience = st.lists(st.floats(0, 3), min_size=1, max_size=300)


def send(
    rate_limiter: RateLimiter, clock: list[float], waits: list[float]
) -> list[float]:
    """Send as soon as the pace lets it, or so much later; return when."""
    sent = []
    for late in waits:
        clock[0] += late * (late > 1)  # most come at once, some late
        clock[0] += rate_limiter.wait()
        while rate_limiter.wait() > 0:  # floats: what is left of a wait
            clock[0] += 1e-9
        rate_limiter.take()
        sent.append(clock[0])
    return sent


def rate(second: int | None, minute: int | None = None) -> RateConfig | None:
    """Return the limits that are not None."""
    if second is None and minute is None:
        return None
    return RateConfig(perSecond=second, perMinute=minute)


def most_in(sent: list[float], period: float) -> int:
    """Return the most in any period, wherever it begins."""
    ends = (bisect_left(sent, begin + period - 1e-6) for begin in sent)
    return max(end - index for index, end in enumerate(ends))


@given(limits, limits, limits, impatience)
def test_no_period_ever_has_more_than_the_limit(second, minute, receivers, waits):
    """Wherever it begins, for each of the limits, whoever set them."""
    clock = [1000.0]
    rate_limiter = RateLimiter(rate(second, minute), now=lambda: clock[0])
    rate_limiter.obey(receivers)

    sent = send(rate_limiter, clock, waits)

    for limit, period in ((second, 1.0), (minute, 60.0), (receivers, 60.0)):
        assert limit is None or most_in(sent, period) <= limit


@pytest.mark.parametrize(("second", "minute"), [(50, None), (None, 1000), (5, 600)])
def test_the_rate_is_used_to_98_percent(second, minute):
    """A sender that is always ready gets nearly all that is allowed."""
    clock = [0.0]
    rate_limiter = RateLimiter(rate(second, minute), now=lambda: clock[0])

    sent = send(rate_limiter, clock, [0.0] * 1001)

    lowest = min(second or 1e9, (minute or 1e9) / 60)
    assert lowest * 0.98 <= 1000 / sent[-1] <= lowest * 1.001


def test_timers_that_wake_late_cost_nothing():
    """What is late by less than a hundredth of the period is caught up."""
    clock = [0.0]
    rate_limiter = RateLimiter(rate(1000), now=lambda: clock[0])

    for _ in range(1000):
        clock[0] = max(clock[0], -(-(clock[0] + rate_limiter.wait()) // 0.004) * 0.004)
        while rate_limiter.allowed():
            rate_limiter.take()

    assert rate_limiter.allowed() == 0
    assert rate_limiter.wait() < 0.01


def test_what_the_receiver_allows_may_change():
    """A limit that is lifted is no limit; a new one knows what was sent."""
    clock = [0.0]
    rate_limiter = RateLimiter(None, now=lambda: clock[0])
    assert not rate_limiter.is_limited

    rate_limiter.obey(60)
    rate_limiter.take()
    rate_limiter.obey(60)
    rate_limiter.obey(30)
    assert rate_limiter.wait() == pytest.approx(1.0, abs=0.01)
    rate_limiter.obey(None)
    rate_limiter.obey(None)

    assert (rate_limiter.is_limited, rate_limiter.wait()) == (False, 0.0)


@pytest.mark.looptime
async def test_nothing_is_leased_that_may_not_be_sent():
    """At two a second, one lies ready at most; the others stay in the queue."""
    bench = Bench(ScriptedSink(), concurrency=8, more={"rate": RateConfig(perSecond=2)})
    bench.put(*"abcdefgh")

    async with bench.running():
        await asyncio.sleep(0.1)
        leased = (await bench.queue.depth("hook")).leased
        await asyncio.sleep(1.9)

    assert leased == 0
    assert bench.sink.times == pytest.approx([0, 0.5, 1.0, 1.5], abs=0.05)


@pytest.mark.looptime
async def test_the_receivers_own_limit_is_kept():
    """As the handshake said; the lower of both."""
    sink = ScriptedSink(requests_per_minute=60)
    bench = Bench(sink, more={"rate": RateConfig(perSecond=100)})
    bench.put(*"abc")

    async with bench.running():
        await asyncio.sleep(5)

    assert bench.sink.times == pytest.approx([0, 1, 2], abs=0.1)


@pytest.mark.looptime
async def test_halves_of_a_batch_are_requests_too():
    """Each is sent in its turn, the refused one included."""
    sink = ScriptedSink(max_batch=4, answer=refusing("a"))
    bench = Bench(sink, more={"rate": RateConfig(perMinute=60)})
    bench.put(*"abcd")

    async with bench.running():
        await asyncio.sleep(10)

    assert [len(ids) for ids in sink.sent] == [4, 2, 1, 1, 2]
    assert sink.times == pytest.approx([0, 1, 2, 3, 4], abs=0.1)
    assert sorted(bench.queue.delivered) == list("bcd")


@pytest.mark.looptime
async def test_a_half_that_waits_for_its_turn_goes_back_at_a_stop():
    """The process does not wait a minute for it."""
    sink = ScriptedSink(max_batch=2, answer=lambda ids: refusing(ids[0])(ids))
    bench = Bench(sink, more={"rate": RateConfig(perMinute=1)}, grace_seconds=600)
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1)

    assert asyncio.get_running_loop().time() < 10  # virtual
    assert (len(sink.sent), len(bench.queue.rows)) == (1, 2)


@pytest.mark.looptime
async def test_a_half_goes_back_when_the_sink_is_stopped_meanwhile():
    """Its turn comes, and is not used."""
    sink = ScriptedSink(max_batch=2, answer=lambda ids: refusing(ids[0])(ids))
    bench = Bench(sink, more={"rate": RateConfig(perMinute=6)})
    bench.put("a", "b")

    async with bench.running():
        await asyncio.sleep(1)
        await bench.delivery.stop("moving")
        await asyncio.sleep(60)

    assert (len(sink.sent), len(bench.queue.rows)) == (1, 2)
