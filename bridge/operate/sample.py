"""Reads an event that somebody gives, as a reader of the configuration would read it.

A CloudEvent (the JSON format, with `specversion`) is taken as it is. A Kubernetes Event
is converted; its `involvedObject.labels` are the labels of the object that it is about,
for the cluster is not asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import msgspec

from bridge.cluster import CORE_EVENTS, Change, Resource
from bridge.errors import InvalidEventError, RequestError
from bridge.events import CloudEvent
from bridge.events.convert import read_facts, render
from bridge.events.validation import CORE_ATTRIBUTES
from bridge.ingest.accept import OURS, EventForm, Render
from bridge.ingest.build import IngestSettings, build_origins
from bridge.ingest.settings import SourceConfig
from bridge.operate.probe import UNNAMED

SAMPLE: Final[Mapping[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {
        "name": "web-0.17e5a3c2b1d4f608",
        "namespace": "shop",
        "uid": "5b0e6b0f-7c1f-4c88-9b52-3f3f4d3f9a01",
        "resourceVersion": "48151",
        "creationTimestamp": "2026-11-30T10:00:00Z",
    },
    "involvedObject": {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "uid": "0d1f9f52-7a0f-4d0a-8d5e-2f7a1f3c5b02",
        "fieldPath": "spec.containers{web}",
    },
    "type": "Warning",
    "reason": "BackOff",
    "message": "Back-off restarting failed container web in pod web-0_shop",
    "count": 7,
    "firstTimestamp": "2026-11-30T10:00:00Z",
    "lastTimestamp": "2026-11-30T10:05:00Z",
    "source": {"component": "kubelet", "host": "node-1"},
}
"""A Kubernetes Event: the BackOff of a Pod."""

_NAMES: Final = {
    "name": "given.1",
    "uid": "00000000-0000-0000-0000-000000000001",
    "resourceVersion": "1",
}
"""Metadata that every object of an API server has, for Events written by hand."""

_NEW_EVENTS: Final = Resource(
    group="events.k8s.io",
    version="v1",
    plural="events",
    kind="Event",
    has_bookmarks=False,
)
_RESOURCES: Final = {"v1": CORE_EVENTS, _NEW_EVENTS.api_version: _NEW_EVENTS}
_EXPECTED: Final = "expected a CloudEvent (with specversion) or a Kubernetes Event"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenEvent:
    """An event that somebody gave.

    Attributes:
        event: The event in our form.
        form: Makes its other forms.
        sources: Names of the sources that would have read it, by kind and namespace;
            their selectors are not looked at.
        labels: Labels of the object concerned, as far as the event has them.
    """

    event: CloudEvent
    form: Render
    sources: tuple[str, ...]
    labels: Mapping[str, str]


def read_event(given: object, *, settings: IngestSettings, recorded: str) -> GivenEvent:
    """Return the event in some decoded JSON or YAML.

    Args:
        given: A CloudEvent, or a Kubernetes Event.
        settings: Names of the cluster, sources and forms.
        recorded: The time of reading, RFC 3339.

    Raises:
        RequestError: It is neither.
        InvalidEventError: An attribute of the CloudEvent is impossible.
        ConversionError: The Kubernetes Event cannot be converted.
    """
    if not isinstance(given, Mapping):
        raise RequestError(f"{_EXPECTED}, got something else than a mapping")
    if "specversion" in given:
        return _of_cloudevent(given, settings)
    resource = _RESOURCES.get(given.get("apiVersion", "v1"))
    if resource is None or given.get("kind", "Event") != "Event":
        kind = f"{given.get('apiVersion')} {given.get('kind')}"
        raise RequestError(f"{_EXPECTED}, got {kind[:80]!r}")
    return _of_kubernetes_event(given, resource, settings, recorded)


def _of_kubernetes_event(
    given: Mapping[str, Any],
    resource: Resource,
    settings: IngestSettings,
    recorded: str,
) -> GivenEvent:
    about = given.get("involvedObject") or given.get("regarding") or {}
    written = given.get("metadata") or {}
    if not isinstance(about, Mapping) or not isinstance(written, Mapping):
        raise RequestError(f"{_EXPECTED}, got one of another form")
    names = _NAMES | {"namespace": about.get("namespace") or "default"}
    whole = {
        "apiVersion": resource.api_version,
        "kind": "Event",
        **given,
        "metadata": names | {name: one for name, one in written.items() if one},
    }
    change = Change(
        change="added",
        resource=resource,
        object=_encoded(whole),
        resource_version=str(whole["metadata"]["resourceVersion"]),
    )
    facts = read_facts(change, recorded=recorded)
    origins = build_origins(settings, cluster=UNNAMED, server="")
    event = render(facts, origins[OURS])
    return GivenEvent(
        event=event,
        form=lambda form: render(facts, origins[form]),
        sources=_sources_of(event, settings.sources),
        labels=_labels(about),
    )


def _of_cloudevent(given: Mapping[str, Any], settings: IngestSettings) -> GivenEvent:
    found = {name: one for name, one in given.items() if one is not None}
    version, data = found.pop("specversion", None), found.pop("data", None)
    if version != "1.0":
        raise InvalidEventError(f"specversion: expected '1.0', got {version!r}")
    core = {name: found.pop(name) for name in CORE_ATTRIBUTES if name in found}
    for name in ("id", "source", "type"):
        core.setdefault(name, "")
    for name, value in core.items():
        if not isinstance(value, str):
            raise InvalidEventError(f"{name}: expected text, got {value!r:.60}")
    event = CloudEvent(
        **{"datacontenttype": None, **core},
        extensions=found,
        data=None if data is None else _encoded(data),
    )
    return GivenEvent(
        event=event,
        form=partial(_as_it_is, event),
        sources=_sources_of(event, settings.sources),
        labels=_labels_in(data),
    )


def _as_it_is(event: CloudEvent, _form: EventForm) -> CloudEvent:
    return event


def _encoded(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError):
        raise RequestError(f"{_EXPECTED}, got what is no JSON") from None


def _labels_in(data: object) -> Mapping[str, str]:
    if not isinstance(data, Mapping):
        return {}
    places = ("involvedObject", "regarding", "metadata")
    return _labels(next((data[one] for one in places if data.get(one)), None))


def _labels(holder: object) -> Mapping[str, str]:
    labels = holder.get("labels") if isinstance(holder, Mapping) else None
    if not isinstance(labels, Mapping):
        return {}
    return {str(name): str(value) for name, value in labels.items()}


def _sources_of(
    event: CloudEvent, sources: tuple[SourceConfig, ...]
) -> tuple[str, ...]:
    return tuple(one.name for one in sources if _may_read(one, event))


def _may_read(source: SourceConfig, event: CloudEvent) -> bool:
    """Return whether events of a source can be like this one."""
    namespace, target = event.extensions.get("namespace"), source.target
    if source.namespaces and namespace and namespace not in source.namespaces:
        return False
    if ".resource." not in event.type and ".ref." not in event.type:
        return target.is_events or ".event." not in event.type
    kind = str(event.extensions.get("kind", "")).lower()
    named = target.kind.lower() or target.plural.removesuffix("s")
    return not target.is_events and kind in {"", named}
