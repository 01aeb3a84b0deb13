"""What a watch line or a listed object says."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from bridge.cluster import Bookmark, Change, ObjectMeta, Resource
from bridge.cluster.answers import check_kind
from bridge.cluster.kubernetes_event import KubernetesEvent, decode_event
from bridge.cluster.metadata import MetadataFilter
from bridge.cluster.status import status_error
from bridge.cluster.versions import is_version
from bridge.cluster.wire import (
    decode_annotated,
    decode_line,
    decode_raw_members,
    decode_version_of,
)
from bridge.errors import UnreadableError

_CHANGES: dict[str, Literal["added", "modified", "deleted"]] = {
    "ADDED": "added",
    "MODIFIED": "modified",
    "DELETED": "deleted",
}


def read_line(
    line: bytes, *, resource: Resource, keeps: MetadataFilter | None = None
) -> Change | Bookmark | None:
    """Return what one line of a watch says; None: nothing that is understood.

    Args:
        line: The line.
        resource: What is watched.
        keeps: What changes say of their objects as `Change.known`; None: nothing.

    Raises:
        UnreadableError: It is not JSON, or about an object of another kind.
        ApiStatusError: It is an ERROR line; see `status_error`.
    """
    try:
        form = decode_line(line)
        if form.type == "ERROR":
            raise status_error(bytes(form.object), doing=f"watch {resource.name}")
        change, object_ = _CHANGES.get(form.type), bytes(form.object)
        version, kind, known, event = _read_head(object_, change, resource, keeps)
    except msgspec.ValidationError:
        return None  # JSON, but not as we know it: later servers may say more
    except msgspec.DecodeError as error:
        raise UnreadableError(
            f"watch {resource.name}: expected lines of JSON, got {len(line)} bytes"
        ) from error
    if kind != resource.kind:
        check_kind(kind, resource=resource, doing=f"watch {resource.name}")
    if not is_version(version):
        return None  # reading could not go on from there
    if change is not None:
        return Change(
            change=change,
            resource=resource,
            object=object_,
            resource_version=version,
            known=known,
            event=event,
        )
    return Bookmark(resource_version=version) if form.type == "BOOKMARK" else None


def _read_head(
    raw: bytes, change: str | None, resource: Resource, keeps: MetadataFilter | None
) -> tuple[str, str, ObjectMeta | None, KubernetesEvent | None]:
    """Return version and kind of an object, and what else a change says of it."""
    if change is not None and keeps is not None:
        known, kind = keeps.read_head(raw)
        return known.version, kind, known, None
    event = _read_event(raw) if change is not None and resource.is_events else None
    if event is not None:
        return event.metadata.resource_version, event.kind, None, event
    head = decode_version_of(raw)
    return head.metadata.resource_version, head.kind, None, None


def _read_event(raw: bytes) -> KubernetesEvent | None:
    """Return an Event; None: its conversion will say why it is none."""
    try:
        return decode_event(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def is_for_later(line: bytes) -> bool:
    """Tell whether a line that says nothing is of a type that we do not know."""
    try:
        return decode_line(line).type not in {*_CHANGES, "BOOKMARK"}
    except msgspec.DecodeError:
        return False


def ends_initial(line: bytes) -> bool:
    """Tell whether a bookmark says that all that was there has come (KEP-3157)."""
    annotations = decode_annotated(decode_line(line).object).metadata.annotations
    return (annotations or {}).get("k8s.io/initial-events-end") == "true"


class ListedObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One object of a list.

    Attributes:
        object: The object as raw JSON, kind and apiVersion included.
        known: Which one it is.
    """

    object: bytes
    known: ObjectMeta

    @property
    def version(self) -> str:
        """Its resourceVersion."""
        return self.known.version

    @property
    def key(self) -> bytes:
        """What lists are sorted by: ``namespace/name``, compared as bytes."""
        return self.known.key.encode()


def read_listed(
    items: Sequence[bytes], *, resource: Resource, keeps: MetadataFilter
) -> Iterator[ListedObject]:
    """Yield the objects of a page.

    None is left out: what is not in a list counts as deleted.

    Raises:
        UnreadableError: One has no readable version, or is of another kind.
    """
    doing = f"list {resource.name}"
    for position, item in enumerate(items):
        try:
            known, kind = keeps.read_head(item)
        except msgspec.DecodeError as error:
            raise _no_object(doing, position, error) from error
        if not is_version(known.version):
            raise _no_object(doing, position, "no resourceVersion")
        check_kind(kind, resource=resource, doing=doing)
        yield ListedObject(
            object=item if kind else _complete(item, resource),
            known=known,
        )


def _no_object(doing: str, position: int, got: object) -> UnreadableError:
    return UnreadableError(
        f"{doing}: items[{position}]: expected an object with metadata, got {got}"
    )


def _complete(item: bytes, resource: Resource) -> bytes:
    """Return the object as a watch would bring it, so that both give the same event."""
    # In the order in which the API server writes them.
    kind = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
    return kind.encode() + item.lstrip()[1:]


def minimal_object(known: ObjectMeta, *, resource: Resource) -> bytes:
    """Return an object that was deleted unseen: all that is known of it, as JSON."""
    metadata = {"name": known.name}
    if known.namespace:
        metadata["namespace"] = known.namespace
    return msgspec.json.encode(
        {
            "kind": resource.kind,
            "apiVersion": resource.api_version,
            "metadata": metadata | {"uid": known.uid, "resourceVersion": known.version},
        }
    )


def with_resource_version(value: bytes, *, version: str) -> bytes:
    """Return an object as a watch brings it deleted: at the version of its deletion."""
    members = decode_raw_members(value)
    metadata = decode_raw_members(members["metadata"])
    metadata["resourceVersion"] = msgspec.Raw(msgspec.json.encode(version))
    members["metadata"] = msgspec.Raw(msgspec.json.encode(metadata))
    return msgspec.json.encode(members)
