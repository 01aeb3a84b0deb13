"""Compute the delays between attempts; tenacity's strategies make them.

Three users, three needs:

- a delivery waits in the queue: `retry_delay` and `steady_delay` give the number,
  nobody sleeps;
- a loop that runs for ever (a watch, an election) asks a `Backoff`;
- one call that has to be made now is wrapped in `short_retries`.
"""

import asyncio
import random as _random
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Literal

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_incrementing,
)
from tenacity.wait import wait_base

_SHORTEST_SECONDS = 0.2


def retry_delay(
    attempt: int,
    *,
    minimum_seconds: float = 1.0,
    maximum_seconds: float = 600.0,
    random: Callable[[], float] = _random.random,
) -> float:
    """Return the seconds until the next attempt of a delivery, with full jitter.

    Anything from 0 to a ceiling that doubles with each attempt, so that many
    deliveries that failed together do not come back together; never below 200 ms.

    Args:
        attempt: The attempt that has just failed; the first is 1.
        minimum_seconds: The ceiling after the first attempt.
        maximum_seconds: The ceiling that is never passed.
        random: Gives a number from 0 up to 1.
    """
    ceiling = _ceiling(attempt, minimum_seconds, maximum_seconds)
    return max(_SHORTEST_SECONDS, ceiling * random())


def steady_delay(
    attempt: int,
    *,
    policy: Literal["linear", "exponential"],
    delay_seconds: float,
    maximum_seconds: float,
) -> float:
    """Return the seconds until the next attempt of a delivery, without jitter.

    With n for the retries already made (0 after the first attempt) ``linear`` waits
    n delays and ``exponential`` 2^n delays, as Knative's senders do.

    Args:
        attempt: The attempt that has just failed; the first is 1.
        policy: How the delays grow.
        delay_seconds: What they grow by.
        maximum_seconds: The longest delay.
    """
    return _wait(attempt, _steady(policy, delay_seconds, maximum_seconds))


class Backoff:
    """The delays of a loop that must not give up, as client-go's informers wait.

    0.8 s, doubling to 30 s, each stretched at random to less than its double. It
    begins anew once the loop has run well for two minutes; a server that takes a
    call and fails it at once is not running well.
    """

    def __init__(
        self,
        *,
        minimum_seconds: float = 0.8,
        maximum_seconds: float = 30.0,
        reset_seconds: float = 120.0,
        random: Callable[[], float] = _random.random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start without a failure.

        Args:
            minimum_seconds: The first delay, before it is stretched.
            maximum_seconds: The longest delay, before it is stretched.
            reset_seconds: How long it must have gone well to begin anew.
            random: Gives a number from 0 up to 1.
            now: A clock in seconds that never goes back.
        """
        self._minimum_seconds = minimum_seconds
        self._maximum_seconds = maximum_seconds
        self._reset_seconds = reset_seconds
        self._random = random
        self._now = now
        self._failures = 0
        self._well_since: float | None = None

    def next_delay(self) -> float:
        """Count a failure and return the seconds to wait before the next try."""
        if self._is_well():
            self._failures = 0
        self._failures += 1
        self._well_since = None
        delay = _ceiling(self._failures, self._minimum_seconds, self._maximum_seconds)
        return delay * (1 + self._random())

    def succeeded(self) -> None:
        """Note that it goes well now; safe to call at every sign of life."""
        if self._well_since is None:
            self._well_since = self._now()

    def _is_well(self) -> bool:
        return (
            self._well_since is not None
            and self._now() - self._well_since >= self._reset_seconds
        )


def short_retries(
    *,
    on: type[Exception] | tuple[type[Exception], ...],
    attempts: int = 4,
    minimum_seconds: float = 0.8,
    maximum_seconds: float = 30.0,
    random: Callable[[], float] = _random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncRetrying:
    """Return a tenacity retrier for one call that is made while somebody waits.

    ``await short_retries(on=UnreachableError)(function, argument)``; the last error is
    raised as it is.

    Args:
        on: The errors that are worth another try; any other is raised at once.
        attempts: How often it is called at most.
        minimum_seconds: The first delay, before it is stretched.
        maximum_seconds: The longest delay, before it is stretched.
        random: Gives a number from 0 up to 1; a delay is stretched by it.
        sleep: Waits the seconds given.
    """

    def wait(state: RetryCallState) -> float:
        ceiling = _ceiling(state.attempt_number, minimum_seconds, maximum_seconds)
        return ceiling * (1 + random())

    return AsyncRetrying(
        retry=retry_if_exception_type(on),
        stop=stop_after_attempt(attempts),
        wait=wait,
        sleep=sleep,
        reraise=True,
    )


def _ceiling(attempt: int, minimum_seconds: float, maximum_seconds: float) -> float:
    return _wait(attempt, _steady("exponential", minimum_seconds, maximum_seconds))


def _wait(attempt: int, strategy: wait_base) -> float:
    state = RetryCallState(_STRATEGY_OWNER, None, (), {})
    state.attempt_number = attempt
    return strategy(state)


@cache
def _steady(policy: str, delay_seconds: float, maximum_seconds: float) -> wait_base:
    if policy == "linear":
        return wait_incrementing(start=0, increment=delay_seconds, max=maximum_seconds)
    return wait_exponential(multiplier=delay_seconds, max=maximum_seconds)


# A strategy wants the state of a call; ours are calls of nobody.
_STRATEGY_OWNER = AsyncRetrying()
