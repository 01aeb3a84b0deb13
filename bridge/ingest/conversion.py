"""One change → the entries that it becomes, or the word that something is missing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Literal

import msgspec

from bridge.cluster import Change, Gap, ObjectMeta, Observed, Resource
from bridge.cluster.kubernetes_event import decode_event
from bridge.cluster.wire import decode_version_of
from bridge.errors import ConversionError, InvalidEventError
from bridge.events import EncodedEvent
from bridge.events.compare import differences, noteworthy
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.events.objects import payload, read_object
from bridge.events.origin import Origin
from bridge.events.secrets import is_secret, redacted
from bridge.events.validation import NOT_JSON
from bridge.ingest.accept import Acceptor, EventForm
from bridge.ingest.checkpoint import OBJECT, forget, memo, remember
from bridge.ingest.enrichment import Enrichment, Missing
from bridge.ingest.entries import ChangeFacts, EntryBuilder
from bridge.ingest.object_cache import ObjectCache
from bridge.ingest.resync import ResyncItem
from bridge.ingest.source import Source
from bridge.ingest.source_filter import SourceFilter
from bridge.logs import get_logger
from bridge.queue import Entry, Scope
from bridge.text.tracebacks import summary

WaitFor = Literal["all", "namespaces", "none"]
"""What is waited for: the labels of namespaces and what an Event is about, only the
labels, or nothing: then better an event too many than one too few."""


class Converted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one change became.

    Attributes:
        entries: What to store.
        is_filtered: Whether no route wanted it.
        is_rejected: Whether it could not be converted and is kept as a dead letter.
    """

    entries: Sequence[Entry]
    is_filtered: bool = False
    is_rejected: bool = False


_sinks_of = attrgetter("sinks")

_NOTHING = Converted(entries=())
_UNFIT = (ConversionError, InvalidEventError, *NOT_JSON)
_PLAIN = ChangeContext()


class Conversion:
    """Converts what one reader reads, for the sources and sinks that want it."""

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
    ) -> None:
        """Bind what does not change while the process runs.

        Args:
            resource: What is read.
            scope: Where; named by gap events.
            sources: The sources that it is read for.
            acceptor: Decides where events go, and in which forms.
            origins: Where the events come from, for each form.
            object_cache: What objects were before; None: nobody compares.
            enrichment: Knows the objects that Kubernetes Events are about; None:
                nobody asks.
        """
        self._resource = resource
        self._scope = scope
        self._sources = {source.name: source for source in sources}
        self._choice = SourceFilter(sources)
        self._acceptor = acceptor
        self._entry_builder = EntryBuilder(
            sources=sources, acceptor=acceptor, origins=origins
        )
        self._object_cache = object_cache
        self._enrichment = enrichment
        self._is_secret = is_secret(resource)

    @property
    def keeps_objects(self) -> bool:
        """Whether objects are remembered."""
        return self._object_cache is not None

    @property
    def most_entries_per_item(self) -> int:
        """How many entries one item can become."""
        is_known = not self._resource.is_events
        return self._entry_builder.most_entries + is_known + self.keeps_objects

    def enter_epoch(self, epoch: int) -> None:
        """Make ids of this epoch from here on."""
        self._entry_builder.enter_epoch(epoch)

    def gap(self, gap: Gap, recorded: str) -> Entry:
        """Return the entry that announces a gap."""
        return self._entry_builder.gap(gap, self._resource, self._scope, recorded)

    def entries_of(
        self,
        change: Change,
        *,
        recorded: str,
        is_first: bool,
        patience: WaitFor = "all",
    ) -> Converted | None:
        """Return what a change becomes; None: something asked for is not known yet.

        Args:
            change: What happened.
            recorded: When it was read, RFC 3339.
            is_first: Whether it was there at the very first start.
            patience: What may still become known.
        """
        if change.change == "deleted" and self._resource.is_events:
            return _NOTHING  # its time to live is over: nothing happened [informer D1]
        if self._is_secret:
            change = msgspec.structs.replace(change, object=redacted(change.object))
        return self._guarded(
            change,
            lambda: self._converted(change, recorded, patience, is_first=is_first),
        )

    def learned(self, learned: Observed) -> Sequence[Entry]:
        """Return what is remembered of an object that is no news."""
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
        told = ChangeFacts(change, ChangeContext(resync=again.number), recorded)

        def convert() -> Converted:
            return Converted(entries=self._entry_builder.entries(told, (source.name,)))

        converted = self._guarded(change, convert)
        return converted.entries if converted else ()

    def _guarded(
        self, change: Change, convert: Callable[[], Converted | None]
    ) -> Converted | None:
        """Return what a change becomes, if need be a dead letter."""
        try:
            return convert()
        except _UNFIT as error:
            return self._rejected(change, str(error))
        except Exception as error:  # noqa: BLE001  # one of two places (style 4)
            get_logger().exception("An object broke the conversion.")
            return self._rejected(change, summary(error))

    def _converted(
        self, change: Change, recorded: str, patience: WaitFor, *, is_first: bool
    ) -> Converted | None:
        before = self._before(change)
        if before is not None and change.change == "deleted" and change.listed:
            # More than its name is known.
            change = msgspec.structs.replace(change, object=before)
        paths = _paths(before, change)
        names = self._choice.of(
            change,
            namespace=self._namespace(change),
            differences=paths,
            is_first=is_first,
            guess=True if patience == "none" else None,
        )
        if names is None:
            return None
        is_wanted = self._acceptor.is_wanted(names)
        concerned = self._concerned(change, patience) if is_wanted else None
        if isinstance(concerned, Missing):
            return None
        entries: list[Entry] = []
        if is_wanted:
            context = _context(before, paths, concerned)
            told = ChangeFacts(change, context, recorded)
            entries.extend(self._entry_builder.entries(told, names))
        is_filtered = not any(map(_sinks_of, entries))
        if change.known is not None:
            object_ = None if change.change == "deleted" else change.object
            entries.extend(self._memories(change.known, object_))
        return Converted(entries=entries, is_filtered=is_filtered)

    def _before(self, change: Change) -> bytes | None:
        if (
            self._object_cache is None
            or change.known is None
            or change.change == "added"
        ):
            return None
        return self._object_cache.get(change.known.key)

    def _namespace(self, change: Change) -> str:
        if not self._choice.asks_namespace:
            return ""
        if change.known is not None:
            return change.known.namespace
        return read_object(change.object).metadata.namespace

    def _concerned(
        self, change: Change, patience: WaitFor
    ) -> InvolvedObject | Missing | None:
        if self._enrichment is None:
            return None
        about = (change.event or decode_event(change.object)).involved
        found = self._enrichment.find(about)
        if not isinstance(found, Missing) or patience == "all":
            return found
        if found.is_loading and patience != "none":
            return found
        return self._enrichment.give_up(about)

    def _memories(self, known: ObjectMeta, object_: bytes | None) -> Iterator[Entry]:
        """Yield what is remembered: in the same commit as the event, never before."""
        if object_ is None:
            yield forget(known)
            yield from self._forgotten(known)
            return
        yield remember(known)
        if self._object_cache is None:
            return
        kept = payload(
            object_,
            kind=self._resource.kind,
            api_version=self._resource.api_version,
        )
        yield memo(OBJECT + known.key, self._object_cache.put(known.key, kept))

    def _forgotten(self, known: ObjectMeta) -> Iterator[Entry]:
        """Yield that it is not known any more what an object is."""
        if self._object_cache is not None:
            self._object_cache.drop(known.key)
            yield memo(OBJECT + known.key, None)

    def _rejected(self, change: Change, error: str) -> Converted:
        raw = EncodedEvent(
            id=f"unknown-{change.resource_version}",
            body=change.object,
            data_offset=0,
        )
        entries = [Entry(event=None, encoded=raw, error=error)]
        if change.known is not None:
            is_gone = change.change == "deleted"
            entries.append(forget(change.known) if is_gone else remember(change.known))
            entries.extend(self._forgotten(change.known))  # else it would be compared
        return Converted(entries=entries, is_rejected=True)


def _paths(before: bytes | None, change: Change) -> tuple[str, ...] | None:
    if before is None or change.change != "modified":
        return None
    return differences(before, change.object)


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
