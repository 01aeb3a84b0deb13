"""Whether an answer in good order is what was asked for.

Status 200 says little: a proxy, a server that starts up or another program may answer
with a Status, with ``{}`` or with other objects. Taken for a list, any of them would be
an empty cluster, and everything that is known would be announced as deleted.
"""

import msgspec

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.versions import is_version
from bridge.cluster.wire import ListForm, decode_kind, decode_list
from bridge.errors import UnreadableError

METADATA = "PartialObjectMetadata"
"""What an object is called of which only the metadata was asked for."""

_TEXT_LIMIT = 64


def read_list(body: bytes, *, resource: Resource, doing: str) -> ListForm:
    """Return a list of objects of a resource, or of their metadata.

    Args:
        body: The answer.
        resource: What was listed.
        doing: What was tried.

    Raises:
        UnreadableError: It is no list, one of something else, or one without a version.
    """
    try:
        form = decode_list(body)
    except msgspec.DecodeError as error:
        expected = f"a {resource.kind}List with metadata and items"
        raise unexpected(body, doing=doing, expected=expected) from error
    if not _is_list_of(form, resource):
        raise unexpected(body, doing=doing, expected=f"a {resource.kind}List")
    version = form.metadata.resource_version
    if not is_version(version):
        raise UnreadableError(
            f"{doing}: expected a list with a resourceVersion, got {_shown(version)}"
        )
    return form


def _is_list_of(form: ListForm, resource: Resource) -> bool:
    if form.kind in {f"{resource.kind}List", f"{METADATA}List"}:
        return True
    # A CustomResourceDefinition may call its lists as it likes (names.listKind), and
    # discovery does not say how.
    is_builtin = (resource.group, resource.kind) in BUILTIN
    is_other = form.kind in {"", "Status", resource.kind}
    return not is_builtin and not is_other and form.api_version == resource.api_version


def check_kind(kind: str, *, resource: Resource, doing: str) -> None:
    """Refuse an object of another kind; lists of built-in kinds leave it out.

    Raises:
        UnreadableError: It says that it is something else.
    """
    if kind and kind not in {resource.kind, METADATA}:
        raise UnreadableError(
            f"{doing}: expected objects of kind {resource.kind}, got {_shown(kind)}"
        )


def check_answer(body: bytes, *, kind: str, doing: str) -> None:
    """Refuse a document of another kind.

    Raises:
        UnreadableError: It is no JSON, or of another kind.
    """
    if _kind_of(body) != kind:
        raise unexpected(body, doing=doing, expected=f"a {kind}")


def unexpected(body: bytes, *, doing: str, expected: str) -> UnreadableError:
    """Return the error that says what came instead; nothing else of it is quoted."""
    kind = _kind_of(body)
    if kind is None:
        got = f"{len(body)} bytes that are no JSON object"
    else:
        got = f"kind {_shown(kind)}" if kind else "an object without a kind"
    return UnreadableError(f"{doing}: expected {expected}, got {got}")


def _kind_of(body: bytes) -> str | None:
    try:
        return decode_kind(body).kind
    except msgspec.DecodeError:
        return None


def _shown(text: str) -> str:
    return ascii(text[:_TEXT_LIMIT]) if text else "none"
