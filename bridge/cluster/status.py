"""An answer that is not success → the error that names it."""

import msgspec

from bridge.cluster.wire import StatusDetails, StatusForm, decode_status
from bridge.errors import (
    ApiStatusError,
    ExpiredError,
    ForbiddenError,
    FutureVersionError,
    NotServedError,
    ThrottledError,
    UnauthorizedError,
)

_TEXT_LIMIT = 256
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
    code = status or form.code or _code_of(form.reason) or 500
    kind = FutureVersionError if _is_too_large(form) else _ERRORS.get(code)
    text = form.message or form.reason or "no Status in the answer"
    return (kind or ApiStatusError)(
        f"{doing}: {code}: {text[:_TEXT_LIMIT]}",
        status=code,
        reason=form.reason or "",
        retry_after_seconds=_retry_after_seconds(form, retry_after),
    )


def _read_status(body: bytes) -> StatusForm:
    try:
        return decode_status(body)
    except msgspec.DecodeError:
        return StatusForm()


def _code_of(reason: str | None) -> int:
    # ERROR lines may come without a code; "Gone" is what older servers said.
    return 410 if reason in {"Expired", "Gone"} else 0


def _is_too_large(form: StatusForm) -> bool:
    # Kubernetes API concepts, Unavailable resource versions; etcd's own refusal of a
    # future revision comes without the cause.
    causes = (form.details or StatusDetails()).causes or []
    return any(cause.reason == "ResourceVersionTooLarge" for cause in causes) or (
        "Too large resource version" in (form.message or "")
    )


def _retry_after_seconds(form: StatusForm, header: str) -> float | None:
    if header.isdecimal():
        return float(header)
    return form.details.retry_after_seconds if form.details else None
