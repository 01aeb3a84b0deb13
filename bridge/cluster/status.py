"""An answer that is not success → the error that names it."""

import math

import msgspec

from bridge.cluster.wire import (
    StatusDetails,
    StatusForm,
    decode_details,
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
)

RETRY_AFTER_LIMIT_SECONDS = 300.0
"""The longest rest that an API server is given: it asks for seconds. A proxy, or a
mistake, that asks for a year would stop the reading for a year."""

_TEXT_LIMIT = 256
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
    """Return the error that a failed request, or an ERROR line, stands for.

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
    """Return the details; what is odd in them does not spoil what is said beside."""
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
    """Return the rest that is asked for; None: none, or what is no number of seconds.

    The other form of the header, a date, is none of Kubernetes.
    """
    asked = details.retry_after_seconds
    if header.isdecimal() and header.isascii():
        asked = float(header)
    if asked is None or not math.isfinite(asked) or asked < 0:
        return None
    return min(asked, RETRY_AFTER_LIMIT_SECONDS)
