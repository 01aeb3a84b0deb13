"""Names events: with our own names, or with those of Knative's ApiServerSource.

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
from typing import Final, NamedTuple

from msgspec import Struct

from bridge.cluster import Change
from bridge.cluster.kubernetes_event import EventMetadata, Reference
from bridge.events.origin import Origin

Attributes = dict[str, str | int | bool]
"""Extensions by name, in the order in which they are written."""


class Facts(Struct, gc=False):
    """Facts of a change that every form of its event needs; read once for a change.

    Attributes:
        change: What happened.
        metadata: Which object changed.
        involved: The object that a Kubernetes Event is about; None: the change is not
            the occurrence of one.
        kind: The end of our `type`, such as ``event.warning``.
        identity: The attribute `id`, the epoch left out.
        time: The attribute `time`, RFC 3339.
        attributes: Extensions that are the same in every profile.
        payload: The object, for `data`.
        is_plain: Whether all texts are printable ASCII, and short enough for an
            attribute.
    """

    change: Change
    metadata: EventMetadata
    involved: Reference | None
    kind: str
    identity: str
    time: str
    attributes: Attributes
    payload: bytes
    is_plain: bool

    @property
    def itself(self) -> Reference:
        """The changed object."""
        resource = self.change.resource
        return Reference(
            kind=resource.kind,
            namespace=self.metadata.namespace,
            name=self.metadata.name,
            uid=self.metadata.uid,
            api_version=resource.api_version,
        )


class Names(NamedTuple):
    """Names that a profile chose: `type`, `subject` and attributes of the object."""

    type: str
    subject: str | None
    concerned: Attributes


def _kubebridge(facts: Facts, origin: Origin) -> Names:
    about = facts.involved or facts.itself
    subject = None
    if about.kind and about.name:
        subject = f"{about.namespace or '_cluster'}/{about.kind}/{about.name}"
    concerned = _attributes(about, origin)
    if "" in concerned.values():
        concerned = {name: value for name, value in concerned.items() if value}
    return Names(f"{origin.type_prefix}.{facts.kind}.v1", subject, concerned)


def _knative(facts: Facts, origin: Origin) -> Names:
    about = facts.itself
    change = facts.change
    mode = "resource" if origin.data == "object" else "ref"
    return Names(
        f"dev.knative.apiserver.{mode}.{_KNATIVE_VERBS[change.change]}",
        f"/apis/{about.api_version}/namespaces/{about.namespace}"
        f"/{change.resource.plural}/{about.name}",
        _attributes(about, origin),
    )


def _attributes(about: Reference, origin: Origin) -> Attributes:
    return {
        "cluster": origin.cluster,
        "namespace": about.namespace,
        "kind": about.kind,
        "name": about.name,
        "apiversion": about.api_version,
        "uid": about.uid,
    }


def _our_reference(facts: Facts) -> dict[str, str]:
    about = facts.itself
    reference = {
        "apiVersion": about.api_version,
        "kind": about.kind,
        "name": about.name,
        "namespace": about.namespace,
        "uid": about.uid,
        "resourceVersion": facts.change.resource_version,
    }
    return {name: value for name, value in reference.items() if value}


def _knative_reference(facts: Facts) -> dict[str, str]:
    about = facts.itself
    # In the order in which ApiServerSource writes them.
    reference = {
        "kind": about.kind,
        "namespace": about.namespace,
        "name": about.name,
        "apiVersion": about.api_version,
    }
    return {name: value for name, value in reference.items() if value}


_KNATIVE_VERBS: Final = {"added": "add", "modified": "update", "deleted": "delete"}

PROFILES: Final[Mapping[str, Callable[[Facts, Origin], Names]]] = {
    "kubebridge": _kubebridge,
    "knative": _knative,
}
"""Each profile by its name in `Origin.profile`."""

REFERENCES: Final[Mapping[str, Callable[[Facts], dict[str, str]]]] = {
    "kubebridge": _our_reference,
    "knative": _knative_reference,
}
"""Makes `data` of a reference to the object, by profile."""

SEVERITIES: Final[Mapping[str, Mapping[str, str | int]]] = {
    "Normal": {"severitytext": "INFO", "severitynumber": 9},
    "Warning": {"severitytext": "WARN", "severitynumber": 13},
}
"""Attributes for each type of Kubernetes Event (CloudEvents severity extension, on
OpenTelemetry's scale); other types have none."""
