"""Decode the forms on the wire no further than they are needed (msgspec).

Objects stay raw bytes: a typed model costs 57 to 64 times as much and refuses valid
Events (null eventTime).

However deep an object is nested, its head and its line are read: one tenant's object
never ends the reading of all others.
"""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import msgspec

from bridge.text.nesting import fold

T = TypeVar("T")
V = TypeVar("V")

_HEAD_DEPTH = 8
"""Nothing that is read of an object, other than its raw bytes, lies deeper."""


class ListMetadata(msgspec.Struct, rename="camel", gc=False):
    """`metadata` of a list (Kubernetes API conventions, Lists)."""

    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class ListForm(msgspec.Struct, rename="camel", gc=False):
    """A list, its objects raw; Go writes a nil slice as null."""

    metadata: ListMetadata
    items: list[msgspec.Raw] | None
    kind: str
    api_version: str = ""


class KindForm(msgspec.Struct, gc=False):
    """The kind of any document."""

    kind: str = ""


class MetadataForm(msgspec.Struct, rename="camel", gc=False):
    """The part of an object's `metadata` that is read."""

    resource_version: str
    name: str = ""
    namespace: str = ""
    uid: str = ""


class HeadForm(msgspec.Struct, gc=False):
    """The beginning of an object; lists of built-in kinds leave its kind out."""

    metadata: MetadataForm
    kind: str = ""


class OwnerForm(msgspec.Struct, rename="camel", gc=False):
    """One of `metadata.ownerReferences` (v1 OwnerReference)."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class DetailedMetadata(MetadataForm, gc=False):
    """The part of `metadata` that is read where more than identity is kept."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerForm] | None = None


class DetailedHeadForm(msgspec.Struct, gc=False):
    """As `HeadForm`, with detailed metadata."""

    metadata: DetailedMetadata
    kind: str = ""


class VersionedMetadata(msgspec.Struct, rename="camel", gc=False):
    """The part of `metadata` that is read in a watch line: each field costs time."""

    resource_version: str


class VersionedForm(msgspec.Struct, gc=False):
    """An object of which only its version and its kind are read."""

    metadata: VersionedMetadata
    kind: str = ""


class AnnotatedMetadata(msgspec.Struct, gc=False):
    """The part of `metadata` that is read in a bookmark."""

    annotations: dict[str, str] | None = None


class AnnotatedForm(msgspec.Struct, gc=False):
    """A bookmark's object."""

    metadata: AnnotatedMetadata


class LineForm(msgspec.Struct, gc=False):
    """A line of a watch (Kubernetes API concepts, WatchEvent)."""

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
    details: msgspec.Raw = msgspec.Raw(b"{}")


class ServerVersionForm(msgspec.Struct, rename="camel", gc=False):
    """The answer of ``/version``."""

    git_version: str


class _FoldedList(msgspec.Struct, rename="camel", gc=False):
    """As `ListForm`, with the places of its objects among what was put aside."""

    metadata: ListMetadata
    items: list[tuple[int]] | None
    kind: str
    api_version: str = ""


class _FoldedLine(msgspec.Struct, gc=False):
    """As `LineForm`, with the place of its object among what was put aside."""

    type: str
    object: tuple[int]


def _of_utf8(decode: Callable[[V], T]) -> Callable[[V], T]:
    """Return a decoder that raises `msgspec.DecodeError` for other bytes than UTF-8.

    msgspec itself has `UnicodeDecodeError` for those, which is none of its own kinds.
    """

    @wraps(decode)
    def read(value: V) -> T:
        try:
            return decode(value)
        except UnicodeDecodeError as error:
            problem = f"expected UTF-8, got something else at byte {error.start}"
            raise msgspec.DecodeError(problem) from error

    return read


def reading(form: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """Return a decoder of a form that lies in the uppermost levels of its JSON.

    It raises `msgspec.DecodeError`, however deep the rest is nested.
    """
    decode = msgspec.json.Decoder(form).decode
    decode_strictly = _of_utf8(decode)

    def read(value: bytes | msgspec.Raw) -> T:
        try:
            return decode(value)
        except UnicodeDecodeError:
            return decode_strictly(value)
        except RecursionError:
            return decode_strictly(fold(bytes(value), depth=_HEAD_DEPTH).text)

    return read


_decode_list = msgspec.json.Decoder(ListForm).decode
_decode_folded_list = msgspec.json.Decoder(_FoldedList).decode
_decode_line = msgspec.json.Decoder(LineForm).decode
_decode_folded_line = msgspec.json.Decoder(_FoldedLine).decode
_decode_raw_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@_of_utf8
def decode_list(value: bytes) -> ListForm:
    """Return a list; raises `msgspec.DecodeError` if it is none."""
    try:
        return _decode_list(value)
    except RecursionError:
        text, parts = fold(value, depth=2)
        folded = _decode_folded_list(text)
    items = folded.items
    return ListForm(
        metadata=folded.metadata,
        items=None if items is None else [msgspec.Raw(parts[at]) for (at,) in items],
        kind=folded.kind,
        api_version=folded.api_version,
    )


@_of_utf8
def decode_line(value: bytes) -> LineForm:
    """Return a line of a watch; raises `msgspec.DecodeError` if it is none."""
    try:
        return _decode_line(value)
    except RecursionError:
        text, parts = fold(value, depth=1)
        folded = _decode_folded_line(text)
    return LineForm(type=folded.type, object=msgspec.Raw(parts[folded.object[0]]))


@_of_utf8
def decode_raw_members(value: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """Return the members of an object, raw; raises `msgspec.DecodeError`."""
    try:
        return _decode_raw_members(value)
    except RecursionError:
        text, parts = fold(bytes(value), depth=1)
    return {name: _whole(raw, parts) for name, raw in _decode_raw_members(text).items()}


def _whole(raw: msgspec.Raw, parts: list[bytes]) -> msgspec.Raw:
    value = bytes(raw)
    return msgspec.Raw(parts[int(value[1:-1])]) if value.startswith(b"[") else raw


decode_kind = reading(KindForm)
decode_head = reading(HeadForm)
decode_detailed_head = reading(DetailedHeadForm)
decode_version_of = reading(VersionedForm)
decode_annotated = reading(AnnotatedForm)
decode_status = reading(StatusForm)
decode_details = reading(StatusDetails)
decode_server_version = reading(ServerVersionForm)
