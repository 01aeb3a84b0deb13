"""List the kinds that Kubernetes 1.36 serves and that can be watched.

What names only such kinds can be prepared without a cluster: roles, the resources of
enrichment, and a hint at the right apiVersion.
"""

from collections.abc import Iterator, Mapping

from bridge.cluster import Resource

# From the discovery documents of kube-apiserver 1.36.1, of each group the preferred
# version.
_NAMESPACED = {
    "v1": "ConfigMap Endpoints Event LimitRange PersistentVolumeClaim Pod PodTemplate "
    "ReplicationController ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "events.k8s.io/v1": "Event",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding",
    "resource.k8s.io/v1": "ResourceClaim ResourceClaimTemplate",
    "storage.k8s.io/v1": "CSIStorageCapacity",
}
_CLUSTER_WIDE = {
    "v1": "Namespace Node PersistentVolume",
    "admissionregistration.k8s.io/v1": "MutatingAdmissionPolicy "
    "MutatingAdmissionPolicyBinding MutatingWebhookConfiguration "
    "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding "
    "ValidatingWebhookConfiguration",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apiregistration.k8s.io/v1": "APIService",
    "certificates.k8s.io/v1": "CertificateSigningRequest",
    "flowcontrol.apiserver.k8s.io/v1": "FlowSchema PriorityLevelConfiguration",
    "networking.k8s.io/v1": "IPAddress IngressClass ServiceCIDR",
    "node.k8s.io/v1": "RuntimeClass",
    "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding",
    "resource.k8s.io/v1": "DeviceClass ResourceSlice",
    "scheduling.k8s.io/v1": "PriorityClass",
    "storage.k8s.io/v1": "CSIDriver CSINode StorageClass VolumeAttachment "
    "VolumeAttributesClass",
}


def plural_of(kind: str) -> str:
    """Return the name of a kind in URLs, by the rule that all these follow."""
    name = kind.lower()
    if name == "endpoints":
        return name
    if name.endswith("s"):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"


def _resources() -> Iterator[Resource]:
    for namespaced, table in ((True, _NAMESPACED), (False, _CLUSTER_WIDE)):
        for api_version, kinds in table.items():
            group, _, version = api_version.rpartition("/")
            for kind in kinds.split():
                yield Resource(
                    group=group,
                    version=version,
                    plural=plural_of(kind),
                    kind=kind,
                    namespaced=namespaced,
                    has_bookmarks=kind != "Event",
                )


BUILTIN: Mapping[tuple[str, str], Resource] = {
    (one.group, one.kind): one for one in _resources()
}
"""By API group (empty for core) and kind."""

NAMESPACES = BUILTIN["", "Namespace"]


def find_kind(kind: str) -> Resource | None:
    """Return the resource of a kind given without its group; None: it is not listed.

    Only Event is in two groups: it is that of core.
    """
    return next((one for one in BUILTIN.values() if one.kind == kind), None)
