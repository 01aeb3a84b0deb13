"""Choose stored objects by label and field selectors.

Kubernetes API concepts, "Labels and Selectors" and "Field Selectors". Label selectors
are those of the bridge's own filters.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bridge.demo.apiserver.resources import EVENTS, ServedResource
from bridge.demo.apiserver.status import StatusError
from bridge.errors import FilterError
from bridge.filters.labels import compile_labels

Values = Mapping[str, str]
Requirement = Callable[[Values], bool]
Selector = Callable[[bytes], bool]

_EQUALITY = re.compile(r"^([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)$")

_REFERENCE = (
    *("kind", "namespace", "name", "uid"),
    *("apiVersion", "resourceVersion", "fieldPath"),
)
_EVENT_FIELDS: Mapping[str, Mapping[str, str]] = {
    # By API group: the field's name there, and its name in core/v1.
    "": {f"involvedObject.{part}": f"involvedObject.{part}" for part in _REFERENCE}
    | {name: name for name in ("reason", "reportingComponent", "source", "type")},
    "events.k8s.io": {
        f"regarding.{part}": f"involvedObject.{part}" for part in _REFERENCE
    }
    | {"reportingController": "reportingComponent", "reason": "reason", "type": "type"},
}


def selector(resource: ServedResource, *, labels: str, fields: str) -> Selector | None:
    """Return a function that chooses stored bodies, ``None`` if all are chosen.

    Raises:
        StatusError: 400, a selector cannot be parsed or a field is not supported.
    """
    try:
        selects = compile_labels(labels)
    except FilterError as error:
        raise StatusError(400, f"unable to parse requirement: {error}") from None
    parts = fields.split(",") if fields.strip() else []
    wanted_fields = [_field_requirement(resource, part.strip()) for part in parts]
    if not labels.strip() and not wanted_fields:
        return None

    def chooses(body: bytes) -> bool:
        value = msgspec.json.decode(body)
        labels_of = value["metadata"].get("labels") or {}
        fields_of = _fields(resource, value) if wanted_fields else {}
        return selects(labels_of) and all(wants(fields_of) for wants in wanted_fields)

    return chooses


def _field_requirement(resource: ServedResource, text: str) -> Requirement:
    """Return what one part of a field selector asks for."""
    found = _EQUALITY.match(text)
    if not found:
        raise StatusError(400, f"invalid selector: {text!r}; can't understand {text!r}")
    name, operator, value = found.groups()
    known = {
        "metadata.name": "metadata.name",
        "metadata.namespace": "metadata.namespace",
    }
    if resource.table == EVENTS:
        known |= _EVENT_FIELDS[resource.group]
    if name not in known:
        raise StatusError(400, f"field label not supported: {name}")
    key = known[name]
    return lambda of: (of.get(key) == value) == (operator != "!=")


def _fields(resource: ServedResource, value: Mapping[str, Any]) -> Values:
    """Return the fields of a stored object that a selector may name."""
    metadata = value["metadata"]
    fields = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata.get("namespace", ""),
    }
    return fields | (_event_fields(value) if resource.table == EVENTS else {})


def _event_fields(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of an Event, an absent one being empty."""
    reporter = value.get("reportingComponent", "")
    involved = value.get("involvedObject") or {}
    return {
        **{f"involvedObject.{part}": involved.get(part, "") for part in _REFERENCE},
        "reason": value.get("reason", ""),
        "type": value.get("type", ""),
        "reportingComponent": reporter,
        "source": (value.get("source") or {}).get("component") or reporter,
    }
