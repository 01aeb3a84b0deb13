"""Makes the entries of a change, in each version that a source asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import msgspec

from bridge.cluster import Change, Gap, Resource
from bridge.events import CloudEvent
from bridge.events.context import ChangeContext
from bridge.events.convert import convert, gap_event
from bridge.events.objects import labels_of
from bridge.events.origin import Origin
from bridge.ingest.accept import OURS, Acceptor, EventForm, Version
from bridge.ingest.source import Source
from bridge.queue import Entry, Scope


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
        acceptor: Acceptor,
        origins: Mapping[EventForm, Origin],
    ) -> None:
        """Bind what does not change while the process runs.

        Args:
            sources: The sources of one reader.
            acceptor: Decides where events go, and in which forms.
            origins: Where the events come from, for each form.
        """
        self._acceptor = acceptor
        self._origins = dict(origins)
        self._asks = {
            one.name: SourceOptions(
                one.settings.previous, one.enrich is not None, not one.hides_labels
            )
            for one in sources
        }
        self._asks_differ = len(set(self._asks.values())) > 1

    @property
    def most_entries(self) -> int:
        """How many entries one event can become."""
        return len(set(self._asks.values())) * self._acceptor.most_entries

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
        return self._acceptor.announce(event, tuple(self._asks))

    def entries(self, told: ChangeFacts, names: tuple[str, ...]) -> list[Entry]:
        """Return the entries for all that want the event; a sink gets it once.

        Args:
            told: What the event is made of.
            names: Names of the sources that want it, at least one.
        """
        labels = partial(labels_concerned, told)
        if not self._asks_differ:
            one = self._version(told, names)
            return self._acceptor.accept(*one[:2], render=one.render, labels=labels)
        asks = sorted({self._asks[name] for name in names}, reverse=True)
        versions = [  # those that want most come first
            self._version(told, tuple(n for n in names if self._asks[n] == ask))
            for ask in asks
        ]
        return self._acceptor.accept_versions(versions, labels=labels)

    def _version(self, told: ChangeFacts, names: tuple[str, ...]) -> Version:
        context = _without_unasked(self._asks[names[0]], told.context)
        render = partial(self._event, told, context)
        return Version(render(OURS), names, render)

    def _event(
        self, told: ChangeFacts, context: ChangeContext, form: EventForm
    ) -> CloudEvent:
        return convert(
            told.change,
            origin=self._origins[form],
            recorded=told.recorded,
            context=context,
        )


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
