"""Chooses the sinks of an event: those of every route that matches it, each once.

Routes are found without asking each of thousands: a route whose filter requires texts
of an attribute (``exact``) is asked only about events that have one of them; of several
attributes the one counts that fewest other routes share.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Generic, NamedTuple, Self, TypeVar

from bridge.events import CloudEvent
from bridge.filters import Filter
from bridge.filters.labels import LabelSelector, compile_labels
from bridge.filters.reading import ReadText, is_place, payloads, text_reader
from bridge.filters.settings import RouteConfig
from bridge.filters.subscriptions import attributes_of, compile_filters, texts_of

Asked = TypeVar("Asked")
Texts = Mapping[str, frozenset[str]]
"""Texts by the name of an attribute, of which an event must have one."""

_FEW: Final = 16
"""So many routes are asked faster than looked up."""

_MOST_REMEMBERED: Final = 100_000
"""Most routes, sinks included, in all unions that are remembered."""


class ExactIndex(Generic[Asked]):
    """Finds entries by the texts that each of them requires of an event."""

    def __init__(self, entries: Iterable[tuple[Asked, Texts]]) -> None:
        """Index entries in the order in which they are to be found.

        Args:
            entries: Each with the texts that it requires; empty: none.
        """
        known = list(entries)
        self._all = tuple(one for one, _ in known)
        self._always: list[int] = []
        self._tables: dict[str, dict[str, list[int]]] = {}
        shared = Counter(
            (name, text)
            for _, texts in known
            for name, some in texts.items()
            for text in some
        )
        for place, (_, texts) in enumerate(known):
            self._enter(place, texts if len(known) > _FEW else {}, shared)
        self._readers: list[tuple[ReadText, dict[str, list[int]]]] = [
            (text_reader(name, ()), table) for name, table in self._tables.items()
        ]

    def of(self, event: CloudEvent) -> Sequence[Asked]:
        """Return the entries that could match an event, in their order."""
        if not self._readers:
            return self._all
        places = list(self._always)
        for read, table in self._readers:
            places += table.get(read(event) or "", ())
        return [self._all[place] for place in sorted(places)]

    def _enter(
        self, place: int, texts: Texts, shared: Mapping[tuple[str, str], int]
    ) -> None:
        if not texts:
            self._always.append(place)
            return
        name = min(texts, key=lambda name: _most(shared, name, texts[name]))
        table = self._tables.setdefault(name, {})
        for text in texts[name]:
            table.setdefault(text, []).append(place)


def _most(
    shared: Mapping[tuple[str, str], int], name: str, texts: frozenset[str]
) -> int:
    # No text at all: two parts of a filter contradict each other.
    return max((shared[name, text] for text in texts), default=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Route:
    """From some sources, through a filter, to some sinks.

    Attributes:
        name: As in the configuration.
        sources: Names of the sources it takes from; None: all.
        matches: Which of their events it takes.
        sinks: Names of the sinks it sends to.
        labels: Which labels the object concerned must have; None: any. Labels that
            are not known are none.
        reads: Names of the attributes and places in `data` that `matches` reads.
        texts: What an event must have for `matches`: one of some texts, by attribute.
    """

    name: str
    sources: frozenset[str] | None
    matches: Filter
    sinks: tuple[str, ...]
    labels: LabelSelector | None = None
    reads: frozenset[str] = frozenset()
    texts: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Chosen(NamedTuple):
    """Where an event goes: names of sinks, each once, and of the routes to them."""

    sinks: tuple[str, ...]
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """The routes from some sources, and all that they read of an event."""

    routes: tuple[Route, ...]
    index: ExactIndex[Route]
    needs_labels: bool
    reads: frozenset[str]
    opens_data: bool


class Router:
    """All routes; an event goes along each that takes it."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Keep the routes; none: no event goes anywhere."""
        self._routes = tuple(routes)
        self._by_name = {route.name: route for route in self._routes}
        self._by_sources: dict[tuple[str, ...], _Choice] = {}
        self._chosen: dict[tuple[Route, ...], Chosen] = {}
        self._remembered = 0

    @classmethod
    def of(cls, settings: Sequence[RouteConfig], *, sinks: tuple[str, ...]) -> Self:
        """Return a router for the routes that are configured.

        Args:
            settings: The routes; none: every event goes to every sink.
            sinks: Names of all sinks.
        """
        routes = settings or [RouteConfig(name="all")]
        return cls(_compile(route, sinks) for route in routes)

    def choose(
        self,
        event: CloudEvent,
        *,
        sources: tuple[str, ...],
        labels: Callable[[], Mapping[str, str]] = dict,
    ) -> Chosen:
        """Return the sinks that want the event, and the routes that say so.

        Args:
            event: What was read.
            sources: Names of the sources that read it: of all with the same scope.
            labels: Gives the labels of the object concerned. Asked once at most, and
                only if a route that selects by them takes the event otherwise.
        """
        choice = self._from(sources)
        routes = [route for route in choice.index.of(event) if route.matches(event)]
        if choice.opens_data:
            payloads.forget()
        if choice.needs_labels:
            routes = _selected(routes, labels)
        return self._union(tuple(routes))

    def all_of(self, sources: tuple[str, ...]) -> Chosen:
        """Return all sinks that any event of the sources could reach, and how."""
        return self._union(self._from(sources).routes)

    def along(self, names: tuple[str, ...]) -> Chosen:
        """Return the sinks of the routes with these names."""
        return self._union(tuple(self._by_name[name] for name in names))

    def sinks_of_sources(self, sources: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of all sinks that any event of the sources could reach."""
        return self.all_of(sources).sinks

    def leads(self, event: CloudEvent, *, sink: str, sources: tuple[str, ...]) -> bool:
        """Return whether a route that selects by no labels leads the event to a sink.

        Args:
            event: One that was stored.
            sink: Name of the sink.
            sources: Names of the sources that may have read it.
        """
        return any(
            sink in route.sinks and route.labels is None and route.matches(event)
            for route in self._from(sources).routes
        )

    def needs_labels(self, sources: tuple[str, ...]) -> bool:
        """Return whether a route from the sources selects by labels."""
        return self._from(sources).needs_labels

    def reads(self, attribute: str, sources: tuple[str, ...]) -> bool:
        """Return whether the filter of a route from the sources reads an attribute."""
        return attribute in self._from(sources).reads

    def _from(self, sources: tuple[str, ...]) -> _Choice:
        found = self._by_sources.get(sources)
        if found is None:
            found = self._by_sources[sources] = _choice(
                [
                    route
                    for route in self._routes
                    if route.sources is None or not route.sources.isdisjoint(sources)
                ]
            )
        return found

    def _union(self, routes: tuple[Route, ...]) -> Chosen:
        chosen = self._chosen.get(routes)
        if chosen is None:
            sinks = chain.from_iterable(route.sinks for route in routes)
            names = tuple(route.name for route in routes)
            chosen = Chosen(tuple(dict.fromkeys(sinks)), names)
            size = 1 + len(routes) + len(chosen.sinks)
            if self._remembered + size > _MOST_REMEMBERED:
                self._remembered = 0
                self._chosen.clear()
            self._remembered += size
            self._chosen[routes] = chosen
        return chosen


def _compile(settings: RouteConfig, sinks: tuple[str, ...]) -> Route:
    sources, filters = settings.sources, settings.filters
    return Route(
        name=settings.name,
        sources=None if sources is None else frozenset(sources),
        matches=compile_filters(filters),
        labels=compile_labels(settings.labels) if settings.labels else None,
        reads=attributes_of([*filters, *_keys(settings)]),
        texts=texts_of(filters),
        sinks=sinks if settings.sinks is None else settings.sinks,
    )


def _keys(settings: RouteConfig) -> Iterator[dict[str, object]]:
    """Yield the keys of noise control, as filters that read the same."""
    for stage in (settings.dedup, settings.throttle):
        key = None if stage is None else stage.key
        yield {"when" if isinstance(key, str) else "exact": key or ()}


def _choice(routes: Sequence[Route]) -> _Choice:
    reads = frozenset(chain.from_iterable(route.reads for route in routes))
    return _Choice(
        routes=tuple(routes),
        index=ExactIndex((route, route.texts) for route in routes),
        needs_labels=any(route.labels is not None for route in routes),
        reads=reads,
        opens_data=any(map(is_place, reads)),
    )


def _selected(
    routes: list[Route], labels: Callable[[], Mapping[str, str]]
) -> list[Route]:
    if all(route.labels is None for route in routes):
        return routes
    known = labels()
    return [route for route in routes if route.labels is None or route.labels(known)]
