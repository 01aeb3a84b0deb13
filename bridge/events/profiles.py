"""By which names events go: ours, or those of Knative's ApiServerSource.

``kubebridge``
    `type` tells normal from warning; `subject` and the attributes are about the object
    concerned: the involved object of a Kubernetes Event, else the object itself.

``knative``
    `type`, `subject` and the extensions kind, apiversion, name and namespace are those
    that ApiServerSource sends, so that Triggers written for it keep matching: they are
    about the changed object, of a Kubernetes Event the Event itself. A cluster-scoped
    object has an empty namespace, and two slashes in `subject`. On purpose different:
    `id` is stable instead of random, `time` is that of the change instead of that of
    sending, `data` has no managedFields, and our other extensions are there too.
    `source` is ours unless `Origin.source` names the API server: its URL, which
    ApiServerSource sends, is often the same for two clusters.

In either, `data` may be a reference to the changed object instead of the object: ours
tells the version too; that of ``knative`` is the body of Reference mode, whose types
begin with ``dev.knative.apiserver.ref``.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from bridge.cluster import Change, Resource
from bridge.events.objects import Metadata, Reference
from bridge.events.origin import Origin


class Facts(Struct, gc=False):
    """What a change tells, in whatever form it came.

    Attributes:
        resource: What kind of object changed.
        metadata: Which one.
        involved: The object that a Kubernetes Event is about; None: the change is not
            the occurrence of one.
        severity: `type` of a Kubernetes Event, ``Normal`` or ``Warning``; else empty.
        details: Attributes that no profile renames.
        numbers: The same, as integers and booleans.
        time: When it happened, RFC 3339; None: not known.
        payload: The object, for `data`.
    """

    resource: Resource
    metadata: Metadata
    involved: Reference | None
    severity: str
    details: dict[str, str]
    numbers: dict[str, int]
    time: str | None
    payload: bytes

    @property
    def itself(self) -> Reference:
        """The changed object."""
        return Reference(
            kind=self.resource.kind,
            namespace=self.metadata.namespace,
            name=self.metadata.name,
            uid=self.metadata.uid,
            api_version=self.resource.api_version,
        )


class Names(Struct, gc=False):
    """What a profile chose.

    Attributes:
        type: The attribute `type`.
        subject: The attribute `subject`; empty: there is nothing to name.
        concerned: The attributes that say which object is concerned.
    """

    type: str
    subject: str
    concerned: dict[str, str]


def present(attributes: dict[str, str]) -> dict[str, str]:
    """Return the attributes that say something."""
    if "" in attributes.values():
        return {name: value for name, value in attributes.items() if value}
    return attributes


def _kubebridge(change: Change, facts: Facts, origin: Origin) -> Names:
    about = facts.involved or facts.itself
    named = about.kind and about.name
    subject = f"{about.namespace or '_cluster'}/{about.kind}/{about.name}"
    if facts.involved is None:
        kind = f"resource.{change.change}"
    else:
        kind = "event.warning" if facts.severity == "Warning" else "event.normal"
    return Names(
        type=f"{origin.type_prefix}.{kind}.v1",
        subject=subject if named else "",
        concerned=present(_attributes(about)),
    )


def _knative(change: Change, facts: Facts, origin: Origin) -> Names:
    about = facts.itself
    plural = change.resource.plural
    mode = "resource" if origin.data == "object" else "ref"
    return Names(
        type=f"dev.knative.apiserver.{mode}.{_KNATIVE_VERBS[change.change]}",
        subject=f"/apis/{about.api_version}/namespaces/{about.namespace}/{plural}"
        f"/{about.name}",
        concerned=_attributes(about),
    )


def _attributes(about: Reference) -> dict[str, str]:
    return {
        "namespace": about.namespace,
        "kind": about.kind,
        "name": about.name,
        "apiversion": about.api_version,
        "uid": about.uid,
    }


def _our_reference(change: Change, about: Reference) -> dict[str, str]:
    return {
        "apiVersion": about.api_version,
        "kind": about.kind,
        "name": about.name,
        "namespace": about.namespace,
        "uid": about.uid,
        "resourceVersion": change.resource_version,
    }


def _knative_reference(_change: Change, about: Reference) -> dict[str, str]:
    # In the order in which ApiServerSource writes them.
    return {
        "kind": about.kind,
        "namespace": about.namespace,
        "name": about.name,
        "apiVersion": about.api_version,
    }


_KNATIVE_VERBS: Final = {"added": "add", "modified": "update", "deleted": "delete"}

PROFILES: Final[Mapping[str, Callable[[Change, Facts, Origin], Names]]] = {
    "kubebridge": _kubebridge,
    "knative": _knative,
}
"""Each profile by its name in `Origin.profile`."""

REFERENCES: Final[Mapping[str, Callable[[Change, Reference], dict[str, str]]]] = {
    "kubebridge": _our_reference,
    "knative": _knative_reference,
}
"""What `data` is in each profile where only a reference is wanted."""

SEVERITIES: Final[Mapping[str, Mapping[str, str | int]]] = {
    "Normal": {"severitytext": "INFO", "severitynumber": 9},
    "Warning": {"severitytext": "WARN", "severitynumber": 13},
}
"""Attributes for each type of Kubernetes Event (CloudEvents severity extension, on
OpenTelemetry's scale); other types have none."""
