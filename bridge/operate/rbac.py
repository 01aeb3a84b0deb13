"""The permissions that sources need, and no more, as roles of Kubernetes RBAC."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN, NAMESPACES, find_kind, plural_of
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import ClusterConfig, Target
from bridge.errors import ClusterError, ConfigError
from bridge.ingest.source import Source

Purpose = Literal["read", "choose", "enrich", "identify"]
"""``read``: what the source names; ``choose``: namespaces by their labels; ``enrich``:
what Kubernetes Events are about; ``identify``: tell the cluster from others."""

_READ = ("list", "watch")
_GROUP = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]
"""A Kubernetes object, its keys in the order in which people write them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Some verbs on one resource in one namespace, or in all.

    Attributes:
        purpose: Why it is needed.
        verbs: As RBAC spells them.
        resource: The resource.
        namespace: The namespace; None: all.
        name: Name of the only object; empty: all objects.
    """

    purpose: Purpose
    verbs: tuple[str, ...] = _READ
    resource: Resource
    namespace: str | None = None
    name: str = ""


IDENTITY = Permission(
    purpose="identify", verbs=("get",), resource=NAMESPACES, name="kube-system"
)
"""The uid of this one namespace is the cluster's."""


def known_resource(target: Target) -> Resource | None:
    """Return the resource that a source names; None: only a cluster knows it.

    A resource that is written as such is known by its name, whichever version and kind
    it has.
    """
    if target.kind:
        return BUILTIN.get((target.group, target.kind))
    for one in BUILTIN.values():
        if (one.group, one.plural) == (target.group, target.name):
            return one
    return Resource(
        group=target.group, version=target.version, plural=target.name, kind=""
    )


def namespaces_of(source: Source, resource: Resource) -> Sequence[str | None]:
    """Return the namespaces that a source has to read; None: all.

    Namespaces that are chosen by their labels may be any.
    """
    if resource.namespaced and source.settings.namespaces:
        return sorted(source.settings.namespaces)
    return (None,)


def source_permissions(source: Source, resource: Resource) -> Iterator[Permission]:
    """Yield the permissions that one source needs.

    Args:
        source: The source.
        resource: The resource that it names.
    """
    for namespace in namespaces_of(source, resource):
        yield Permission(purpose="read", resource=resource, namespace=namespace)
    if source.namespace_selector is not None and resource.namespaced:
        yield Permission(purpose="choose", resource=NAMESPACES)
    # Everywhere: one informer of each kind serves all sources.
    for concerned in concerned_resources(source):
        yield Permission(purpose="enrich", resource=concerned)


def concerned_resources(source: Source) -> Sequence[Resource]:
    """Return the resources that Events of a source are enriched from.

    Kinds that are not Kubernetes' own are left out: events are not enriched from them.
    """
    if source.enrich is None:
        return ()
    found = map(find_kind, source.enrich.kinds)
    return [resource for resource in found if resource is not None]


def unknown_kinds(source: Source) -> Sequence[str]:
    """Return the kinds in `enrich.kinds` that are not Kubernetes' own."""
    kinds = source.enrich.kinds if source.enrich is not None else ()
    return [kind for kind in kinds if find_kind(kind) is None]


def all_permissions(
    sources: Sequence[Source], resources: Mapping[str, Resource]
) -> list[Permission]:
    """Return the permissions that all sources need, each once.

    Args:
        sources: The sources.
        resources: The resource of each, by the name of the source.
    """
    permissions = [IDENTITY]
    for one in sources:
        permissions += source_permissions(one, resources[one.name])
    return list(dict.fromkeys(permissions))


async def find_permissions(
    sources: Sequence[Source], cluster: ClusterConfig
) -> list[Permission]:
    """Return the permissions that sources need.

    The cluster is asked only for kinds that are not Kubernetes' own.

    Raises:
        ConfigError: A kind is not known; names the source and what to write instead.
    """
    return all_permissions(sources, await _look_up(sources, cluster))


async def _look_up(
    sources: Sequence[Source], cluster: ClusterConfig
) -> dict[str, Resource]:
    found = {one.name: known_resource(one.settings.target) for one in sources}
    unknown = [one for one in sources if found[one.name] is None]
    asked = await _ask(unknown, cluster) if unknown else {}
    return {name: resource or asked[name] for name, resource in found.items()}


async def _ask(
    sources: Sequence[Source], cluster: ClusterConfig
) -> dict[str, Resource]:
    found: dict[str, Resource] = {}
    for one in sources:
        try:
            async with ClusterClient.open(
                kubeconfig=cluster.kubeconfig, context=cluster.context
            ) as client:
                found[one.name] = await find_resource(client, one.settings.target)
        except ClusterError as error:
            raise ConfigError([_problem(one, error)]) from error
    return found


def _problem(source: Source, error: ClusterError) -> str:
    target = source.settings.target
    guess = f"{plural_of(target.kind)}.{target.group}".rstrip(".")
    return (
        f"source {source.name}: cannot tell which resource {target} is, and no "
        f"cluster tells: {error}; write resource: (perhaps {guess}) instead of kind:"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """The service account that gets the roles.

    Attributes:
        name: Name of each role and binding.
        service_account: Name of the service account.
        namespace: Namespace of the service account.
    """

    name: str
    service_account: str
    namespace: str


def grant(permissions: Sequence[Permission], grantee: Grantee) -> list[Manifest]:
    """Return roles and their bindings, those for the whole cluster first."""
    everywhere = [one for one in permissions if one.namespace is None]
    inside: dict[str, list[Permission]] = {}
    for one in permissions:
        if one.namespace is not None and not _is_covered(one, everywhere):
            inside.setdefault(one.namespace, []).append(one)
    manifests = list(_pair(everywhere, grantee, namespace=None)) if everywhere else []
    for namespace, those in sorted(inside.items()):
        manifests += _pair(those, grantee, namespace=namespace)
    return manifests


def _is_covered(permission: Permission, everywhere: Iterable[Permission]) -> bool:
    return any(
        (other.resource.name, other.name) == (permission.resource.name, "")
        and {*permission.verbs} <= {*other.verbs}
        for other in everywhere
    )


def _pair(
    permissions: Sequence[Permission], grantee: Grantee, *, namespace: str | None
) -> Iterator[Manifest]:
    kind: Literal["ClusterRole", "Role"] = "Role" if namespace else "ClusterRole"
    metadata = {"name": grantee.name} | ({"namespace": namespace} if namespace else {})
    account = {"name": grantee.service_account, "namespace": grantee.namespace}
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": kind,
        "metadata": metadata,
        "rules": list(_rules(permissions)),
    }
    yield {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": dict(metadata),
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": grantee.name},
        "subjects": [{"kind": "ServiceAccount", **account}],
    }


def _rules(permissions: Iterable[Permission]) -> Iterator[Manifest]:
    """Yield a rule for each API group and what is done there."""
    rows = sorted(
        {
            (one.resource.group, one.verbs, one.name, one.resource.plural)
            for one in permissions
        }
    )
    for (group, verbs, name), same in groupby(rows, key=lambda row: row[:3]):
        yield {
            "apiGroups": [group],
            "resources": [plural for *_, plural in same],
            **({"resourceNames": [name]} if name else {}),
            "verbs": list(verbs),
        }
