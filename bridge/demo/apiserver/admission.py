"""Complete objects as the API server does, and refuse what it refuses."""

import random
import string
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bridge.demo.apiserver import event_forms
from bridge.demo.apiserver.resources import (
    DEFINITIONS,
    EVENTS,
    NAMESPACES,
    ServedResource,
)
from bridge.demo.apiserver.status import StatusError, invalid

Object = dict[str, Any]

_TYPE = ("kind", "apiVersion")
_ESTABLISHED = {"type": "Established", "status": "True"}


def to_store(resource: ServedResource, namespace: str, sent: Object) -> Object:
    """Return an object that a client sent in the form in which it is stored.

    Raises:
        StatusError: 400, it is of another kind or namespace.
    """
    expected = dict(zip(_TYPE, (resource.kind, resource.api_version), strict=True))
    for field, wanted in expected.items():
        if sent.get(field, wanted) != wanted:
            raise StatusError(400, f"{field}: expected {wanted}, got {sent[field]}")
    metadata = dict(sent.get("metadata") or {})
    if metadata.get("namespace", namespace) != namespace:
        raise StatusError(
            400,
            "the namespace of the provided object does not match the namespace sent "
            "on the request",
        )
    if namespace:
        metadata["namespace"] = namespace
    value = {key: part for key, part in sent.items() if key not in _TYPE}
    value["metadata"] = metadata
    return event_forms.to_core(value) if resource.table == EVENTS else value


def settle_name(resource: ServedResource, metadata: Object) -> str:
    """Return the name of a new object, made up if ``generateName`` is given.

    Raises:
        StatusError: 422, it has neither.
    """
    if not metadata.get("name"):
        if not metadata.get("generateName"):
            required = "Required value: name or generateName is required"
            raise invalid(resource.kind, "", {"metadata.name": required})
        # Names only have to differ: this randomness guards nothing.
        letters = random.choices(string.ascii_lowercase + string.digits, k=5)  # noqa: S311
        metadata["name"] = metadata["generateName"] + "".join(letters)
    name: str = metadata["name"]
    return name


def completed(resource: ServedResource, value: Object) -> Object:
    """Return an object with the fields that its kind always has."""
    if resource.table == EVENTS:
        return event_forms.completed(value)
    if resource.table == NAMESPACES:
        return _completed_namespace(value)
    if resource.table == DEFINITIONS:
        return value | {"status": {"conditions": [_ESTABLISHED]}}
    return value


def _completed_namespace(value: Object) -> Object:
    """Return a namespace with the label and the phase that each one has."""
    metadata = value["metadata"]
    label = {"kubernetes.io/metadata.name": metadata["name"]}
    metadata["labels"] = (metadata.get("labels") or {}) | label
    return value | {"status": {"phase": "Active"}}


def check(resource: ServedResource, value: Object) -> None:
    """Let an object of these few kinds be created only if it makes sense.

    Raises:
        StatusError: 422 with the fields that are wrong.
    """
    causes: dict[str, str] = {}
    if resource.table == EVENTS:
        causes = dict(event_forms.causes(value, new_form=bool(resource.group)))
    if resource.table == DEFINITIONS:
        causes = dict(_definition_causes(value))
    if causes:
        raise invalid(resource.kind, value["metadata"]["name"], causes)


def _definition_causes(value: Object) -> Iterator[tuple[str, str]]:
    """Find what a custom resource definition cannot be served without."""
    spec = value.get("spec") or {}
    names = spec.get("names") or {}
    needed = {f"spec.{key}": spec.get(key) for key in ("group", "scope", "versions")}
    needed |= {f"spec.names.{key}": names.get(key) for key in ("plural", "kind")}
    for field, given in needed.items():
        if not given:
            yield field, "Required value"
    if value["metadata"]["name"] != f"{names.get('plural')}.{spec.get('group')}":
        yield "metadata.name", 'Invalid value: must be spec.names.plural+"."+spec.group'


def birth(resource: ServedResource, value: Object, manager: str) -> Object:
    """Return the metadata that an object gets when it is created."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    field = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": resource.api_version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": {f"f:{name}": {} for name in value if name != "metadata"},
    }
    return {
        "uid": str(uuid.uuid4()),
        "creationTimestamp": now,
        "managedFields": [field],
    }
