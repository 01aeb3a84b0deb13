"""The breaker, on a clock that a test moves."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.deliver.limits import STEPS, CircuitBreaker
from bridge.deliver.settings import BreakerConfig

WINDOW = 60.0


class Clock:
    """Seconds that a test adds to."""

    seconds = 1000.0

    def __call__(self) -> float:
        """Return the seconds it shows."""
        return self.seconds


def breaker(**settings: int) -> tuple[CircuitBreaker, Clock]:
    """Return a breaker and its clock."""
    clock = Clock()
    return CircuitBreaker(BreakerConfig(**settings), now=clock), clock


def test_ten_attempts_and_seven_failures_open_it() -> None:
    """Both have to be reached [delivery 1.5]."""
    one, _ = breaker()

    for _ in range(3):
        one.succeeded()

    assert [one.failed() for _ in range(7)] == [False] * 6 + [True]


def test_few_failures_say_little() -> None:
    """Nine of nine are not ten."""
    one, _ = breaker()

    assert not any(one.failed() for _ in range(9))
    assert one.failed()


def test_a_success_does_not_open_it() -> None:
    """Only a failure asks; two of three are enough with such limits."""
    one, _ = breaker(failures=50, attempts=3)

    one.failed()
    one.succeeded()

    assert one.failed()


def test_it_forgets_what_is_behind_the_window() -> None:
    """Nine failures a minute ago count no more."""
    one, clock = breaker()
    for _ in range(9):
        one.failed()

    clock.seconds += WINDOW

    assert not one.failed()


def test_it_stays_open_twice_as_long_each_time() -> None:
    """2 s, doubling, at most a minute; after ever so many openings."""
    one, _ = breaker()

    assert [one.open() for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    one.openings = 10**6
    assert one.open() == 60


def test_a_trial_that_succeeds_does_not_make_it_trust_at_once() -> None:
    """Closed for a whole window, it begins anew; before that it goes on."""
    one, clock = breaker()
    one.open()
    one.close()
    clock.seconds += WINDOW - 1
    again = one.open()
    one.close()
    clock.seconds += WINDOW

    assert (again, one.open()) == (4, 2)


def test_opening_and_closing_begin_a_new_count() -> None:
    """What led to it is not counted twice."""
    one, _ = breaker()
    for _ in range(9):
        one.failed()
    one.open()
    first = one.failed()
    for _ in range(8):
        one.failed()
    one.close()

    assert (first, one.failed()) == (False, False)


attempts = st.lists(
    st.tuples(st.floats(min_value=0, max_value=30), st.booleans()), max_size=60
)


@given(attempts, st.integers(1, 12), st.integers(1, 100))
def test_it_counts_as_a_list_of_all_attempts_would(script, least, percent) -> None:
    """A model that forgets nothing and looks through all of it each time."""
    one, clock = breaker(attempts=least, failures=percent)
    known: list[tuple[int, bool]] = []

    for seconds, is_failure in script:
        clock.seconds += seconds
        step = int(clock.seconds // (WINDOW / STEPS))
        known.append((step, is_failure))
        seen = [failed for number, failed in known if number > step - STEPS]
        opens = len(seen) >= least and 100 * sum(seen) >= percent * len(seen)
        if is_failure:
            assert one.failed() == opens
        else:
            one.succeeded()
