"""A source as its readers see it: its settings, and what routes ask of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bridge.cluster import Change
from bridge.events.compare import lies_under
from bridge.filters.labels import LabelSelector, compile_labels
from bridge.filters.routes import Router
from bridge.ingest.settings import EnrichConfig, SourceConfig

Selects = Callable[[str], bool | None]
"""Whether a source takes what lives in a namespace; None: it is not known yet."""

CHANGES: Final = frozenset(("added", "modified", "deleted"))

_OWNER_ATTRIBUTES: Final = ("ownerkind", "ownername")
"""Attributes of a Kubernetes Event that only enrichment knows."""


def everywhere(_namespace: str) -> bool:
    """Select every namespace, and objects that live in none."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source of the configuration at work.

    Attributes:
        settings: As configured.
        enrich: What to look up of the objects that Kubernetes Events are about, for
            the source itself or for a route; None: nothing.
        selects: Which namespaces it takes, of those that are read.
        is_new: Whether all objects of the scope are younger than the source, as in a
            namespace that was made while it was read.
    """

    settings: SourceConfig
    enrich: EnrichConfig | None = None
    selects: Selects = everywhere
    is_new: bool = False

    @property
    def name(self) -> str:
        """Name in the configuration."""
        return self.settings.name

    @property
    def namespace_selector(self) -> LabelSelector | None:
        """Which namespaces it takes, by their labels; None: by their names."""
        text = self.settings.namespace_selector
        return compile_labels(text) if text else None

    @property
    def emits_initial(self) -> bool:
        """Whether objects that exist at the very first start become events."""
        return self.is_new or self.settings.initial == "emit"

    @property
    def ignore(self) -> tuple[str, ...] | None:
        """Paths whose change alone makes no event; None: each modification does."""
        return self.settings.ignore if self.settings.updates == "relevant" else None

    @property
    def hides_labels(self) -> bool:
        """Whether labels that are looked up are for routes only."""
        return self.settings.enrich is None or not self.settings.enrich.labels

    @property
    def needs_objects(self) -> bool:
        """Whether objects have to be remembered whole for it."""
        settings = self.settings
        is_compared = settings.previous or settings.updates == "relevant"
        return is_compared or settings.resync is not None

    @property
    def is_plain(self) -> bool:
        """Whether it takes every change that is read."""
        changes = frozenset(self.settings.changes)
        if self.settings.target.is_events:
            changes |= {"deleted"}  # no Event is ever seen deleted: it expires
        return self.selects is everywhere and self.ignore is None and changes >= CHANGES


class SourceFilter:
    """Chooses among the sources that share one reader."""

    def __init__(self, sources: Sequence[Source]) -> None:
        """Prepare for these sources."""
        self._sources = tuple(sources)
        self._names = tuple(one.name for one in sources)
        self._initial = tuple(one.name for one in sources if one.emits_initial)
        self.is_plain = all(one.is_plain for one in sources)
        """Whether all sources want all changes, so that no namespace is looked at."""

    def sources_for(
        self,
        change: Change,
        *,
        namespace: str,
        differences: tuple[str, ...] | None,
        is_first: bool,
        guesses: bool = False,
    ) -> tuple[str, ...] | None:
        """Return the names of the sources that want a change; None: not known yet.

        Args:
            change: What happened.
            namespace: Where; not looked at if `is_plain`.
            differences: Paths in which the object differs from what it was; None: it
                was not compared.
            is_first: Whether it was there at the very first start.
            guesses: Whether a namespace that is not known counts as selected.
        """
        if self.is_plain:
            return self._initial if is_first else self._names
        chosen: list[str] = []
        for source in self._sources:
            if is_first and not source.emits_initial:
                continue
            wants = _wants(source, change, namespace, differences)
            if wants is None and not guesses:
                return None
            if wants is not False:
                chosen.append(source.name)
        return tuple(chosen)


def _wants(
    source: Source, change: Change, namespace: str, paths: tuple[str, ...] | None
) -> bool | None:
    if change.change not in source.settings.changes:
        return False
    is_compared = source.ignore is not None and paths is not None
    if is_compared and lies_under(paths or (), source.ignore or ()):
        return False
    return source.selects(namespace)


def build_sources(settings: Iterable[SourceConfig], router: Router) -> list[Source]:
    """Return the sources in the order of their settings."""
    return [
        Source(settings=one, enrich=_enrichment_of(one, router)) for one in settings
    ]


def _enrichment_of(settings: SourceConfig, router: Router) -> EnrichConfig | None:
    """Return what to look up of the objects of Events; None: nothing.

    A route that selects by labels, or a filter that reads the owner, asks for it too.
    """
    if not settings.target.is_events:
        return None
    name = (settings.name,)
    asked: dict[str, Any] = {}
    if router.needs_labels(name):
        asked["labels"] = True
    if any(router.reads(attribute, name) for attribute in _OWNER_ATTRIBUTES):
        asked["owner"] = True
    enrich = settings.enrich or EnrichConfig()
    if asked:
        return enrich.model_copy(update=asked)
    return enrich if enrich.labels or enrich.annotations or enrich.owner else None


def all_enrichment(sources: Sequence[Source]) -> EnrichConfig | None:
    """Return what any of the sources looks up, for they share the informers.

    None: no source looks anything up.
    """
    asked = [one.enrich for one in sources if one.enrich is not None]
    if not asked:
        return None
    return EnrichConfig(
        labels=any(one.labels for one in asked),
        owner=any(one.owner for one in asked),
        annotations=tuple(dict.fromkeys(n for one in asked for n in one.annotations)),
        kinds=tuple(dict.fromkeys(kind for one in asked for kind in one.kinds)),
    )
