"""Time as the queue stores it: whole microseconds, so that nothing rounds twice."""

from collections.abc import Callable
from datetime import UTC, datetime

SECOND = 1_000_000


def micros(seconds: float) -> int:
    """Return microseconds."""
    return round(seconds * SECOND)


def moment(micros_: int) -> datetime:
    """Return the time that a stored number of microseconds means."""
    return datetime.fromtimestamp(micros_ / SECOND, UTC)


class Clock:
    """The wall clock, which may be set back, beside one that only goes forward."""

    def __init__(
        self, *, now: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        """Begin to compare the two.

        Args:
            now: Unix seconds.
            monotonic: Seconds that never go back.
        """
        self._now = now
        self._monotonic = monotonic
        self._lead = self.wall() - self.steady()  # the most that it ever was

    def wall(self) -> int:
        """Return Unix microseconds: for what has to survive the process."""
        return micros(self._now())

    def steady(self) -> int:
        """Return microseconds of this process: for durations."""
        return micros(self._monotonic())

    def set_back_by(self) -> int:
        """Return the microseconds that the wall clock has lost; 0: less than a second.

        Also those that it lost little by little. They are returned until forgotten.
        """
        lead = self.wall() - self.steady()
        self._lead = max(self._lead, lead)
        lost = self._lead - lead
        return lost if lost > SECOND else 0

    def forget(self, lost: int) -> None:
        """Do not count so many lost microseconds any more."""
        self._lead -= lost


class ActiveClock:
    """Counts the time in which a sink can be tried: it stands behind a gate.

    Age limits are read from it, so that nothing grows old while nobody may try it.
    """

    def __init__(self, *, counted: int, steady: int) -> None:
        """Go on from `counted` microseconds."""
        self._counted = counted
        self._since: int | None = steady

    def read(self, steady: int) -> int:
        """Return the microseconds counted until now."""
        return self._counted + (0 if self._since is None else steady - self._since)

    def stop(self, steady: int) -> None:
        """Count no longer."""
        self._counted = self.read(steady)
        self._since = None

    def start(self, steady: int) -> None:
        """Count again; nothing happens if it does."""
        if self._since is None:
            self._since = steady
