"""Delays: what deliveries, endless loops and single calls wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.retry import Backoff, retry_delay, short_retries


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """Return the seconds it shows."""
        return self.seconds


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 1), (2, 2), (5, 16), (10, 512), (11, 600), (5000, 600)]
)
def test_retry_delay_doubles_up_to_its_maximum(attempt, ceiling):
    """The ceiling is 1 s after the first attempt and never more than 10 min."""
    assert retry_delay(attempt, random=lambda: 1.0) == ceiling


def test_retry_delay_is_never_shorter_than_200_ms():
    """However small the random number is, the sink gets a moment."""
    assert retry_delay(9, random=lambda: 0.0) == 0.2


def test_retry_delay_takes_its_bounds_from_the_caller():
    """A sink with other bounds gets other delays."""
    delays = [
        retry_delay(n, minimum_seconds=3, maximum_seconds=10, random=lambda: 1.0)
        for n in (1, 2, 3)
    ]

    assert delays == [3, 6, 10]


@given(st.integers(min_value=1, max_value=10**9))
def test_retry_delay_stays_within_its_bounds(attempt):
    """No attempt number gives a delay that is out of bounds."""
    assert 0.2 <= retry_delay(attempt) <= 600


def test_retry_delay_differs_between_deliveries():
    """Deliveries that failed together do not come back together."""
    assert len({retry_delay(10) for _ in range(20)}) > 1


def test_backoff_doubles_to_30_seconds_and_is_stretched():
    """Each delay lies between d and 2 d, with d from 0.8 s doubling to 30 s."""
    shortest = Backoff(random=lambda: 0.0)
    longest = Backoff(random=lambda: 0.999)

    assert [shortest.next_delay() for _ in range(7)] == pytest.approx(
        [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0]
    )
    assert longest.next_delay() == pytest.approx(0.8 * 1.999)


def test_backoff_begins_anew_after_two_good_minutes():
    """A loop that ran well for 120 s starts with the first delay again."""
    clock = Clock()
    backoff = Backoff(random=lambda: 0.0, now=clock)
    backoff.next_delay()

    backoff.succeeded()
    clock.seconds += 119
    backoff.succeeded()
    clock.seconds += 1

    assert backoff.next_delay() == pytest.approx(0.8)


def test_backoff_goes_on_after_a_short_success():
    """A server that accepts and fails at once is not asked faster and faster."""
    clock = Clock()
    backoff = Backoff(random=lambda: 0.0, now=clock)
    backoff.next_delay()

    backoff.succeeded()
    clock.seconds += 119

    assert backoff.next_delay() == pytest.approx(1.6)


def test_backoff_does_not_take_silence_for_success():
    """Time that passed without a success does not begin anew."""
    clock = Clock()
    backoff = Backoff(random=lambda: 0.0, now=clock)
    backoff.next_delay()

    clock.seconds += 1000

    assert backoff.next_delay() == pytest.approx(1.6)


class Flaky:
    """Fails with the errors given, then returns."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.delays: list[float] = []

    async def call(self) -> str:
        """Fail once more, or return."""
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    async def sleep(self, seconds: float) -> None:
        """Note the seconds instead of sleeping."""
        self.delays.append(seconds)


async def test_short_retries_call_again_with_growing_delays():
    """A call that fails twice is made three times."""
    flaky = Flaky(OSError("a"), OSError("b"))
    retries = short_retries(on=OSError, random=lambda: 0.5, sleep=flaky.sleep)

    result = await retries(flaky.call)

    assert result == "done"
    assert flaky.delays == pytest.approx([1.2, 2.4])


async def test_short_retries_raise_the_last_error_as_it_is():
    """After the last attempt the caller sees the error itself."""
    flaky = Flaky(OSError("first"), OSError("last"), OSError("never"))
    retries = short_retries(on=OSError, attempts=2, sleep=flaky.sleep)

    with pytest.raises(OSError, match="last"):
        await retries(flaky.call)


async def test_short_retries_leave_other_errors_alone():
    """An error that is not named is raised at once."""
    flaky = Flaky(ValueError("no"))
    retries = short_retries(on=OSError, sleep=flaky.sleep)

    with pytest.raises(ValueError, match="no"):
        await retries(flaky.call)

    assert flaky.delays == []
