"""Nothing secret of a Secret leaves the process, nor is it kept.

Only what is known to be harmless stays: which Secret it is, its type, and the names of
its keys. Values become ``**redacted**``. kubectl's last-applied annotation has them
too and goes; so may other tools' annotations, so that those which are long or have a
``{`` in them lose their text as well.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

from bridge.cluster import Resource
from bridge.events.objects import LAST_APPLIED
from bridge.events.validation import NOT_JSON

REDACTED: Final = "**redacted**"
"""Stands in the place of each value; it is no base64, so nobody can take it for one."""

_SHOWN: Final = frozenset({"apiVersion", "kind", "metadata", "type", "immutable"})

_LONGEST_ANNOTATION: Final = 128
"""No copy of a Secret is shorter, not even a compressed one; most other texts are."""

_members = msgspec.json.Decoder(dict[str, Raw]).decode
_texts = msgspec.json.Decoder(dict[str, str] | None).decode
_encode = msgspec.json.Encoder().encode


def is_secret(resource: Resource) -> bool:
    """Return whether these objects are Secrets (core/v1)."""
    named = resource.kind == "Secret" or resource.plural == "secrets"
    return named and not resource.group


def redacted(raw: bytes) -> bytes:
    """Return a Secret without its values; of what cannot be read, no bytes at all.

    What was redacted once stays as it is.
    """
    try:
        members: dict[str, Any] = _members(raw)
        for name in members.keys() - _SHOWN:
            members[name] = _without_values(members[name])
        members["metadata"] = _metadata(members["metadata"])
    except (*NOT_JSON, KeyError):
        return b""
    return _encode(members)


def _without_values(value: Raw) -> dict[str, str] | str:
    try:
        return dict.fromkeys(_members(value), REDACTED)
    except msgspec.ValidationError:  # not an object
        return REDACTED


def _metadata(raw: Raw) -> dict[str, Any]:
    metadata: dict[str, Any] = _members(raw)
    if annotations := _texts(metadata.get("annotations", b"null")):
        annotations.pop(LAST_APPLIED, None)
        metadata["annotations"] = {
            name: REDACTED if _may_hold_a_copy(text) else text
            for name, text in annotations.items()
        }
    return metadata


def _may_hold_a_copy(text: str) -> bool:
    return len(text) > _LONGEST_ANNOTATION or "{" in text
