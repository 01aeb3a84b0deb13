"""Refusals as Kubernetes Status objects (API concepts, "Response status kind")."""

from collections.abc import Mapping
from typing import Any

import msgspec

REASONS: Mapping[int, str] = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    500: "InternalError",
    504: "Timeout",
}

_CAUSES = {
    "Required": "FieldValueRequired",
    "Invalid": "FieldValueInvalid",
    "Forbidden:": "FieldValueForbidden",
    "Unsupported": "FieldValueNotSupported",
}
"""By the first word of a message about a field: the word for programs."""


class StatusError(Exception):
    """A request is refused; ``body`` is what the client gets."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        reason: str | None = None,
        details: Mapping[str, Any] | None = None,
        continue_token: str | None = None,
    ) -> None:
        """Describe the refusal.

        Args:
            code: the HTTP status.
            message: the sentence a person reads.
            reason: the word a program reads; ``None`` means the usual one of the code.
            details: name, kind, causes and so on.
            continue_token: how a list may go on, inconsistently (410 only).
        """
        super().__init__(message)
        self.code = code
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": continue_token} if continue_token else {},
            "status": "Failure",
            "message": message,
            "reason": reason or REASONS[code],
            **({"details": dict(details)} if details else {}),
            "code": code,
        }

    @property
    def body(self) -> bytes:
        """The Status object as JSON."""
        return msgspec.json.encode(self.status)


def success(details: Mapping[str, Any]) -> bytes:
    """Return the Status that answers a completed delete."""
    return msgspec.json.encode(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": dict(details),
        }
    )


def invalid(kind: str, name: str, causes: Mapping[str, str]) -> StatusError:
    """Return the refusal (422) of wrong fields: a message for each of them."""
    text = ", ".join(f"{field}: {message}" for field, message in causes.items())
    listed = [
        {"reason": _CAUSES[message.split()[0]], "message": message, "field": field}
        for field, message in causes.items()
    ]
    return StatusError(
        422,
        f'{kind} "{name}" is invalid: {text}',
        details={"name": name, "kind": kind, "causes": listed},
    )
