"""What is still known of objects that are gone."""

from collections import OrderedDict
from collections.abc import Callable

from bridge.cluster import Known

KEPT_SECONDS = 600.0
"""Kubernetes Events about a deleted Pod come up to minutes after it."""

MOST = 50_000
"""About 25 MB; the oldest leave first."""


class Tombstones:
    """Deleted objects, for a while; there may be several of one name."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        """Start with none.

        Args:
            now: Any clock that does not jump, in seconds.
        """
        self._now = now
        self._buried: OrderedDict[tuple[str, str], tuple[float, Known]] = OrderedDict()

    def __len__(self) -> int:
        """Return how many there are, some of them perhaps too old to be found."""
        return len(self._buried)

    def add(self, known: Known) -> None:
        """Remember what was known of a deleted object."""
        name = (known.key, known.uid)
        self._buried[name] = (self._now(), known)
        self._buried.move_to_end(name)
        while len(self._buried) > MOST or self._is_old(self._oldest()):
            self._buried.popitem(last=False)

    def get(self, key: str, uid: str) -> Known | None:
        """Return what was known of it; None: nothing, or it is too long ago."""
        buried_at, known = self._buried.get((key, uid), (0.0, None))
        return None if self._is_old(buried_at) else known

    def _oldest(self) -> float:
        buried_at, _ = next(iter(self._buried.values()))
        return buried_at

    def _is_old(self, buried_at: float) -> bool:
        return self._now() - buried_at > KEPT_SECONDS
