"""An event in the forms in which sinks want it, each written once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import msgspec

from bridge.cluster import Change, Gap, Resource
from bridge.events import CloudEvent
from bridge.events.context import ChangeContext
from bridge.events.convert import convert, gap_event
from bridge.events.encode import encode
from bridge.events.objects import labels_of
from bridge.events.origin import Origin
from bridge.filters.routes import Router
from bridge.ingest.source import Source
from bridge.queue import Entry, Scope


class EventForm(NamedTuple):
    """How a sink wants events: by whose names, and what of the object."""

    profile: Literal["kubebridge", "knative"]
    data: Literal["object", "reference"]


OURS = EventForm("kubebridge", "object")
"""The form that filters see, whatever form a sink gets."""


class SourceOptions(NamedTuple):
    """What a source wants beside the object."""

    previous: bool
    concerned: bool
    labels: bool


class ChangeFacts(NamedTuple):
    """What an event is made of.

    Attributes:
        change: What happened.
        context: What is known beside it.
        recorded: When it was read, RFC 3339.
    """

    change: Change
    context: ChangeContext
    recorded: str


class EntryBuilder:
    """Makes the entries of an event, one for each form that a sink wants."""

    def __init__(
        self,
        *,
        sources: Sequence[Source],
        router: Router,
        forms: Mapping[str, EventForm],
        origins: Mapping[EventForm, Origin],
    ) -> None:
        """Bind what does not change while the process runs.

        Args:
            sources: The sources of one reader.
            router: Chooses the sinks.
            forms: The form that each sink wants.
            origins: Where the events come from, for each form.
        """
        self._router = router
        self._forms = forms
        self._used_forms = sorted({OURS, *forms.values()})
        self._origins = dict(origins)
        self._keeping = frozenset(one.name for one in sources if one.keeps_all)
        self._asks = {
            one.name: SourceOptions(
                one.wants_previous, one.wants_concerned, not one.hides_labels
            )
            for one in sources
        }
        self._is_wanted: dict[tuple[str, ...], bool] = {(): False}
        self._asks_differ = len(set(self._asks.values())) > 1

    @property
    def most_entries(self) -> int:
        """How many entries one event can become."""
        return len(set(self._asks.values())) * len(self._used_forms)

    def is_wanted(self, names: tuple[str, ...]) -> bool:
        """Return whether any event of these sources could be stored."""
        found = self._is_wanted.get(names)
        if found is None:
            reached = self._router.sinks_of_sources(names)
            found = bool(reached) or not self._keeping.isdisjoint(names)
            self._is_wanted[names] = found
        return found

    def enter_epoch(self, epoch: int) -> None:
        """Make ids of this epoch from here on."""
        for form, origin in self._origins.items():
            self._origins[form] = replace(origin, epoch=epoch)

    def gap(self, gap: Gap, resource: Resource, scope: Scope, recorded: str) -> Entry:
        """Return the entry that announces a gap: to every sink of every route."""
        event = gap_event(
            gap,
            resource=resource,
            namespace=scope.namespace,
            field_selector=scope.field_selector,
            label_selector=scope.label_selector,
            origin=self._origins[OURS],
            recorded=recorded,
        )
        chosen = self._router.all_of(tuple(self._asks))
        return Entry(
            event=event,
            encoded=encode(event),
            sinks=chosen.sinks,
            routes=chosen.routes,
        )

    def entries(self, told: ChangeFacts, names: tuple[str, ...]) -> list[Entry]:
        """Return the entries for all that want the event; a sink gets it once.

        Args:
            told: What the event is made of.
            names: Names of the sources that want it, at least one.
        """
        if not self._asks_differ:
            return self._for_one_ask(told, names, self._asks[names[0]], frozenset())
        made: list[Entry] = []
        asks = sorted({self._asks[name] for name in names}, reverse=True)
        for ask in asks:  # those that want most come first
            group = tuple(name for name in names if self._asks[name] == ask)
            taken = frozenset(sink for entry in made for sink in entry.sinks)
            made.extend(self._for_one_ask(told, group, ask, taken))
        return made

    def _for_one_ask(
        self,
        told: ChangeFacts,
        names: tuple[str, ...],
        ask: SourceOptions,
        taken: frozenset[str],
    ) -> list[Entry]:
        context = _without_unasked(ask, told.context)
        event = self._event(told, context, OURS)
        sinks, routes = self._router.choose(
            event, sources=names, labels=lambda: labels_concerned(told)
        )
        if not sinks:
            is_kept = not self._keeping.isdisjoint(names)
            return [Entry(event=event, encoded=encode(event))] if is_kept else []
        if taken:
            sinks = tuple(sink for sink in sinks if sink not in taken)
        made = []
        for form, takers in self._by_form(sinks):
            shaped = event if form == OURS else self._event(told, context, form)
            made.append(
                Entry(event=shaped, encoded=encode(shaped), sinks=takers, routes=routes)
            )
        return made

    def _event(
        self, told: ChangeFacts, context: ChangeContext, form: EventForm
    ) -> CloudEvent:
        return convert(
            told.change,
            origin=self._origins[form],
            recorded=told.recorded,
            context=context,
        )

    def _by_form(
        self, sinks: tuple[str, ...]
    ) -> Sequence[tuple[EventForm, tuple[str, ...]]]:
        if len(self._used_forms) == 1:
            return [(OURS, sinks)] if sinks else []
        takers = [
            (form, tuple(sink for sink in sinks if self._forms[sink] == form))
            for form in self._used_forms
        ]
        return [(form, taking) for form, taking in takers if taking]


def _without_unasked(ask: SourceOptions, context: ChangeContext) -> ChangeContext:
    concerned = context.concerned if ask.concerned else None
    if concerned is not None and not ask.labels:
        concerned = replace(concerned, labels={})
    if ask.previous == context.with_previous and concerned is context.concerned:
        return context
    return msgspec.structs.replace(
        context, with_previous=ask.previous, concerned=concerned
    )


def labels_concerned(told: ChangeFacts) -> Mapping[str, str]:
    """Return the labels of the object concerned, as far as they are known."""
    if told.context.concerned is not None:
        return told.context.concerned.labels
    known = told.change.known
    if known is not None and known.labels:
        return known.labels
    return {} if told.change.resource.is_events else labels_of(told.change.object)
