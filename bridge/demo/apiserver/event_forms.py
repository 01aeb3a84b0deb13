"""Kubernetes Events in their two forms: core/v1 and events.k8s.io/v1.

They are one object with two sets of field names; the core/v1 form is stored.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Object = dict[str, Any]

_CORE_TO_NEW: Mapping[str, str] = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_NEW_TO_CORE = {new: core for core, new in _CORE_TO_NEW.items()}

_ALWAYS_PRESENT: Mapping[str, Any] = {
    # What a real API server writes even if nobody set it.
    "involvedObject": {},
    "source": {},
    "firstTimestamp": None,
    "lastTimestamp": None,
    "eventTime": None,
    "reportingComponent": "",
    "reportingInstance": "",
}
_REQUIRED = (
    *("eventTime", "reportingComponent", "reportingInstance"),
    *("action", "reason"),
)


def to_core(value: Object) -> Object:
    """Return an events.k8s.io/v1 Event in the form of core/v1."""
    return {_NEW_TO_CORE.get(name, name): part for name, part in value.items()}


def from_core(value: Object) -> Object:
    """Return a core/v1 Event in events.k8s.io/v1 form, empty strings left out."""
    return {
        _CORE_TO_NEW.get(name, name): part for name, part in value.items() if part != ""
    }


def completed(value: Object) -> Object:
    """Return a core/v1 Event with the fields that are always there."""
    return {**_ALWAYS_PRESENT, **value}


def causes(value: Object, *, new_form: bool) -> Iterator[tuple[str, str]]:
    """Yield field and message of what a real API server refuses to create.

    Args:
        value: the Event in core/v1 form.
        new_form: whether it came as events.k8s.io/v1, which is stricter.
    """
    namespace = value["metadata"]["namespace"]
    involved = value["involvedObject"].get("namespace", "")
    # Events about objects without a namespace lie in one that is always there.
    nowhere = {"default", "kube-system"} if new_form else {"default"}
    homes = {involved} if involved else nowhere
    if namespace not in homes:
        wrong = f'Invalid value: "{involved}": does not match event.namespace'
        yield "involvedObject.namespace", wrong
    if not new_form:
        return
    for name in _REQUIRED:
        if not value.get(name):
            yield _CORE_TO_NEW.get(name, name), "Required value"
    if value.get("type") not in {"Normal", "Warning"}:
        yield "type", f'Invalid value: "{value.get("type", "")}": has invalid value'
