"""Check the form of an answer, and make an error of a Status.

Status 200 says little: a proxy, a server that starts up or another program may answer
with a Status, with ``{}`` or with other objects. Taken for a list, any of them would be
an empty cluster, and everything that is known would be announced as deleted.
"""

import math

import msgspec

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.versions import is_version
from bridge.cluster.wire import (
    ListForm,
    StatusDetails,
    StatusForm,
    decode_details,
    decode_kind,
    decode_list,
    decode_status,
)
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    ForbiddenError,
    FutureVersionError,
    NotServedError,
    ThrottledError,
    UnauthorizedError,
    UnreadableError,
)

METADATA = "PartialObjectMetadata"
"""Kind of an object of which only the metadata was asked for."""

_KIND_LIMIT = 64
_TEXT_LIMIT = 256


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
    """Return the error for another document; only the kind of it is quoted."""
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
    return ascii(text[:_KIND_LIMIT]) if text else "none"


RETRY_AFTER_LIMIT_SECONDS = 300.0
"""The longest wait that an API server may ask for: usual are seconds. A proxy, or a
mistake, that asks for a year would stop the reading for a year."""

_CODES = range(100, 600)
_ERRORS: dict[int, type[ApiStatusError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotServedError,
    405: NotServedError,
    410: ExpiredError,
    429: ThrottledError,
}


def status_error(
    body: bytes, *, doing: str, status: int = 0, retry_after: str = ""
) -> ApiStatusError:
    """Return the error of a failed request, or of an ERROR line.

    The server's own sentence is kept, cut at 256 characters: that of a 403 names
    verb, resource and namespace.

    Args:
        body: A Status; anything else counts as an empty one.
        doing: What was tried, e.g. ``list events in namespace shop``.
        status: The HTTP status; 0: the body alone tells.
        retry_after: The header of that name; empty: there was none.
    """
    form = _read_status(body)
    details = _read_details(form)
    told = form.code if form.code in _CODES else 0
    code = status or told or _code_of(form.reason) or 500
    kind = FutureVersionError if _is_too_large(form, details) else _ERRORS.get(code)
    text = form.message or form.reason or "no Status in the answer"
    return (kind or ApiStatusError)(
        f"{doing}: {code}: {text[:_TEXT_LIMIT]}",
        status=code,
        reason=form.reason or "",
        retry_after_seconds=_retry_after_seconds(details, retry_after),
    )


def _read_status(body: bytes) -> StatusForm:
    try:
        return decode_status(body)
    except msgspec.DecodeError:
        return StatusForm()


def _read_details(form: StatusForm) -> StatusDetails:
    """Return the details; empty where they are malformed."""
    try:
        return decode_details(form.details)
    except msgspec.DecodeError:
        return StatusDetails()


def _code_of(reason: str | None) -> int:
    # ERROR lines may come without a code; "Gone" is what older servers said.
    return 410 if reason in {"Expired", "Gone"} else 0


def _is_too_large(form: StatusForm, details: StatusDetails) -> bool:
    # Kubernetes API concepts, Unavailable resource versions; etcd's own refusal of a
    # future revision comes without the cause.
    causes = details.causes or []
    return any(cause.reason == "ResourceVersionTooLarge" for cause in causes) or (
        "Too large resource version" in (form.message or "")
    )


def _retry_after_seconds(details: StatusDetails, header: str) -> float | None:
    """Return for how long to wait; None: not given, or not a number of seconds.

    The other form of the header, a date, is none of Kubernetes.
    """
    asked = details.retry_after_seconds
    if header.isdecimal() and header.isascii():
        asked = float(header)
    if asked is None or not math.isfinite(asked) or asked < 0:
        return None
    return min(asked, RETRY_AFTER_LIMIT_SECONDS)
