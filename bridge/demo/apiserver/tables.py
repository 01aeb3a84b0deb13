"""Kubernetes Events as rows for ``kubectl get`` (API concepts, "Table responses").

Only Events need it: what has no table, kubectl prints as names and ages by itself.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bridge.demo.apiserver.resources import EVENTS, ServedResource

_COLUMNS = ("Last Seen", "Type", "Reason", "Object", "Message")


def has_table(resource: ServedResource, accept: str) -> bool:
    """Tell whether a client that accepts this is to get a table."""
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
