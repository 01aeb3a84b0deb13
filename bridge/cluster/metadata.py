"""Which object it is: as much of its metadata as is remembered, and no more."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.cluster import ObjectMeta, Owner
from bridge.cluster.wire import DetailedMetadata, decode_detailed_head, decode_head

_NONE: Mapping[str, str] = {}
# Shared: a hundred thousand objects without labels need not have a dict each.


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataFilter:
    """What is remembered beside identity and version.

    Attributes:
        labels: Whether labels are.
        annotations: Which annotations are.
        owner: Whether the controller is.
    """

    labels: bool = False
    annotations: frozenset[str] = frozenset()
    owner: bool = False

    def read_head(self, value: bytes) -> tuple[ObjectMeta, str]:
        """Return what is remembered of an object, and its kind if it says so.

        Raises:
            msgspec.DecodeError: It is no JSON, or no object of Kubernetes.
        """
        if self.labels or self.annotations or self.owner:
            detailed = decode_detailed_head(value)
            return self._detailed(detailed.metadata), detailed.kind
        head = decode_head(value)
        metadata = head.metadata
        known = ObjectMeta(
            key=f"{metadata.namespace}/{metadata.name}",
            uid=metadata.uid,
            version=metadata.resource_version,
            labels=_NONE,
            annotations=_NONE,
        )
        return known, head.kind

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
