"""Accepts events: the one way into the queue, for readers, backfill and probes alike.

::

    event, its sources ──▶ routes ──▶ stages ──▶ forms ──▶ entries ──▶ put
                          (filters)   (noise)  (one body for each)    (one commit)
                      └─────────────── Acceptor.accept ─────────┘

`Acceptor.accept` decides and does not wait; `put` commits its entries, and counts them.
A reader puts the entries of many changes in one commit with its cursor. A caller
without a cursor (a backfill, a probe, an inbound event) puts them under `NO_CURSOR`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from bridge.events import CloudEvent
from bridge.events.encode import encode
from bridge.filters.routes import Chosen, Router
from bridge.metrics import Metrics
from bridge.queue import Entry, Queue, Scope

NO_CURSOR = Scope(cluster="", resource="@accepted")
"""The scope of entries that belong to no cursor; it never gets one."""


MOST_BYTES = 2 * 1024 * 1024
"""Most bytes of one put; a single entry may be larger. A put needs about three times
its size on the volume, in the log and in the file."""


class EventForm(NamedTuple):
    """How a sink wants events: by whose names, and how much of the object."""

    profile: Literal["kubebridge", "knative"]
    data: Literal["object", "reference"]


OURS = EventForm("kubebridge", "object")
"""The form that filters and stages see, whatever form a sink gets."""

Render = Callable[[EventForm], CloudEvent]
"""Returns the event in a form other than `OURS`."""

Labels = Callable[[], Mapping[str, str]]
"""Returns the labels of the object concerned, as far as they are known."""


class Version(NamedTuple):
    """An event as some of its sources want it.

    Attributes:
        event: The event in our form.
        sources: Names of these sources, as in the configuration.
        render: Makes its other forms; None: every sink gets it in our form.
    """

    event: CloudEvent
    sources: tuple[str, ...]
    render: Render | None = None


class Stage(Protocol):
    """Holds back events that a route wants, see `bridge.filters.noise`.

    A stage has state. It belongs to one scope, and is asked once for each event that a
    route wants, in the order of reading. A reader stores its state with the cursor
    that covers these events, so a restart changes no decision.
    """

    def __call__(
        self, event: CloudEvent, routes: tuple[str, ...], /
    ) -> tuple[str, ...]:
        """Return along which of `routes` the event goes on; never raise."""
        ...


class Acceptor:
    """Decides which sinks get an event, in which form, and makes its entries."""

    def __init__(
        self,
        *,
        router: Router,
        forms: Mapping[str, EventForm],
        keeping: Iterable[str] = (),
    ) -> None:
        """Bind the parts that stay the same while the process runs.

        Args:
            router: Chooses the sinks.
            forms: The form that each sink wants, by the sink's name.
            keeping: Names of the sources whose events are stored though no route wants
                them (`keep: all`).
        """
        self._router = router
        self._forms = forms
        self._used_forms = sorted({OURS, *forms.values()})
        self._keeping = frozenset(keeping)
        self._wanted: dict[tuple[str, ...], bool] = {(): False}

    @property
    def most_entries(self) -> int:
        """The most entries that one version of an event becomes."""
        return len(self._used_forms)

    def is_wanted(self, sources: tuple[str, ...]) -> bool:
        """Return whether any event of these sources could be stored."""
        found = self._wanted.get(sources)
        if found is None:
            reached = self._router.sinks_of_sources(sources)
            found = bool(reached) or not self._keeping.isdisjoint(sources)
            self._wanted[sources] = found
        return found

    def accept(
        self,
        event: CloudEvent,
        sources: tuple[str, ...],
        *,
        render: Render | None = None,
        labels: Labels = dict,
        stages: Sequence[Stage] = (),
    ) -> list[Entry]:
        """Return the entries of an event; none: it is not stored.

        One entry for each form that a sink wants it in, each with all sinks of that
        form. A sink gets the event once, however many routes lead to it. An event for
        no sink is one entry without sinks if a source keeps all, else none.

        Args:
            event: The event in our form. It need not come from a cluster.
            sources: Names of the sources that it came from, at least one: routes
                choose by them.
            render: Makes its other forms; None: every sink gets it in our form.
            labels: Gives the labels of the object concerned; called once at most, and
                only if a route that selects by labels wants the event otherwise.
            stages: Noise control, in its order; empty to skip it, as a backfill does.
        """
        chosen = self._router.choose(event, sources=sources, labels=labels)
        if stages:
            [chosen] = self._controlled(event, [chosen], stages)
        return self._entries(event, sources, chosen, chosen.sinks, render)

    def accept_versions(
        self,
        versions: Sequence[Version],
        *,
        labels: Labels = dict,
        stages: Sequence[Stage] = (),
    ) -> list[Entry]:
        """Return the entries of an event that its sources want in several versions.

        As `accept`. A sink that several versions reach gets the first of these. Stages
        are asked once, with the first version and the routes of all.

        Args:
            versions: The versions, at least one, the richest one first.
            labels: As of `accept`, but called once at most for each version.
            stages: As of `accept`.
        """
        chosen = [
            self._router.choose(one.event, sources=one.sources, labels=labels)
            for one in versions
        ]
        if stages:
            chosen = self._controlled(versions[0].event, chosen, stages)
        entries: list[Entry] = []
        taken: set[str] = set()
        for version, routed in zip(versions, chosen, strict=True):
            sinks = tuple(sink for sink in routed.sinks if sink not in taken)
            taken.update(sinks)
            event, sources, render = version
            entries += self._entries(event, sources, routed, sinks, render)
        return entries

    def announce(self, event: CloudEvent, sources: tuple[str, ...]) -> Entry:
        """Return the entry of an event for every sink of every route of the sources.

        Filters, stages and forms are ignored: nobody may miss it.
        """
        return _entry(event, self._router.all_of(sources))

    def announce_along(self, event: CloudEvent, route: str) -> Entry:
        """Return the entry of an event for every sink of a route; as `announce`."""
        return _entry(event, self._router.along((route,)))

    def _controlled(
        self, event: CloudEvent, chosen: list[Chosen], stages: Sequence[Stage]
    ) -> list[Chosen]:
        """Return the routes that the stages leave."""
        wanted = tuple(dict.fromkeys(name for one in chosen for name in one.routes))
        routes = wanted
        for stage in stages:
            if routes:
                routes = stage(event, routes)
        if routes == wanted:
            return chosen
        return [
            self._router.along(tuple(name for name in one.routes if name in routes))
            for one in chosen
        ]

    def _entries(
        self,
        event: CloudEvent,
        sources: tuple[str, ...],
        chosen: Chosen,
        sinks: tuple[str, ...],
        render: Render | None,
    ) -> list[Entry]:
        if not sinks:
            is_kept = not chosen.sinks and not self._keeping.isdisjoint(sources)
            return [Entry(event=event, encoded=encode(event))] if is_kept else []
        routes = chosen.routes
        if render is None or len(self._used_forms) == 1:
            encoded = encode(event)
            return [Entry(event=event, encoded=encoded, sinks=sinks, routes=routes)]
        entries = []
        for form in self._used_forms:
            takers = tuple(sink for sink in sinks if self._forms[sink] == form)
            if takers:
                one = event if form == OURS else render(form)
                entries.append(
                    Entry(event=one, encoded=encode(one), sinks=takers, routes=routes)
                )
        return entries


def _entry(event: CloudEvent, chosen: Chosen) -> Entry:
    sinks, routes = chosen
    return Entry(event=event, encoded=encode(event), sinks=sinks, routes=routes)


def addressed(event: CloudEvent, sink: str) -> Entry:
    """Return the entry of an event for one sink, without routes: a probe."""
    return Entry(event=event, encoded=encode(event), sinks=(sink,))


async def put(
    entries: Sequence[Entry],
    *,
    queue: Queue,
    metrics: Metrics,
    scope: Scope = NO_CURSOR,
    since: str | None = None,
    to: str | None = None,
) -> None:
    """Commit entries, and count each event once for each route that chose it.

    Args:
        entries: At most `Queue.max_entries`.
        queue: Where to.
        metrics: Counts them, once they are stored.
        scope: Whose cursor moves, and whose memos are remembered.
        since: The cursor before; None: the scope has none yet.
        to: The cursor after; None: still none.

    Raises:
        QueueError: Nothing was stored and nothing is counted; see `Queue.put`.
    """
    await queue.put(entries, scope=scope, since=since, to=to)
    # An event in two forms is two entries.
    chosen = {
        (entry.encoded.id, route)
        for entry in entries
        if entry.encoded is not None
        for route in entry.routes
    }
    for route, count in Counter(route for _, route in chosen).items():
        metrics.routed.labels(route).inc(count)


def cut_entries(
    entries: Sequence[Entry], *, most_entries: int, closing: int = 0
) -> list[Sequence[Entry]]:
    """Return the entries in parts, in their order; one empty part if there are none.

    Args:
        entries: Entries to store.
        most_entries: Most entries of one part.
        closing: How many of the last entries have to be in one part, whatever their
            bytes: they go with the cursor.
    """
    end = len(entries)
    if end <= most_entries and sum(map(_entry_size, entries)) <= MOST_BYTES:
        return [entries]
    cut: list[Sequence[Entry]] = []
    while end or not cut:
        start = _part_start(entries, end, most_entries, closing)
        cut.append(entries[start:end])
        end, closing = start, 0
    return cut[::-1]


def _part_start(entries: Sequence[Entry], end: int, most: int, closing: int) -> int:
    """Return where the part begins that ends before `end`."""
    start, size = end, 0
    while start and end - start < most:
        size += _entry_size(entries[start - 1])
        if size > MOST_BYTES and end - start >= max(1, closing):
            break
        start -= 1
    return start


def _entry_size(entry: Entry) -> int:
    size = 0 if entry.encoded is None else len(entry.encoded.body)
    if entry.remember is not None and entry.remember[1] is not None:
        size += len(entry.remember[1])
    return size
