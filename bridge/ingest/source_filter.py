"""Which sources want a change."""

from collections.abc import Sequence

from bridge.cluster import Change
from bridge.events.compare import lies_under
from bridge.ingest.source import Source


class SourceFilter:
    """Chooses among the sources that share one reader."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Prepare for them."""
        self._sources = tuple(sources)
        self._names = tuple(one.name for one in sources)
        self._initial = tuple(one.name for one in sources if one.emits_initial)
        self._is_plain = all(one.is_plain for one in sources)
        self.asks_namespace = not self._is_plain
        """Whether `of` looks at the namespace."""

    def of(
        self,
        change: Change,
        *,
        namespace: str,
        differences: tuple[str, ...] | None,
        is_first: bool,
        guess: bool | None = None,
    ) -> tuple[str, ...] | None:
        """Return the names of the sources that want a change; None: not known yet.

        Args:
            change: What happened.
            namespace: Where; only looked at if `asks_namespace`.
            differences: Paths in which the object differs from what it was; None: it
                was not compared.
            is_first: Whether it was there at the very first start.
            guess: What counts where it is not known whether a namespace is selected.
        """
        if self._is_plain:
            return self._initial if is_first else self._names
        chosen: list[str] = []
        for source in self._sources:
            if is_first and not source.emits_initial:
                continue
            wants = _wants(source, change, namespace, differences)
            if wants is None:
                wants = guess
            if wants is None:
                return None
            if wants:
                chosen.append(source.name)
        return tuple(chosen)


def _wants(
    source: Source,
    change: Change,
    namespace: str,
    differences: tuple[str, ...] | None,
) -> bool | None:
    if change.change not in source.settings.changes:
        return False
    is_compared = source.ignore is not None and differences is not None
    if is_compared and lies_under(differences or (), source.ignore or ()):
        return False
    return source.selects(namespace)
