"""Redacts Secrets: no value of a Secret leaves the process or is stored.

Only parts known to be harmless stay: the metadata, the type, and the names of the
keys. Values become ``**redacted**``. kubectl's last-applied annotation holds the values
too and is removed; annotations of other tools may hold them, so those that are long or
contain a ``{`` lose their text as well.
"""

from typing import Any, Final

import msgspec
from msgspec import Raw

from bridge.cluster import Resource
from bridge.events.objects import LAST_APPLIED
from bridge.events.validation import NOT_JSON

REDACTED: Final = "**redacted**"
"""Replaces each value; it is not base64, so it cannot be taken for a value."""

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
    """Return a Secret without its values; empty if the Secret cannot be read.

    A redacted Secret stays as it is.
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
