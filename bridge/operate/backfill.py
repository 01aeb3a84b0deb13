"""Delivers to a sink what the API server still holds, as if it had always been there.

A backfill lists each scope that a source of the sink reads, and makes events by the
rules of the readers and with their ids. No cursor moves, and nothing is remembered.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from bridge.cluster import Change, Resource
from bridge.cluster.changes import read_listed
from bridge.cluster.client import ClusterClient, ListPage
from bridge.cluster.store import MetadataFilter
from bridge.errors import ClusterError, ExpiredError
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import decode
from bridge.filters.routes import Router
from bridge.ingest import EventForm
from bridge.ingest.accept import cut_entries, put
from bridge.ingest.build import ClusterParts
from bridge.ingest.checkpoint import EPOCH, read_epoch
from bridge.ingest.plan import Planner
from bridge.ingest.reader import HELD_SECONDS
from bridge.ingest.scoping import EVERYWHERE, Scopes
from bridge.ingest.source import Source
from bridge.ingest.supervisor import ReaderSupervisor
from bridge.metrics import Metrics
from bridge.queue import Entry, Queue, Scope

ANSWERS_SECONDS = 20.0
"""How long a page waits until the objects concerned by its events are known."""

_READ_BEFORE = "0"  # a version: so nothing is there for the very first time


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPage:
    """The result of one page of a list, read to deliver what a sink has missed.

    Attributes:
        resource: Name of the resource.
        namespace: Namespace; ``*``: all.
        listed: Number of objects on the page.
        queued: Number of deliveries that wait now in addition.
        oldest: Time of the oldest event queued, RFC 3339; None: none was.
        place: Where to go on; None: this was the end.
    """

    resource: str
    namespace: str
    listed: int
    queued: int
    oldest: str | None
    place: str | None


class BackfillPosition(NamedTuple):
    """A scope that a source of the sink reads."""

    resource: Resource
    scope: Scope
    sources: tuple[Source, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Order among all scopes."""
        scope = self.scope
        return (
            scope.resource,
            scope.namespace,
            scope.field_selector,
            scope.label_selector,
        )


class Backfill:
    """Lists again what the readers have read, and queues what one sink wants."""

    def __init__(
        self, supervisor: ReaderSupervisor, *, queue: Queue, metrics: Metrics
    ) -> None:
        """Bind the parts; it answers once the supervisor has reached the cluster.

        Args:
            supervisor: Reads the cluster.
            queue: Where events are stored.
            metrics: The counters.
        """
        self._supervisor = supervisor
        self._queue = queue
        self._metrics = metrics

    def wanted(self, sink: str) -> Callable[[EncodedEvent], bool]:
        """Return a function: does a route lead a stored event to a sink?

        It returns False where only labels could tell, and if the sink has events in
        another form: such events are left to the list.

        Raises:
            ClusterError: The API server was not reached yet.
        """
        builder = self._supervisor.parts.builder
        followed = self._supervisor.scopes()
        form = builder.forms[sink]

        def is_wanted(encoded: EncodedEvent) -> bool:
            if not _has_form(encoded, form):
                return False
            event = decode(encoded)
            sources = tuple(_readers_of(event, followed))
            return bool(sources) and builder.router.leads(
                event, sink=sink, sources=sources
            )

        return is_wanted

    async def list_page(
        self,
        sink: str,
        *,
        place: str | None,
        takes: Callable[[Entry], bool],
    ) -> BackfillPage | None:
        """List a page of what the API server holds, and queue what the sink wants.

        Args:
            sink: Name of the sink.
            place: `BackfillPage.place` of the page before; None: from the beginning.
            takes: Whether an event is to be delivered; called once for each.

        Returns:
            None: there is nothing to list for this sink.

        Raises:
            ClusterError: It cannot be listed now.
            QueueError: There is no room.
        """
        parts = self._supervisor.parts
        spots = _spots(sink, self._supervisor.scopes(), parts.builder.router)
        spot, token = _resume(spots, place)
        if spot is None:
            return None
        try:
            page = await _list(parts.client, spot, token)
        except ExpiredError:
            page = await _list(parts.client, spot, "")
        entries = await self._entries(parts, spot, page)
        chosen = [one for one in entries if sink in one.sinks and takes(one)]
        await self._put(sink, chosen)
        return BackfillPage(
            resource=spot.scope.resource,
            namespace=spot.scope.namespace,
            listed=len(page.items),
            queued=len(chosen),
            oldest=min((_time(one) for one in chosen), default=None),
            place=_place_after(spots, spot, page),
        )

    async def _entries(
        self, parts: ClusterParts, spot: BackfillPosition, page: ListPage
    ) -> list[Entry]:
        rows = self._queue.remembered(spot.scope, EPOCH)
        stored = {key: value async for key, value in rows}
        planner = Planner(
            parts.builder.conversion(spot.resource, spot.scope, spot.sources),
            cursor=_READ_BEFORE,
            epoch=read_epoch(stored.get(EPOCH)),
        )
        entries = planner.plan(list(_changes(page, spot.resource))).entries
        try:
            async with asyncio.timeout(ANSWERS_SECONDS):
                while planner.held:
                    await asyncio.sleep(HELD_SECONDS)
                    entries += planner.plan(()).entries
        except TimeoutError as error:
            raise ClusterError(
                f"list {spot.resource.name}: what its objects are about is not known"
                f" after {ANSWERS_SECONDS:g} s"
            ) from error
        return entries

    async def _put(self, sink: str, entries: list[Entry]) -> None:
        for part in cut_entries(entries, most_entries=self._queue.max_entries):
            some = [msgspec.structs.replace(one, sinks=(sink,)) for one in part]
            await put(some, queue=self._queue, metrics=self._metrics)


def _spots(sink: str, read: Sequence[Scopes], router: Router) -> list[BackfillPosition]:
    """Return the scopes whose sources reach a sink, in order."""
    spots = [
        BackfillPosition(scopes.resource, scope, sources)
        for scopes in read
        for scope, sources in scopes.now().items()
    ]
    reaching = [one for one in spots if sink in _sinks_of(one, router)]
    return sorted(reaching, key=lambda one: one.key)


def _sinks_of(spot: BackfillPosition, router: Router) -> tuple[str, ...]:
    return router.sinks_of_sources(tuple(source.name for source in spot.sources))


def _place_after(
    spots: Sequence[BackfillPosition], spot: BackfillPosition, page: ListPage
) -> str | None:
    """Return the place to go on: the next page, else the next scope."""
    if page.continue_token:
        return _write_place(spot.key, page.continue_token)
    later = [one.key for one in spots if one.key > spot.key]
    return _write_place(later[0], "") if later else None


def _resume(
    spots: Sequence[BackfillPosition], place: str | None
) -> tuple[BackfillPosition | None, str]:
    """Return the scope to list, and the continue token."""
    key, token = _read_place(place)
    for spot in spots:
        if spot.key >= key:
            return spot, token if spot.key == key else ""
    return None, ""


def _write_place(key: tuple[str, ...], token: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([*key, token])).decode()


def _read_place(place: str | None) -> tuple[tuple[str, ...], str]:
    """Return the scope and the token; a text of another origin is the beginning."""
    try:
        *key, token = msgspec.json.decode(
            base64.urlsafe_b64decode(place or ""), type=list[str]
        )
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        return (), ""
    return tuple(key), token


async def _list(client: ClusterClient, spot: BackfillPosition, token: str) -> ListPage:
    scope = spot.scope
    return await client.list_page(
        spot.resource,
        namespace=None if scope.namespace == EVERYWHERE else scope.namespace,
        field_selector=scope.field_selector,
        label_selector=scope.label_selector,
        continue_token=token,
    )


def _changes(page: ListPage, resource: Resource) -> Iterator[Change]:
    for one in read_listed(page.items, resource=resource, keeps=MetadataFilter()):
        yield Change(
            change="added",
            resource=resource,
            object=one.object,
            resource_version=one.version,
            listed=True,
        )


def _has_form(encoded: EncodedEvent, form: EventForm) -> bool:
    """Return whether an event is in a form, and is about a change."""
    head = encoded.body[: encoded.data_offset]
    is_knative = b'"type":"dev.knative.apiserver.' in head
    if not is_knative and not any(one in head for one in (b".event.", b".resource.")):
        return False
    is_reference = b'"metadata":' not in encoded.body[encoded.data_offset :]
    return form == EventForm(
        "knative" if is_knative else "kubebridge",
        "reference" if is_reference else "object",
    )


def _readers_of(event: CloudEvent, followed: Sequence[Scopes]) -> Iterator[str]:
    """Yield the names of the sources that may have read a stored event."""
    said = event.extensions
    is_event = ".event." in event.type or said.get("kind") == "Event"
    namespace = str(said.get("namespace", ""))
    for scopes in followed:
        resource = scopes.resource
        is_kind = said.get("kind") == resource.kind and (
            said.get("apiversion") == resource.api_version
        )
        if (resource.is_events and is_event) or (is_kind and not is_event):
            yield from (one.name for one in scopes.sources if _reads(one, namespace))


def _reads(wanted: Source, namespace: str) -> bool:
    return not wanted.settings.namespaces or namespace in wanted.settings.namespaces


def _time(entry: Entry) -> str:
    return (entry.event.time if entry.event is not None else None) or ""
