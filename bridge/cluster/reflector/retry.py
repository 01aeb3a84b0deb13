"""Wait errors out with a backoff, and report them."""

import asyncio
import random as _random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from bridge.cluster import WatchEvent
from bridge.errors import (
    ApiStatusError,
    ClusterError,
    ForbiddenError,
    NotServedError,
)
from bridge.retry import Backoff

T = TypeVar("T")

_NOT_SERVED_TIMES = 2
"""An API server that starts up answers 404 to custom resources for a moment."""


def _ignore(_: object) -> None:
    """Drop a report."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Receives the reports and counts of a `Reflector`; with its clock and its jitter.

    Attributes:
        report: Called with each error that is waited out, again for each attempt, and
            with None when a watch is open for the first time or again.
        count: Called for each `WatchEvent`.
        now: Wall clock, for progress marks and gaps.
        random: Uniform in [0, 1), for jitter.
    """

    report: Callable[[ClusterError | None], None] = _ignore
    count: Callable[[WatchEvent], None] = _ignore
    now: Callable[[], datetime] = _utc_now
    random: Callable[[], float] = _random.random


def delay_seconds(
    error: ClusterError, *, backoff_seconds: float, random: Callable[[], float]
) -> float:
    """Return how long to wait after an error.

    A refusal by RBAC ends when a person acts: 30 to 60 s. A server that says when to
    come back (429, some 503 and 504) gets no request before that.

    Args:
        error: What happened.
        backoff_seconds: How long to wait after anything.
        random: Uniform in [0, 1).
    """
    if isinstance(error, ForbiddenError):
        return max(backoff_seconds, 30.0 * (1 + random()))
    asked = error.retry_after_seconds if isinstance(error, ApiStatusError) else None
    return max(backoff_seconds, asked or 0.0)


class WatchRetry:
    """Reports errors, waits longer each time, and tries again.

    Only a resource that is not served, 404 or 405, twice in a row, is not waited for:
    the caller decides what to read instead.
    """

    def __init__(self, observer: Observer) -> None:
        """Start without a failure and without a success."""
        self._observer = observer
        self._backoff = Backoff(
            random=observer.random, now=lambda: asyncio.get_running_loop().time()
        )
        self._is_well: bool | None = None
        self._not_served = 0

    async def back_off(self, error: ClusterError) -> None:
        """Report an error and return when it is time to try again.

        Raises:
            NotServedError: The error is one, and so was the error before.
        """
        is_not_served = isinstance(error, NotServedError)
        self._not_served = self._not_served + 1 if is_not_served else 0
        if self._not_served >= _NOT_SERVED_TIMES:
            raise error
        self._is_well = False
        self._observer.report(error)
        backoff_seconds = self._backoff.next_delay()
        await asyncio.sleep(
            delay_seconds(
                error, backoff_seconds=backoff_seconds, random=self._observer.random
            )
        )

    def succeeded(self) -> None:
        """Reset the backoff; report the watch as open if it was not before."""
        self._backoff.succeeded()
        self._not_served = 0
        if not self._is_well:
            self._is_well = True
            self._observer.report(None)

    async def call(
        self,
        call: Callable[[], Awaitable[T]],
        *,
        unless: tuple[type[ClusterError], ...] = (),
    ) -> T:
        """Call until that succeeds, and return the result.

        Args:
            call: What to call.
            unless: Errors to raise at once.

        Raises:
            NotServedError: Twice in a row there was no such resource.
        """
        while True:
            try:
                return await call()
            except unless:
                raise
            except ClusterError as error:
                await self.back_off(error)
