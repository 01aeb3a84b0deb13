"""What the caller of `list_and_watch` lends it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bridge.cluster import WatchEvent
from bridge.errors import ClusterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Observer:
    """Ears, a clock and dice.

    Attributes:
        report: Told of each error that is waited out, and None when it is over.
        count: Told of each `WatchEvent`.
        now: Wall clock.
        random: Uniform in [0, 1), for jitter.
    """

    report: Callable[[ClusterError | None], None]
    count: Callable[[WatchEvent], None]
    now: Callable[[], datetime]
    random: Callable[[], float]
