"""Label and field selectors (Kubernetes: "Labels and Selectors", "Field Selectors").

A selector is parsed to requirements; each is a function from an object's labels or
fields to a verdict.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bridge.demo.apiserver.resources import EVENTS, ServedResource
from bridge.demo.apiserver.status import StatusError

Values = Mapping[str, str]
Requirement = Callable[[Values], bool]
Selector = Callable[[bytes], bool]

_COMMA_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")
_SET = re.compile(r"^([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)$")
_EQUALITY = re.compile(r"^([^\s!=(),]+)\s*(==|=|!=)\s*([^\s!=(),]*)$")
_EXISTS = re.compile(r"^(!?)\s*([^\s!=(),]+)$")

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
    wanted_labels = [_label_requirement(text) for text in _split(labels)]
    wanted_fields = [_field_requirement(resource, text) for text in _split(fields)]
    if not wanted_labels and not wanted_fields:
        return None

    def chooses(body: bytes) -> bool:
        value = msgspec.json.decode(body)
        labels_of = value["metadata"].get("labels") or {}
        fields_of = _fields(resource, value) if wanted_fields else {}
        return all(wants(labels_of) for wants in wanted_labels) and all(
            wants(fields_of) for wants in wanted_fields
        )

    return chooses


def _split(text: str) -> list[str]:
    """Return the requirements of a selector."""
    parts = _COMMA_OUTSIDE_PARENTHESES.split(text)
    return [part.strip() for part in parts] if text.strip() else []


def _label_requirement(text: str) -> Requirement:
    """Return what one part of a label selector asks for."""
    if found := _SET.match(text):
        key, operator, inner = found.groups()
        values = {value.strip() for value in inner.split(",")}
        return _among(key, values, positive=operator == "in")
    if found := _EQUALITY.match(text):
        return _equals(*found.groups())
    if found := _EXISTS.match(text):
        absent, key = found.groups()
        return lambda labels: (key in labels) != bool(absent)
    raise StatusError(400, f"unable to parse requirement: {text!r}")


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
    return _equals(known[name], operator, value)


def _equals(key: str, operator: str, value: str) -> Requirement:
    """Return the requirement ``key=value`` or ``key!=value``."""
    return _among(key, {value}, positive=operator != "!=")


def _among(key: str, values: set[str], *, positive: bool) -> Requirement:
    """Return the requirement that a value is one of these, or is not."""
    return lambda of: (of.get(key) in values) == positive


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
