"""What a watch line or a listed object says."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from bridge.cluster import Bookmark, Change, Resource
from bridge.cluster.status import status_error
from bridge.cluster.wire import HeadForm, decode_head, decode_line, decode_version_of
from bridge.errors import UnreadableError

_CHANGES: dict[str, Literal["added", "modified", "deleted"]] = {
    "ADDED": "added",
    "MODIFIED": "modified",
    "DELETED": "deleted",
}


def read_line(line: bytes, *, resource: Resource) -> Change | Bookmark | None:
    """Return what one line of a watch says; None: nothing that is understood.

    Raises:
        UnreadableError: It is not JSON.
        ApiStatusError: It is an ERROR line; see `status_error`.
    """
    try:
        form = decode_line(line)
        if form.type == "ERROR":
            raise status_error(bytes(form.object), doing=f"watch {resource.name}")
        version = decode_version_of(form.object).metadata.resource_version
    except msgspec.ValidationError:
        return None  # JSON, but not as we know it: later servers may say more
    except msgspec.DecodeError as error:
        raise UnreadableError(
            f"watch {resource.name}: expected lines of JSON, got {len(line)} bytes"
        ) from error
    change = _CHANGES.get(form.type)
    if change is not None:
        return Change(
            change=change,
            resource=resource,
            object=bytes(form.object),
            resource_version=version,
        )
    return Bookmark(resource_version=version) if form.type == "BOOKMARK" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One object of a list, with what decides whether it is wanted.

    Attributes:
        object: The object as raw JSON, kind and apiVersion included.
        version: Its resourceVersion.
        key: What lists are sorted by: ``namespace/name``, compared as bytes.
    """

    object: bytes
    version: str
    key: bytes


def read_listed(items: Sequence[bytes], *, resource: Resource) -> Iterator[Listed]:
    """Yield the objects of a page; those without a readable version are left out."""
    for item in items:
        try:
            head = decode_head(item)
        except msgspec.DecodeError:
            continue
        metadata = head.metadata
        yield Listed(
            object=_complete(item, head, resource),
            version=metadata.resource_version,
            key=f"{metadata.namespace}/{metadata.name}".encode(),
        )


def _complete(item: bytes, head: HeadForm, resource: Resource) -> bytes:
    """Return the object as a watch would bring it, so that both give the same event."""
    if head.kind:
        return item
    # In the order in which the API server writes them.
    kind = f'{{"kind":"{resource.kind}","apiVersion":"{resource.api_version}",'
    return kind.encode() + item.lstrip()[1:]
