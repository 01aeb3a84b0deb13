"""A bridge that waits 2 s at most between attempts, not 30 s.

So that a suite of many faults, one soon after the other, need not sit through delays
that are meant for a cluster; `tests/unit/test_retry.py` sees to those.
"""

import sys
from collections.abc import Callable

import bridge.cluster.reflector.retry
from bridge.__main__ import main
from bridge.retry import Backoff


def impatient(*, random: Callable[[], float], now: Callable[[], float]) -> Backoff:
    """Return the delays of a watch, much shortened."""
    return Backoff(
        minimum_seconds=0.2,
        maximum_seconds=1.0,
        reset_seconds=2.0,
        random=random,
        now=now,
    )


if __name__ == "__main__":
    bridge.cluster.reflector.retry.Backoff = impatient  # type: ignore[assignment,misc]
    sys.exit(main())
