"""Which sinks get an event: those of every route that matches it, each once."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from bridge.events import CloudEvent
from bridge.filters import Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """From some sources, through a filter, to some sinks.

    Attributes:
        name: As in the configuration.
        sources: Names of the sources it takes from; None: all.
        matches: Which of their events it takes.
        sinks: Names of the sinks it sends to.
    """

    name: str
    sources: frozenset[str] | None
    matches: Filter
    sinks: tuple[str, ...]


class Router:
    """All routes; an event goes along each that takes it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Keep the routes; none: no event goes anywhere."""
        self._routes = tuple(routes)
        self._by_sources: dict[tuple[str, ...], tuple[Route, ...]] = {}

    def sinks_for(
        self, event: CloudEvent, *, sources: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Return the names of the sinks that want the event, each once.

        Args:
            event: What was read.
            sources: Names of the sources that read it: of all with the same scope.
        """
        return _union([r.sinks for r in self._from(sources) if r.matches(event)])

    def sinks_of_sources(self, sources: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of all sinks that any event of the sources could reach."""
        return _union([route.sinks for route in self._from(sources)])

    def _from(self, sources: tuple[str, ...]) -> tuple[Route, ...]:
        found = self._by_sources.get(sources)
        if found is None:
            found = tuple(
                route
                for route in self._routes
                if route.sources is None or not route.sources.isdisjoint(sources)
            )
            self._by_sources[sources] = found
        return found


def _union(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(names)))
