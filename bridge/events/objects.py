"""Decodes the fields of an object that conversion needs, and makes its payload."""

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct, field

from bridge.cluster.kubernetes_event import EventMetadata, KubernetesEvent
from bridge.errors import InvalidEventError
from bridge.events.validation import NOT_JSON

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""Annotation in which kubectl keeps a copy of the object."""

_MANAGED_FIELDS = b',"managedFields":'


class Write(Struct, gc=False):
    """The time of the last write of one manager (v1 ManagedFieldsEntry)."""

    time: str | None = None


class Metadata(EventMetadata, rename="camel", gc=False):
    """Which object it is (v1 ObjectMeta)."""

    @property
    def written(self) -> str | None:
        """The time of the last write, RFC 3339; None: unknown."""
        times = [write.time for write in _read_writes(self.managed_fields)]
        return max(filter(None, times), default=self.creation_timestamp)


class PlainObject(Struct, gc=False):
    """Any object."""

    metadata: Metadata

    @property
    def node(self) -> str:
        """Name of the node it runs on; empty: none."""
        return ""


class PodSpec(Struct, rename="camel", gc=False):
    """Where a Pod runs."""

    node_name: str = ""


class Pod(PlainObject, gc=False):
    """A Pod."""

    spec: PodSpec = field(default_factory=PodSpec)

    @property
    def node(self) -> str:
        """Name of the node it runs on; empty: not scheduled yet."""
        return self.spec.node_name


read_pod = msgspec.json.Decoder(Pod).decode
read_object = msgspec.json.Decoder(PlainObject).decode


class _Labels(Struct, gc=False):
    labels: dict[str, str] | None = None


class _Labelled(Struct, gc=False):
    metadata: _Labels


_read_labels = msgspec.json.Decoder(_Labelled).decode
_members_if_any = msgspec.json.Decoder(dict[str, Raw] | None).decode
_read_writes = msgspec.json.Decoder(list[Write]).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.Encoder().encode


def payload(raw: bytes, *, kind: str, api_version: str) -> bytes:
    """Return the object as the API server sent it, without fields for machines only.

    `managedFields` and kubectl's last-applied annotation go; everything else keeps its
    bytes and its order. Items of a list lack kind and apiVersion where a watch sends
    them first: they are put there, so that one revision gives the same bytes however
    it was read.

    Args:
        raw: The object, already known to have metadata.
        kind: What a list item is.
        api_version: What a list item is.
    """
    members = _members(raw)
    metadata = shown_metadata(members["metadata"])
    members["metadata"] = Raw(_encode(metadata))
    if "kind" in members and "apiVersion" in members:
        return _encode(members)
    return _encode({"kind": kind, "apiVersion": api_version, **members})


def shown_metadata(raw: Raw) -> dict[str, Raw]:
    """Return the members of metadata, without fields for machines only."""
    metadata = _members(raw)
    metadata.pop("managedFields", None)
    annotations = metadata.get("annotations")
    if annotations is not None and LAST_APPLIED.encode() in bytes(annotations):
        metadata["annotations"] = _without_last_applied(annotations)
    return metadata


def event_payload(raw: bytes, event: KubernetesEvent, *, api_version: str) -> bytes:
    """Return the `payload` of a Kubernetes Event, in a quarter of the time.

    Nothing in front of its managedFields can look like them: what an API server writes
    there is text, or an object without such a member. So they can be cut out.

    Args:
        raw: The Event.
        event: The Event, decoded.
        api_version: What a list item is.
    """
    fields = bytes(event.metadata.managed_fields)
    start = raw.find(_MANAGED_FIELDS)
    value = start + len(_MANAGED_FIELDS)
    if start < 0 or event.metadata.annotations or not raw.startswith(fields, value):
        return payload(raw, kind="Event", api_version=api_version)
    lean = raw[:start] + raw[value + len(fields) :]
    if lean.startswith(b'{"metadata":'):
        head = b'{"kind":"Event","apiVersion":"%b",' % api_version.encode()
        return head + lean[1:]
    return lean


def enriched(payload: bytes, members: Mapping[str, object]) -> bytes:
    """Return a Kubernetes Event that says more of the object it is about.

    Args:
        payload: The Event.
        members: What involvedObject, or regarding, gets beside what it has.
    """
    found = _members(payload)
    for name in ("involvedObject", "regarding"):
        if about := _members_if_any(found.get(name, b"null")):
            found[name] = Raw(_encode({**about, **members}))
    return _encode(found)


def labels_of(raw: bytes) -> dict[str, str]:
    """Return the labels of an object; its other fields stay unread.

    Raises:
        InvalidEventError: It is not JSON, has no metadata, or labels that are not text.
    """
    try:
        return _read_labels(raw).metadata.labels or {}
    except NOT_JSON as error:
        raise InvalidEventError(f"labels: {error}") from error


def _without_last_applied(annotations: Raw) -> Raw:
    members = _members(annotations)
    members.pop(LAST_APPLIED, None)
    return Raw(_encode(members))
