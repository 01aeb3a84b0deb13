"""Keep what is known of each object, and find it by key or by an index."""

from collections import defaultdict
from collections.abc import (
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass
from heapq import nsmallest

import msgspec

from bridge.cluster import Change, ObjectMeta, Owner
from bridge.cluster.kubernetes_event import EventMetadata
from bridge.cluster.wire import (
    DetailedMetadata,
    MetadataForm,
    decode_detailed_head,
    decode_head,
)

_NONE: Mapping[str, str] = {}
# Shared: a hundred thousand objects without labels need not have a dict each.


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataFilter:
    """Chooses the metadata to keep beside identity and version.

    Attributes:
        labels: Whether labels are kept.
        annotations: The annotations that are kept.
        owner: Whether the controller is kept.
    """

    labels: bool = False
    annotations: frozenset[str] = frozenset()
    owner: bool = False

    @property
    def is_detailed(self) -> bool:
        """Return whether more than identity and version is kept."""
        return self.labels or self.owner or bool(self.annotations)

    def read_head(self, value: bytes) -> tuple[ObjectMeta, str]:
        """Return the kept metadata of an object, and its kind; empty: it has none.

        Raises:
            msgspec.DecodeError: It is no JSON, or no object of Kubernetes.
        """
        if self.is_detailed:
            detailed = decode_detailed_head(value)
            return self._detailed(detailed.metadata), detailed.kind
        head = decode_head(value)
        return identity(head.metadata), head.kind

    def _detailed(self, metadata: DetailedMetadata) -> ObjectMeta:
        annotations = metadata.annotations or _NONE
        kept = {name: annotations[name] for name in self.annotations & {*annotations}}
        return ObjectMeta(
            key=f"{metadata.namespace}/{metadata.name}",
            uid=metadata.uid,
            version=metadata.resource_version,
            labels=metadata.labels if self.labels and metadata.labels else _NONE,
            annotations=kept or _NONE,
            owner=_controller(metadata) if self.owner else None,
        )


def identity(metadata: MetadataForm | EventMetadata) -> ObjectMeta:
    """Return identity and version of an object, and nothing else of its metadata."""
    return ObjectMeta(
        key=f"{metadata.namespace}/{metadata.name}",
        uid=metadata.uid,
        version=metadata.resource_version,
        labels=_NONE,
        annotations=_NONE,
    )


def _controller(metadata: DetailedMetadata) -> Owner | None:
    """Return the one owner that controls the object, if one does."""
    for owner in metadata.owner_references or ():
        if owner.controller:
            return Owner(
                api_version=owner.api_version,
                kind=owner.kind,
                name=owner.name,
                uid=owner.uid,
            )
    return None


Index = Callable[[ObjectMeta], Iterable[Hashable]]
"""Gives the values under which an object is found."""


def _by_namespace(known: ObjectMeta) -> Iterable[Hashable]:
    return (known.namespace,)


def _by_owner(known: ObjectMeta) -> Iterable[Hashable]:
    return (known.owner.uid,) if known.owner else ()


def _by_label(known: ObjectMeta) -> Iterable[Hashable]:
    return known.labels.items()


INDEXES: Mapping[str, Index] = {
    "namespace": _by_namespace,
    "owner": _by_owner,
    "label": _by_label,
}
"""Indexes of a store: the namespace, the uid of the controller, and a label as a pair
of key and value."""


class Store:
    """Keeps objects by key; an index is built when first asked, and kept up to date.

    Attributes:
        is_complete: Whether it holds everything that was there at the cursor. False:
            nothing was read yet, or the scope was inherited from another one.
        keeps: What is remembered beside identity and version.
    """

    def __init__(
        self,
        known: Iterable[ObjectMeta] = (),
        *,
        is_complete: bool = False,
        keeps_labels: bool = False,
        keeps_annotations: frozenset[str] = frozenset(),
        keeps_owner: bool = False,
    ) -> None:
        """Begin with the objects of an earlier run.

        Args:
            known: These objects.
            is_complete: Whether it is all that was there at the cursor.
            keeps_labels: Remember labels.
            keeps_annotations: The annotations to remember.
            keeps_owner: Remember the controller.
        """
        self.keeps = MetadataFilter(
            labels=keeps_labels, annotations=keeps_annotations, owner=keeps_owner
        )
        self._objects = {one.key: one for one in known}
        self._indexes: dict[str, dict[Hashable, set[str]]] = {}
        self.is_complete = is_complete

    def __len__(self) -> int:
        """Return how many objects are known."""
        return len(self._objects)

    def __iter__(self) -> Iterator[ObjectMeta]:
        """Iterate all objects; do not change the store meanwhile."""
        return iter(self._objects.values())

    def get(self, key: str) -> ObjectMeta | None:
        """Return the object under ``<namespace>/<name>``; None: there is none."""
        return self._objects.get(key)

    def put(self, known: ObjectMeta) -> None:
        """Keep an object instead of the one under its key."""
        # Dropped first: else the dict keeps the older, equal key alive.
        self.drop(known.key)
        self._objects[known.key] = known
        for name, index in self._indexes.items():
            for value in INDEXES[name](known):
                index[value].add(known.key)

    def drop(self, key: str) -> None:
        """Remove the object under a key, if there is one."""
        if self._indexes:
            self._unlist(key)
        self._objects.pop(key, None)

    def follow(self, change: Change) -> Change:
        """Apply a watched change; return it, a deletion with what was known before.

        Args:
            change: Read with what this store keeps.
        """
        known = change.known
        if known is None:
            return change
        if change.change != "deleted":
            self.put(known)
            return change
        was = self.get(known.key)
        if was is None or was.uid != known.uid:
            return change
        self.drop(known.key)
        return msgspec.structs.replace(change, known=was)

    def select(
        self, wanted: Collection[tuple[str, Hashable]], *, after: str = "", limit: int
    ) -> list[ObjectMeta]:
        """Return the next objects that are found by all of some indexes, by key.

        Args:
            wanted: Pairs of one of `INDEXES` and a value; none: all objects.
            after: Only keys after this one; empty: from the start.
            limit: Most objects to return.
        """
        found = [self._index(name).get(value, set()) for name, value in wanted]
        keys = set.intersection(*found) if found else self._objects.keys()
        following = (key for key in keys if key > after)
        return [self._objects[key] for key in nsmallest(limit, following)]

    def _index(self, name: str) -> dict[Hashable, set[str]]:
        if name not in self._indexes:
            self._indexes[name] = self._build(INDEXES[name])
        return self._indexes[name]

    def _build(self, index: Index) -> dict[Hashable, set[str]]:
        built: dict[Hashable, set[str]] = defaultdict(set)
        for known in self:
            for value in index(known):
                built[value].add(known.key)
        return built

    def _unlist(self, key: str) -> None:
        known = self._objects.get(key)
        if known is None:
            return
        for name, index in self._indexes.items():
            for value in INDEXES[name](known):
                index[value].discard(key)
                if not index[value]:
                    del index[value]
