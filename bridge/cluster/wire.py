"""The forms on the wire, decoded no further than they are needed (msgspec).

Objects stay raw bytes: a typed model costs 57 to 64 times as much and refuses valid
Events (null eventTime).
"""

import msgspec


class ListMetadata(msgspec.Struct, rename="camel", gc=False):
    """`metadata` of a list (Kubernetes API conventions, Lists)."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")
    remaining_item_count: int | None = None


class ListForm(msgspec.Struct, gc=False):
    """A list, its objects raw; Go writes a nil slice as null."""

    metadata: ListMetadata
    items: list[msgspec.Raw] | None = None


class Metadata(msgspec.Struct, rename="camel", gc=False):
    """What is read of an object's `metadata`."""

    resource_version: str
    name: str = ""
    namespace: str = ""
    uid: str = ""


class HeadForm(msgspec.Struct, gc=False):
    """The beginning of an object; lists of built-in kinds leave its kind out."""

    metadata: Metadata
    kind: str = ""


class OwnerForm(msgspec.Struct, rename="camel", gc=False):
    """One of `metadata.ownerReferences` (v1 OwnerReference)."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class DetailedMetadata(Metadata, gc=False):
    """What is read of `metadata` where more than identity is remembered."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerForm] | None = None


class DetailedHeadForm(msgspec.Struct, gc=False):
    """As `HeadForm`, with detailed metadata."""

    metadata: DetailedMetadata
    kind: str = ""


class VersionedMetadata(msgspec.Struct, rename="camel", gc=False):
    """What is read of `metadata` in a watch line, where each field costs time."""

    resource_version: str


class VersionedForm(msgspec.Struct, gc=False):
    """An object of which only its version is read."""

    metadata: VersionedMetadata


class AnnotatedMetadata(msgspec.Struct, gc=False):
    """What is read of `metadata` in a bookmark."""

    annotations: dict[str, str] | None = None


class AnnotatedForm(msgspec.Struct, gc=False):
    """A bookmark's object."""

    metadata: AnnotatedMetadata


class LineForm(msgspec.Struct, gc=False):
    """One line of a watch (Kubernetes API concepts, WatchEvent)."""

    type: str
    object: msgspec.Raw


class StatusCause(msgspec.Struct, gc=False):
    """One of `details.causes` of a Status."""

    reason: str | None = None


class StatusDetails(msgspec.Struct, rename="camel", gc=False):
    """`details` of a Status."""

    retry_after_seconds: float | None = None
    causes: list[StatusCause] | None = None


class StatusForm(msgspec.Struct, gc=False):
    """A Status, as bodies of failed requests and ERROR lines carry it."""

    message: str | None = None
    reason: str | None = None
    code: int | None = None
    details: StatusDetails | None = None


class ServerVersionForm(msgspec.Struct, rename="camel", gc=False):
    """The answer of ``/version``."""

    git_version: str


decode_list = msgspec.json.Decoder(ListForm).decode
decode_head = msgspec.json.Decoder(HeadForm).decode
decode_detailed_head = msgspec.json.Decoder(DetailedHeadForm).decode
decode_version_of = msgspec.json.Decoder(VersionedForm).decode
decode_annotated = msgspec.json.Decoder(AnnotatedForm).decode
decode_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
decode_line = msgspec.json.Decoder(LineForm).decode
decode_status = msgspec.json.Decoder(StatusForm).decode
decode_server_version = msgspec.json.Decoder(ServerVersionForm).decode
