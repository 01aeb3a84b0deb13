"""Turn watch lines and listed objects into changes."""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from bridge.cluster import Bookmark, Change, ObjectMeta, Resource
from bridge.cluster.answers import check_kind, status_error
from bridge.cluster.kubernetes_event import KubernetesEvent, decode_event
from bridge.cluster.store import MetadataFilter, identity
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
_STARTS = [
    (b'{"type":"' + name.encode() + b'","object":{', name)
    for name in (*_CHANGES, "BOOKMARK")
]
"""How kube-apiserver begins a line: one parse of the object then serves for the line,
which costs a third less than a parse of each."""


def read_line(
    line: bytes, *, resource: Resource, keeps: MetadataFilter | None = None
) -> Change | Bookmark | None:
    """Return the change or bookmark of one watch line; None: its type is unknown.

    Args:
        line: The line.
        resource: What is watched.
        keeps: The metadata to read into `Change.known`; None: none.

    Raises:
        UnreadableError: It is not JSON, or about an object of another kind.
        ApiStatusError: It is an ERROR line; see `status_error`.
    """
    try:
        line_type, value, head = _parse(line, resource, keeps)
    except msgspec.ValidationError:
        return None  # JSON of a form that later servers may have
    except msgspec.DecodeError as error:
        raise UnreadableError(
            f"watch {resource.name}: expected lines of JSON, got {len(line)} bytes"
        ) from error
    if line_type == "ERROR":
        raise status_error(value, doing=f"watch {resource.name}")
    if head.kind != resource.kind:
        check_kind(head.kind, resource=resource, doing=f"watch {resource.name}")
    if not is_version(head.version):
        return None  # reading could not go on from there
    change = _CHANGES.get(line_type)
    if change is not None:
        return Change(
            change=change,
            resource=resource,
            object=value,
            resource_version=head.version,
            known=head.known,
            event=head.event,
        )
    is_bookmark = line_type == "BOOKMARK"
    return Bookmark(resource_version=head.version) if is_bookmark else None


class _Head(msgspec.Struct, frozen=True, gc=False):
    """The part of an object that a change says beside the object itself."""

    version: str
    kind: str
    known: ObjectMeta | None = None
    event: KubernetesEvent | None = None


def _parse(
    line: bytes, resource: Resource, keeps: MetadataFilter | None
) -> tuple[str, bytes, _Head]:
    """Return type, object and head of a line, by one parse of usual lines.

    Raises:
        msgspec.DecodeError: It is not JSON, or not of the form of a line.
    """
    for start, line_type in _STARTS:
        if line.startswith(start):
            value = line[len(start) - 1 : -1]
            try:
                return line_type, value, _read_head(value, line_type, resource, keeps)
            except msgspec.DecodeError:
                break  # more follows the object, or it is not JSON
    form = decode_line(line)
    value = bytes(form.object)
    if form.type == "ERROR":
        return form.type, value, _Head("", "")
    return form.type, value, _read_head(value, form.type, resource, keeps)


def _read_head(
    raw: bytes, line_type: str, resource: Resource, keeps: MetadataFilter | None
) -> _Head:
    """Return the head of an object, from the whole Event where it is one."""
    if line_type not in _CHANGES:
        head = decode_version_of(raw)
        return _Head(head.metadata.resource_version, head.kind)
    is_detailed = keeps is not None and keeps.is_detailed
    event = _read_event(raw) if resource.is_events and not is_detailed else None
    if event is not None:
        known = None if keeps is None else identity(event.metadata)
        return _Head(event.metadata.resource_version, event.kind, known, event)
    if keeps is not None:
        known, kind = keeps.read_head(raw)
        return _Head(known.version, kind, known)
    head = decode_version_of(raw)
    return _Head(head.metadata.resource_version, head.kind)


def _read_event(raw: bytes) -> KubernetesEvent | None:
    """Return an Event; None: its conversion will say why it is none."""
    try:
        return decode_event(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def is_for_later(line: bytes) -> bool:
    """Return whether a skipped line is of a type that later servers may have."""
    try:
        return decode_line(line).type not in {*_CHANGES, "BOOKMARK"}
    except msgspec.DecodeError:
        return False


def ends_initial(line: bytes) -> bool:
    """Return whether a bookmark ends the initial events of a watch (KEP-3157)."""
    annotations = decode_annotated(decode_line(line).object).metadata.annotations
    return (annotations or {}).get("k8s.io/initial-events-end") == "true"


class ListedObject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An object of a list.

    Attributes:
        object: The object as raw JSON, kind and apiVersion included.
        known: Which one it is.
        event: The object decoded, if it is a Kubernetes Event; None: not yet.
    """

    object: bytes
    known: ObjectMeta
    event: KubernetesEvent | None = None

    @property
    def version(self) -> str:
        """Return its resourceVersion."""
        return self.known.version

    @property
    def key(self) -> bytes:
        """Return the sort key of lists: ``namespace/name``, compared as bytes."""
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
    # As a watch brings them, in the order in which the API server writes them, so that
    # a list and a watch give the same event.
    head = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'.encode()
    for position, item in enumerate(items):
        try:
            found = _read_head(item, "ADDED", resource, keeps)
        except msgspec.DecodeError as error:
            raise _no_object(doing, position, error) from error
        if found.known is None or not is_version(found.version):
            raise _no_object(doing, position, "no resourceVersion")
        check_kind(found.kind, resource=resource, doing=doing)
        yield ListedObject(
            object=item if found.kind else head + item[1:],
            known=found.known,
            event=found.event,
        )


def _no_object(doing: str, position: int, got: object) -> UnreadableError:
    return UnreadableError(
        f"{doing}: items[{position}]: expected an object with metadata, got {got}"
    )


def minimal_object(known: ObjectMeta, *, resource: Resource) -> bytes:
    """Return what is known of an object that was deleted unseen, as JSON."""
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
    """Return an object with the version of its deletion, as a watch brings it."""
    members = decode_raw_members(value)
    metadata = decode_raw_members(members["metadata"])
    metadata["resourceVersion"] = msgspec.Raw(msgspec.json.encode(version))
    members["metadata"] = msgspec.Raw(msgspec.json.encode(metadata))
    return msgspec.json.encode(members)
