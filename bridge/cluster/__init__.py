"""READ: the API server's changes, each exactly once per connection, in order.

A `Reflector` puts batches of `Item` into a `BatchConsumer` until it is cancelled:

    no cursor, initial skip   Synced(list version)            then watched changes
    no cursor, initial emit   listed changes, page by page, Synced, watched changes
    cursor still readable     Synced(cursor)                  then watched changes
    cursor expired            listed changes newer than it, [Gap,] Synced(K), watched
    cluster rolled back       Gap, listed changes (all), Synced, watched changes

With a `Store` of what was known at the cursor the difference is found instead: what is
not known is added, what is known at another version modified, what is known and not
there any more deleted. What is there and no news comes as `Observed`: at the first sync
with initial skip, and what another scope had read when its cursor was inherited. Where
no watch begins at the cursor, but its history is still there, each object is walked
back, and every revision comes (`rewind`); only what cannot be found is a `Gap`.

What was listed counts as read only with the `Synced` that follows it: until then the
cursor must not move. A `Gap` belongs to that `Synced` too. The same order comes again
whenever the history has run away from a watch that was cut.

A batch is what came together: one page of a list, or what one read of the watch
brought (never empty, at most `BATCH_LIMIT` items). The watch is not read while a batch
is put: TCP holds the API server back, and nothing is dropped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

import msgspec

from bridge.cluster.kubernetes_event import KubernetesEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A kind of object as an API server serves it.

    Attributes:
        group: API group; empty for core.
        version: Served version, e.g. ``v1``.
        plural: Name in URLs, e.g. ``events``.
        kind: Name in objects, e.g. ``Event``.
        namespaced: Whether objects live in namespaces.
        has_bookmarks: Whether watches carry periodic bookmarks. False for both
            Events resources, which kube-apiserver serves without a watch cache.
    """

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    has_bookmarks: bool = True

    @property
    def api_version(self) -> str:
        """Return ``v1`` or ``apps/v1``, as objects spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """Return ``events`` or ``deployments.apps``: no version, as a scope has it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def is_events(self) -> bool:
        """Return whether these are Kubernetes Events, of either API group."""
        return self.kind == "Event" and self.group in {"", "events.k8s.io"}

    def path(self, namespace: str | None = None) -> str:
        """Return the URL path of the collection; None: all namespaces."""
        root = f"/apis/{self.group}" if self.group else "/api"
        scope = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}/{self.version}{scope}/{self.plural}"


CORE_EVENTS = Resource(
    group="", version="v1", plural="events", kind="Event", has_bookmarks=False
)


class ObjectMeta(
    msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True
):
    """The metadata that is kept of one object; most fields only where they are needed.

    Attributes:
        key: ``<namespace>/<name>``; ``/<name>`` without a namespace.
        uid: Which object of that name.
        version: Its resourceVersion.
        labels: Its labels, if they are kept.
        annotations: Those of its annotations that are kept.
        owner: Its controller (the owner reference that says so), if owners are kept.
    """

    key: str
    uid: str
    version: str
    labels: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    owner: "Owner | None" = None

    @property
    def namespace(self) -> str:
        """Return the namespace; empty: the object is outside of namespaces."""
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        """Return the name within the namespace."""
        return self.key.partition("/")[2]


class Owner(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """The controller of an object (v1 OwnerReference with ``controller``)."""

    api_version: str
    kind: str
    name: str
    uid: str


class Change(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An object was added, modified or deleted.

    Attributes:
        change: What happened to it.
        resource: What kind of object it is.
        object: The object as raw JSON, as the API server sent it; kind and apiVersion,
            which lists of built-in kinds leave out, are put back.
        resource_version: Version of the change; for a deletion that of the deletion.
        listed: True when it comes from a list, so that states between the cursor and
            this one may be missing. The object of a deletion whose last state
            is unknown has only kind, apiVersion and the metadata that were known
            of it, and its version is the one that was known.
        known: What a store remembers of the object from here on, or of a deleted one
            remembered until now; None: it is read without a store.
        event: `object`, decoded, where a watch brought a Kubernetes Event; None: it is
            another object, comes from a list, or cannot be decoded.
    """

    change: Literal["added", "modified", "deleted"]
    resource: Resource
    object: bytes
    resource_version: str
    listed: bool = False
    known: ObjectMeta | None = None
    event: KubernetesEvent | None = None


class Observed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An object exists that is not news, but is kept in mind for later comparisons.

    Attributes:
        known: What a store remembers of it.
        object: The object as raw JSON, see `Change`.
    """

    known: ObjectMeta
    object: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """Everything up to `resource_version` has been put."""

    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """The snapshot, if any, is complete; the watch goes on from `resource_version`."""

    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressMark:
    """The stream was complete and alive at `time`, when the cluster was at a version.

    Kept beside the cursor, never to resume from: a quiet stream, whose cursor ages,
    has lost nothing up to here (Events get no bookmarks).
    """

    resource_version: str
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Revisions may be missing between `cursor` and `snapshot`.

    Attributes:
        cause: ``expired``: history compacted away; ``rolled-back``: the cluster was
            restored to an older state, so versions are used again; ``unreadable``:
            what comes after the cursor could not be read, however often it was tried.
        cursor: Version up to which everything was read.
        snapshot: Oldest version that could be read after it.
        since: When the cursor was last known to be current; None: not known.
        until: When the gap was found.
    """

    cause: Literal["expired", "rolled-back", "unreadable"]
    cursor: str
    snapshot: str
    since: datetime | None
    until: datetime


Item = Change | Observed | Bookmark | Gap | ProgressMark | Synced

BATCH_LIMIT = 500
"""Most items in one batch; also the size of a list page."""


class BatchConsumer(Protocol):
    """Takes what a `Reflector` reads: the buffer of a reader, or an informer."""

    async def put(self, batch: Sequence[Item], /) -> None:
        """Take a batch over; return once there is room for the next one.

        Never raises a `ClusterError`, which would be taken for trouble with the watch.
        """
        ...


WatchEvent = Literal[
    "reconnect-end",
    "reconnect-error",
    "reconnect-silent",
    "watch-empty",
    "expired",
    "rolled-back",
    "unreadable",
    "relist",
    "relist-restart",
    "rewound",
    "watchlist-fallback",
    "line-skipped",
]
"""What a `Reflector` counts: a closed set, fit for a metric label.

``reconnect-*``: a watch was opened again, because the server ended it, because it
failed, or because it was silent for too long. ``watch-empty``: it ended at once with
nothing in it. ``expired``, ``rolled-back``, ``unreadable``: why the watch could not go
on, see `Gap`. ``relist``: a snapshot was read; ``relist-restart``: its pages expired
under it, or its stream was cut. ``rewound``: a revision was listed that no watch could
bring any more. ``watchlist-fallback``: the API server does not stream what is there, so
that it is listed instead. ``line-skipped``: a watch line of an unknown type or without
a readable resourceVersion.
"""
