"""Makes the entries of a change: for which sources, in which versions, with what memos.

::

    Change ──▶ sources ──▶ enrichment ──▶ facts, event ──▶ Acceptor ──▶ entries, memos
            (SourceFilter)                (events)       (accept.py)

A change that cannot be converted becomes a dead letter; it never stops the reading.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, NamedTuple

import msgspec

from bridge.cluster import Change, Gap, ObjectMeta, Observed, Resource
from bridge.cluster.kubernetes_event import decode_event
from bridge.cluster.wire import decode_version_of
from bridge.errors import ConversionError, InvalidEventError
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.compare import differences, noteworthy
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.events.convert import gap_event, read_facts, render
from bridge.events.objects import labels_of, payload, read_object
from bridge.events.origin import Origin
from bridge.events.profiles import Facts
from bridge.events.secrets import is_secret, redacted
from bridge.events.validation import NOT_JSON
from bridge.filters.noise.control import NoiseControl
from bridge.filters.noise.digest import digest_event
from bridge.ingest.accept import OURS, Acceptor, EventForm, Version
from bridge.ingest.buffer import ResyncItem
from bridge.ingest.checkpoint import NOISE, OBJECT, forget, memo, remember
from bridge.ingest.enrichment import Enrichment, Missing
from bridge.ingest.object_cache import ObjectCache
from bridge.ingest.source import Source, SourceFilter
from bridge.logs import get_logger
from bridge.queue import Entry, Scope
from bridge.text.tracebacks import summary

WaitFor = Literal["all", "namespaces", "none"]
"""Lookups that a change waits for: labels of namespaces and the object that an Event is
about, only the labels, or none: then rather an event too many than one too few."""

_UNFIT = (ConversionError, InvalidEventError, *NOT_JSON)
_PLAIN = ChangeContext()


class SourceOptions(NamedTuple):
    """Parts of an event that a source asks for beside the object."""

    previous: bool
    concerned: bool
    labels: bool


class Conversion:
    """Converts the changes of one reader, for the sources and sinks that want them."""

    def __init__(
        self,
        *,
        resource: Resource,
        scope: Scope,
        sources: Sequence[Source],
        acceptor: Acceptor,
        origins: Mapping[EventForm, Origin],
        object_cache: ObjectCache | None = None,
        enrichment: Enrichment | None = None,
        noise: NoiseControl | None = None,
    ) -> None:
        """Bind the parts that stay the same while the process runs.

        Args:
            resource: Kind of the objects that are read.
            scope: Where they are read; gap events name it.
            sources: The sources that it is read for.
            acceptor: Decides where events go, and in which forms.
            origins: Where the events come from, for each form.
            object_cache: The last state of each object; None: nothing is compared.
            enrichment: Finds the objects that Kubernetes Events are about; None: no
                source asks for them.
            noise: Holds back events of routes; None: nothing is held back.
        """
        self._resource = resource
        self._scope = scope
        self._sources = {source.name: source for source in sources}
        self._filter = SourceFilter(sources)
        self._acceptor = acceptor
        self._origins = dict(origins)
        self._ours = origins[OURS]
        self._object_cache = object_cache
        self._enrichment = enrichment
        self.noise = noise or NoiseControl((), {})
        """Holds back events of routes; its memos go with the cursor."""

        self._stages = (self.noise,) if self.noise.is_needed else ()
        self._is_secret = is_secret(resource)
        self._options = {
            one.name: SourceOptions(
                one.settings.previous, one.enrich is not None, not one.hides_labels
            )
            for one in sources
        }
        self._versions = len(set(self._options.values()))
        self._has_forms = acceptor.most_entries > 1

    @property
    def keeps_objects(self) -> bool:
        """Whether objects are remembered."""
        return self._object_cache is not None

    @property
    def most_entries_per_item(self) -> int:
        """How many entries one item can become."""
        memos = (not self._resource.is_events) + self.keeps_objects
        memos += self.noise.most_memos_per_event
        return self._versions * self._acceptor.most_entries + memos

    def enter_epoch(self, epoch: int) -> None:
        """Make ids of this epoch from here on."""
        for form, origin in self._origins.items():
            self._origins[form] = replace(origin, epoch=epoch)
        self._ours = self._origins[OURS]

    def gap(self, gap: Gap, recorded: str) -> Entry:
        """Return the entry that announces a gap to every sink of every route."""
        event = gap_event(
            gap,
            resource=self._resource,
            namespace=self._scope.namespace,
            field_selector=self._scope.field_selector,
            label_selector=self._scope.label_selector,
            origin=self._ours,
            recorded=recorded,
        )
        return self._acceptor.announce(event, tuple(self._sources))

    def noise_memos(self) -> list[Entry]:
        """Return the entries that remember what noise control decided since."""
        return [memo(NOISE + key, value) for key, value in self.noise.take_memos()]

    def digests(self, now: float) -> list[Entry]:
        """Return the entries of digests that are due at a time, Unix seconds.

        `noise_memos`, which forgets them, has to be asked next, for the same commit.
        """
        scope = {
            "resource": self._scope.resource,
            "namespace": self._scope.namespace,
            "fieldSelector": self._scope.field_selector,
            "labelSelector": self._scope.label_selector,
        }
        return [
            self._acceptor.announce_along(
                digest_event(
                    digest, route=route, scope=scope, until=now, origin=self._ours
                ),
                route,
            )
            for route, digest in self.noise.take_digests(now).items()
        ]

    def entries_of(
        self,
        change: Change,
        *,
        recorded: str,
        is_first: bool = False,
        wait_for: WaitFor = "all",
    ) -> list[Entry] | None:
        """Return the entries of a change; None: it has to wait for a lookup.

        Args:
            change: What happened.
            recorded: When it was read, RFC 3339.
            is_first: Whether it was there at the very first start.
            wait_for: Lookups that it may wait for.
        """
        if self._is_secret:
            change = msgspec.structs.replace(change, object=redacted(change.object))
        try:
            return self._converted(change, recorded, wait_for, is_first=is_first)
        except Exception as error:  # noqa: BLE001  # around one event (style 4)
            return self._rejected(change, error)

    def learned(self, learned: Observed) -> Sequence[Entry]:
        """Return the memos of an object that is known but did not change."""
        known, object_ = learned.known, learned.object
        try:
            if self._is_secret:
                object_ = redacted(object_)
            return list(self._memories(known, object_))
        except _UNFIT:
            return [remember(known), *self._forgotten(known)]

    def repeated(self, again: ResyncItem, *, recorded: str) -> Sequence[Entry]:
        """Return the entries of an object that becomes an event again."""
        key, source = again.key or "", self._sources[again.source]
        object_ = self._object_cache and self._object_cache.get(key)
        if not object_ or source.selects(key.partition("/")[0]) is False:
            return ()
        change = Change(
            change="modified",
            resource=self._resource,
            object=object_,
            resource_version=decode_version_of(object_).metadata.resource_version,
        )
        context = ChangeContext(resync=again.number)
        try:
            return self._accepted(change, context, recorded, (source.name,))
        except Exception as error:  # noqa: BLE001  # around one event (style 4)
            return self._rejected(change, error)

    def _converted(
        self, change: Change, recorded: str, wait_for: WaitFor, *, is_first: bool
    ) -> list[Entry] | None:
        before = self._before(change)
        if before is not None and change.change == "deleted" and change.listed:
            # More than its name is known.
            change = msgspec.structs.replace(change, object=before)
        paths = None
        if before is not None and change.change == "modified":
            paths = differences(before, change.object)
        names = self._filter.sources_for(
            change,
            namespace="" if self._filter.is_plain else _namespace(change),
            differences=paths,
            is_first=is_first,
            guesses=wait_for == "none",
        )
        if names is None:
            return None
        entries: list[Entry] = []
        if self._acceptor.is_wanted(names):
            concerned = None
            if self._enrichment is not None:
                concerned = _concerned(self._enrichment, change, wait_for)
            if isinstance(concerned, Missing):
                return None
            context = _context(before, paths, concerned)
            entries = self._accepted(change, context, recorded, names)
        if change.known is not None:
            object_ = None if change.change == "deleted" else change.object
            entries.extend(self._memories(change.known, object_))
        return entries

    def _accepted(
        self,
        change: Change,
        context: ChangeContext,
        recorded: str,
        names: tuple[str, ...],
    ) -> list[Entry]:
        """Return the entries of the event: a version for each set of options.

        Raises:
            ConversionError: It cannot be converted.
        """
        labels = partial(labels_concerned, change, context)
        if self._versions == 1:
            event, names, render = self._version(change, context, recorded, names)
            return self._acceptor.accept(
                event, names, render=render, labels=labels, stages=self._stages
            )
        groups = [  # those that want most come first
            tuple(name for name in names if self._options[name] == options)
            for options in sorted({self._options[name] for name in names}, reverse=True)
        ]
        versions = [self._version(change, context, recorded, one) for one in groups]
        return self._acceptor.accept_versions(
            versions, labels=labels, stages=self._stages
        )

    def _version(
        self,
        change: Change,
        context: ChangeContext,
        recorded: str,
        names: tuple[str, ...],
    ) -> Version:
        """Return the version of the event for sources with the same options."""
        asked = _without_unasked(self._options[names[0]], context)
        facts = read_facts(change, recorded=recorded, context=asked)
        other_forms = partial(self._render, facts) if self._has_forms else None
        return Version(render(facts, self._ours), names, other_forms)

    def _render(self, facts: Facts, form: EventForm) -> CloudEvent:
        return render(facts, self._origins[form])

    def _before(self, change: Change) -> bytes | None:
        if self._object_cache is None or change.known is None:
            return None
        if change.change == "added":
            return None
        return self._object_cache.get(change.known.key)

    def _memories(self, known: ObjectMeta, object_: bytes | None) -> Iterator[Entry]:
        """Yield the memos of an object; they follow its event in the same commit."""
        if object_ is None:
            yield forget(known)
            yield from self._forgotten(known)
            return
        yield remember(known)
        if self._object_cache is None:
            return
        kind, api_version = self._resource.kind, self._resource.api_version
        kept = payload(object_, kind=kind, api_version=api_version)
        yield memo(OBJECT + known.key, self._object_cache.put(known.key, kept))

    def _forgotten(self, known: ObjectMeta) -> Iterator[Entry]:
        """Yield the memo that forgets the last state of an object."""
        if self._object_cache is not None:
            self._object_cache.drop(known.key)
            yield memo(OBJECT + known.key, None)

    def _rejected(self, change: Change, error: Exception) -> list[Entry]:
        """Return the dead letter of a change that cannot be converted."""
        said = str(error) if isinstance(error, _UNFIT) else summary(error)
        if not isinstance(error, _UNFIT):
            get_logger().error("An object broke the conversion.", exc_info=error)
        id_ = f"unknown-{change.resource_version}"
        raw = EncodedEvent(id=id_, body=change.object, data_offset=0)
        entries = [Entry(event=None, encoded=raw, error=said)]
        if change.known is not None:
            is_gone = change.change == "deleted"
            entries.append(forget(change.known) if is_gone else remember(change.known))
            entries.extend(self._forgotten(change.known))  # else it would be compared
        return entries


def labels_concerned(change: Change, context: ChangeContext) -> Mapping[str, str]:
    """Return the labels of the object concerned, as far as they are known."""
    if context.concerned is not None:
        return context.concerned.labels
    if change.known is not None and change.known.labels:
        return change.known.labels
    return {} if change.resource.is_events else labels_of(change.object)


def _namespace(change: Change) -> str:
    if change.known is not None:
        return change.known.namespace
    return (change.event or read_object(change.object)).metadata.namespace


def _concerned(
    enrichment: Enrichment, change: Change, wait_for: WaitFor
) -> InvolvedObject | Missing | None:
    about = (change.event or decode_event(change.object)).involved
    found = enrichment.find(about)
    if not isinstance(found, Missing) or wait_for == "all":
        return found
    if found.is_loading and wait_for != "none":
        return found
    return enrichment.give_up(about)


def _context(
    before: bytes | None,
    paths: tuple[str, ...] | None,
    concerned: InvolvedObject | None,
) -> ChangeContext:
    if before is None and concerned is None:
        return _PLAIN
    return ChangeContext(
        previous=before,
        changed_paths=None if paths is None else noteworthy(paths),
        concerned=concerned,
    )


def _without_unasked(options: SourceOptions, context: ChangeContext) -> ChangeContext:
    if context.concerned is None and options.previous == context.with_previous:
        return context
    concerned = context.concerned if options.concerned else None
    if concerned is not None and not options.labels:
        concerned = replace(concerned, labels={})
    return msgspec.structs.replace(
        context, with_previous=options.previous, concerned=concerned
    )
