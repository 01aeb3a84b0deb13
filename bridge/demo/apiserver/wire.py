"""Stored bodies as clients get them: typed objects, lists, watch lines.

Everything here joins bytes; only the second form of Events needs decoding, and what
wants nothing but metadata.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bridge.demo.apiserver.event_forms import from_core
from bridge.demo.apiserver.resources import EVENTS, ServedResource
from bridge.demo.apiserver.status import StatusError

METADATA = ServedResource(
    group="meta.k8s.io",
    version="v1",
    plural="",
    kind="PartialObjectMetadata",
    table="",
    custom=True,
)
"""What each object is to those who want to know its metadata only."""

_COLUMNS = ("Last Seen", "Type", "Reason", "Object", "Message")
"""Of the table in which ``kubectl get`` prints Events; other kinds need none."""

_AS_METADATA = re.compile(r"as=PartialObjectMetadata(List)?\b")


class _Body(msgspec.Struct):
    """A stored body, as far as it is metadata."""

    metadata: msgspec.Raw


def accepted(
    resource: ServedResource, accept: str, *, as_list: bool
) -> ServedResource | None:
    """Return what objects are to a client: what they are, or metadata only.

    ``None``: it wants the form of one object for a list, or the other way round.
    """
    found = _AS_METADATA.search(accept)
    if not found:
        return resource
    return METADATA if bool(found[1]) == as_list else None


def typed(resource: ServedResource, body: bytes) -> bytes:
    """Return a stored body with kind and API version, as one served object."""
    return resource.opening + _in_form(resource, body)[1:]


def list_document(
    resource: ServedResource, bodies: Iterable[bytes], *, revision: int, token: str
) -> bytes:
    """Return one page of a list; ``token`` is empty on the last one."""
    metadata = {"resourceVersion": str(revision)}
    if token:
        metadata["continue"] = token
    # Items of built-in resources come without kind and API version, custom ones with.
    item = typed if resource.custom else _in_form
    return b'{"kind":"%bList","apiVersion":"%b","metadata":%b,"items":[%b]}' % (
        resource.kind.encode(),
        resource.api_version.encode(),
        msgspec.json.encode(metadata),
        b",".join(item(resource, body) for body in bodies),
    )


def watch_line(change: str, served: bytes) -> bytes:
    """Return one line of a watch; ``served`` is the object as clients see it."""
    return b'{"type":"%b","object":%b}\n' % (change.encode(), served)


def bookmark_line(resource: ServedResource, revision: int, *, initial: bool) -> bytes:
    """Return a bookmark; ``initial`` marks the end of the initial events."""
    metadata: dict[str, object] = {"resourceVersion": str(revision)}
    if initial:
        metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
    body = msgspec.json.encode({"metadata": metadata})
    return watch_line("BOOKMARK", resource.opening + body[1:])


def error_line(error: StatusError) -> bytes:
    """Return the line that ends a watch with a Status."""
    return watch_line("ERROR", error.body)


def _in_form(resource: ServedResource, body: bytes) -> bytes:
    """Return a body with the field names of the resource's API group."""
    if resource is METADATA:
        body = msgspec.json.encode(msgspec.json.decode(body, type=_Body))
    if resource.table == EVENTS and resource.group:
        return msgspec.json.encode(from_core(msgspec.json.decode(body)))
    return body


def has_table(resource: ServedResource, accept: str) -> bool:
    """Return whether a client that accepts this is to get a table."""
    return resource.table == EVENTS and "as=Table" in accept


def table(bodies: Iterable[bytes], *, revision: int = 0, token: str = "") -> bytes:
    """Return stored Events as one table; revision and token as in a list."""
    metadata = {"resourceVersion": str(revision)} if revision else {}
    if token:
        metadata["continue"] = token
    return msgspec.json.encode(
        {
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": [
                {"name": name, "type": "string", "priority": 0} for name in _COLUMNS
            ],
            "rows": [_row(msgspec.json.decode(body)) for body in bodies],
        }
    )


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return one Event as a row; its metadata tells kubectl name and namespace."""
    involved = event["involvedObject"]
    return {
        "cells": [
            _age(event),
            event.get("type", ""),
            event.get("reason", ""),
            f"{involved.get('kind', '').lower()}/{involved.get('name', '')}",
            event.get("message", ""),
        ],
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": event["metadata"],
        },
    }


def _age(event: Mapping[str, Any]) -> str:
    """Return how long ago an Event was last seen, in seconds or minutes."""
    seen = event.get("lastTimestamp") or event.get("eventTime")
    if not seen:
        return "<unknown>"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(seen)).total_seconds()
    return f"{seconds:.0f}s" if seconds < 120 else f"{seconds // 60:.0f}m"
