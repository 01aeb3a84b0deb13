"""Changes to convert: recorded from a real API server, or made by hand."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from bridge.cluster import CORE_EVENTS, Change, Resource
from bridge.events import CloudEvent
from bridge.events.convert import convert
from bridge.events.origin import Origin

RECORDED = Path(__file__).parent / "recorded"
RECORDED_TIME = "2026-11-21T05:50:00.123456Z"
PROD = Origin(cluster="prod")

NEW_EVENTS = Resource(
    group="events.k8s.io",
    version="v1",
    plural="events",
    kind="Event",
    has_bookmarks=False,
)
PODS = Resource(group="", version="v1", plural="pods", kind="Pod")
NODES = Resource(group="", version="v1", plural="nodes", kind="Node", namespaced=False)
RESOURCES = {
    "events-core": CORE_EVENTS,
    "events-new": NEW_EVENTS,
    "pods": PODS,
    "nodes": NODES,
    "deployments": Resource(
        group="apps", version="v1", plural="deployments", kind="Deployment"
    ),
    "widgets": Resource(
        group="example.com", version="v1", plural="widgets", kind="Widget"
    ),
}


@cache
def listed(file: str) -> dict[str, Change]:
    """Return the changes of a recorded list, by the name of the object."""
    page = msgspec.json.decode(
        (RECORDED / f"{file}.list.json").read_bytes(), type=dict[str, msgspec.Raw]
    )
    items = msgspec.json.decode(page["items"], type=list[msgspec.Raw])
    changes = [change_of(file, "added", bytes(item), listed=True) for item in items]
    return {name_of(change): change for change in changes}


@cache
def watched(file: str, resource: str = "") -> dict[str, Change]:
    """Return the changes of a recorded watch, by the name of the object."""
    changes = []
    for line in (RECORDED / f"{file}.watch.jsonl").read_bytes().splitlines():
        envelope = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        kind = msgspec.json.decode(envelope["type"]).lower()
        changes.append(change_of(resource or file, kind, bytes(envelope["object"])))
    return {name_of(change): change for change in changes}


def change_of(file: str, kind: Any, raw: bytes, *, listed: bool = False) -> Change:
    """Return a change as the reader makes it."""
    version = json.loads(raw)["metadata"]["resourceVersion"]
    return Change(
        change=kind,
        resource=RESOURCES[file],
        object=raw,
        resource_version=version,
        listed=listed,
    )


def name_of(change: Change) -> str:
    """Return the name of a change's object."""
    return json.loads(change.object)["metadata"]["name"]


def kubernetes_event(**fields: Any) -> Change:
    """Return an added core/v1 Event; None as a value leaves the field out."""
    metadata = {"name": "web-0.1", "namespace": "shop", "uid": "u-1"}
    involved = {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "uid": "pod-1",
        "apiVersion": "v1",
    }
    body = {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {**metadata, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "involvedObject": involved,
        "reason": "BackOff",
        "type": "Warning",
        **fields,
    }
    kept = {name: value for name, value in body.items() if value is not None}
    return Change(
        change="added",
        resource=CORE_EVENTS,
        object=json.dumps(kept).encode(),
        resource_version="7",
    )


def converted(change: Change, origin: Origin = PROD) -> CloudEvent:
    """Return the event of a change."""
    return convert(change, origin=origin, recorded=RECORDED_TIME)
