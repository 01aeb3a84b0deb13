"""Answers that hold a stored event: its bytes go out as they are.

They are neither read nor written anew, which would take a multiple of their size.
"""

import msgspec
from fastapi import Response

from bridge.api.models import ApiModel
from bridge.text.nesting import is_deeper

_SHOWN_DEPTH = 200
"""Deeper nested JSON is shown as text, for many a client fails to read it."""


def spliced(shown: ApiModel, name: str, body: bytes) -> Response:
    """Return `shown` as JSON, with stored bytes as its field `name`.

    Args:
        shown: What is told beside; the field in it is left out.
        name: Of the field.
        body: JSON; anything else, and what is nested too deeply, is shown as text.
    """
    head = shown.model_dump_json(by_alias=True, exclude={name}).encode()
    content = b'%s,"%s":%s}' % (head[:-1], name.encode(), _as_json(body))
    return Response(content, media_type="application/json")


def _as_json(body: bytes) -> bytes:
    if is_deeper(body, than=_SHOWN_DEPTH):
        return _as_text(body)
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
        body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _as_text(body)
    return body


def _as_text(body: bytes) -> bytes:
    return msgspec.json.encode(body.decode(errors="replace"))
