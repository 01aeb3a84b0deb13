"""Which namespaces a label selector means, while they come and go."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from bridge.cluster.informer import Informer
from bridge.filters.labels import LabelSelector
from bridge.ingest.source import Selects

T = TypeVar("T")

UNKNOWN_SECONDS = 10.0
"""How long a namespace may be unknown while namespaces are watched well. Then it is
none that could be selected: it was deleted before it was ever seen."""


GONE_LIMIT = 10_000
"""Most namespaces that are remembered though they are gone, or never came."""


class Namespaces:
    """Answers from an informer; never a request for a namespace."""

    def __init__(
        self, informer: Informer, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask an informer that somebody else runs.

        Args:
            informer: Of namespaces, with their labels.
            clock: Seconds.
        """
        self._informer = informer
        self._clock = clock
        self._asked: dict[str, float] = {}
        self._seen: dict[str, Mapping[str, str]] = {}

    async def wait_for_change(self) -> None:
        """Return once a namespace came, went, or changed."""
        await self._informer.wait_for_change()

    @property
    def is_synced(self) -> bool:
        """Whether all namespaces are known."""
        return self._informer.synced.is_set()

    @property
    def error(self) -> str:
        """Why namespaces cannot be watched now; empty: they can."""
        return self._informer.error

    @property
    def is_refused(self) -> bool:
        """Whether that is because namespaces may not be watched."""
        return self._informer.is_refused

    def matching(self, selector: LabelSelector) -> list[str]:
        """Return the names of the namespaces that are selected now."""
        return sorted(
            known.name for known in self._informer.store if selector(known.labels)
        )

    def names(self) -> frozenset[str]:
        """Return the names of all namespaces that are there now."""
        return frozenset(known.name for known in self._informer.store)

    def selects(self, selector: LabelSelector) -> Selects:
        """Return what tells whether a namespace is selected, as far as is known.

        A namespace that is gone keeps the labels that it had when it was last asked
        for: what is deleted with it may come later.
        """

        def answer(namespace: str) -> bool | None:
            known = self._informer.store.get(f"/{namespace}")
            if known is not None:
                self._asked.pop(namespace, None)
                _remember(self._seen, namespace, known.labels)
            labels = self._seen.get(namespace)
            return self._unknown(namespace) if labels is None else selector(labels)

        return answer

    def _unknown(self, namespace: str) -> bool | None:
        now = self._clock()
        if self._informer.error or namespace not in self._asked:
            _remember(self._asked, namespace, now)
        if now - self._asked[namespace] < UNKNOWN_SECONDS:
            return None
        return False


def _remember(known: dict[str, T], namespace: str, value: T) -> None:
    """Remember a value; what was remembered first is forgotten first."""
    known[namespace] = value
    if len(known) > GONE_LIMIT:
        del known[next(iter(known))]
