"""What the caller of `list_and_watch` lends it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bridge.cluster import Happening
from bridge.errors import ClusterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """Ears, a clock and dice.

    Attributes:
        report: Told of each error that is waited out, and None when it is over.
        count: Told of each `Happening`.
        now: Wall clock.
        random: Uniform in [0, 1), for jitter.
    """

    report: Callable[[ClusterError | None], None]
    count: Callable[[Happening], None]
    now: Callable[[], datetime]
    random: Callable[[], float]
