"""Sources of the configuration → what is to be read for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.cluster.discovery import Target
from bridge.config import Config, EnrichConfig, SourceConfig
from bridge.filters.labels import LabelSelector, compile_labels
from bridge.filters.routes import Router
from bridge.ingest import CHANGES, Source

OWNER_ATTRIBUTES = ("ownerkind", "ownername")
"""What only enrichment knows of a Kubernetes Event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSource:
    """One source, and what it names.

    Attributes:
        source: As a reader sees it; it selects every namespace.
        target: The kind of objects.
        namespaces: Where; empty: everywhere.
        namespace_selector: Where, by the labels of namespaces; None: by their names.
        field_selector: As the API server understands it; empty: all.
        label_selector: As the API server understands it; empty: all.
        enrich: What is to be known of the objects that Kubernetes Events are about;
            None: nothing.
        is_optional: Whether it may be absent or refused without harm.
    """

    source: Source
    target: Target
    namespaces: frozenset[str]
    namespace_selector: LabelSelector | None
    field_selector: str
    label_selector: str
    enrich: EnrichConfig | None
    is_optional: bool = False

    @property
    def chooses(self) -> bool:
        """Whether it takes some of the namespaces that one watch brings."""
        return len(self.namespaces) > 1 or self.namespace_selector is not None

    @property
    def is_namespaced(self) -> bool:
        """Whether it says anything of namespaces."""
        return bool(self.namespaces) or self.namespace_selector is not None


def wanted_sources(config: Config, router: Router) -> list[WantedSource]:
    """Return every source, in the order of the configuration."""
    return [_wanted(source, router) for source in config.sources]


def _wanted(config: SourceConfig, router: Router) -> WantedSource:
    enrich = enrichment_of(config, router)
    selector = config.namespace_selector
    return WantedSource(
        source=Source(
            name=config.name,
            emits_initial=config.initial == "emit",
            keeps_all=config.keep == "all",
            changes=_changes(config),
            ignore=config.ignore if config.updates == "relevant" else None,
            wants_previous=config.previous,
            wants_concerned=enrich is not None,
            hides_labels=config.enrich is None or not config.enrich.labels,
            resync_seconds=config.resync,
        ),
        target=target_of(config),
        namespaces=frozenset(config.namespaces),
        namespace_selector=compile_labels(selector) if selector else None,
        field_selector=config.field_selector,
        label_selector=config.label_selector,
        enrich=enrich,
        is_optional=config.optional,
    )


def _changes(config: SourceConfig) -> frozenset[str]:
    chosen = frozenset(config.changes)
    # No Event is ever seen deleted, so these two are all there are.
    is_all = config.wanted.is_events and chosen == {"added", "modified"}
    return CHANGES if is_all else chosen


def target_of(config: SourceConfig) -> Target:
    """Return the kind of objects that a source names."""
    return Target(
        api_version=config.api_version or "",
        kind=config.kind or "",
        resource=config.resource or "",
    )


def enrichment_of(config: SourceConfig, router: Router) -> EnrichConfig | None:
    """Return what is to be known of the objects of Events; None: nothing.

    A route that selects by labels, or a filter that reads the owner, asks for it too.
    """
    if not config.wanted.is_events:
        return None
    name = (config.name,)
    asked: dict[str, Any] = {}
    if router.needs_labels(name):
        asked["labels"] = True
    if any(router.reads(attribute, name) for attribute in OWNER_ATTRIBUTES):
        asked["owner"] = True
    enrich = config.enrich or EnrichConfig()
    if asked:
        return enrich.model_copy(update=asked)
    return enrich if enrich.labels or enrich.annotations or enrich.owner else None


def by_target(wanted: Sequence[WantedSource]) -> Mapping[Target, list[WantedSource]]:
    """Return the sources of each kind of objects."""
    found: dict[Target, list[WantedSource]] = {}
    for one in wanted:
        found.setdefault(one.target, []).append(one)
    return found


def all_enrichment(wanted: Sequence[WantedSource]) -> EnrichConfig:
    """Return what any source asks to be known: they share the informers."""
    asked = [one.enrich for one in wanted if one.enrich is not None]
    return EnrichConfig(
        labels=any(one.labels for one in asked),
        owner=any(one.owner for one in asked),
        annotations=tuple(dict.fromkeys(n for one in asked for n in one.annotations)),
        kinds=tuple(dict.fromkeys(kind for one in asked for kind in one.kinds)),
    )
