"""What must be permitted for a configuration: all of it, and no more."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN, NAMESPACES, find_kind
from bridge.cluster.settings import Target
from bridge.ingest.source import Source

Purpose = Literal["read", "choose", "enrich", "identify"]
"""``read``: what the source names; ``choose``: namespaces by their labels; ``enrich``:
what Kubernetes Events are about; ``identify``: tell the cluster from others."""

_READ = ("list", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Some verbs on one resource in one place.

    Attributes:
        purpose: What for.
        verbs: As RBAC spells them.
        resource: Of what.
        namespace: Where; None: everywhere.
        name: Of one object; empty: of all.
    """

    purpose: Purpose
    verbs: tuple[str, ...] = _READ
    resource: Resource
    namespace: str | None = None
    name: str = ""


IDENTITY = Need(
    purpose="identify", verbs=("get",), resource=NAMESPACES, name="kube-system"
)
"""The uid of this one namespace is the cluster's."""


def known_resource(target: Target) -> Resource | None:
    """Return what a source names, as far as RBAC asks; None: only a cluster can tell.

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


def places(wanted: Source, resource: Resource) -> Sequence[str | None]:
    """Return where a source reads, at the least: each namespace, or None: everywhere.

    Namespaces that are chosen by their labels may be any.
    """
    if resource.namespaced and wanted.settings.namespaces:
        return sorted(wanted.settings.namespaces)
    return (None,)


def source_needs(wanted: Source, resource: Resource) -> Iterator[Need]:
    """Yield what must be permitted for one source.

    Args:
        wanted: The source.
        resource: What it names.
    """
    for place in places(wanted, resource):
        yield Need(purpose="read", resource=resource, namespace=place)
    if wanted.namespace_selector is not None and resource.namespaced:
        yield Need(purpose="choose", resource=NAMESPACES)
    # Everywhere: one informer of each kind serves all sources.
    for concerned in concerned_resources(wanted):
        yield Need(purpose="enrich", resource=concerned)


def concerned_resources(wanted: Source) -> Sequence[Resource]:
    """Return what Kubernetes Events of a source are about, where anyone asks for it.

    Kinds that are not Kubernetes' own are left out: nothing is added of them.
    """
    if wanted.enrich is None:
        return ()
    found = map(find_kind, wanted.enrich.kinds)
    return [resource for resource in found if resource is not None]


def unknown_kinds(wanted: Source) -> Sequence[str]:
    """Return the kinds to enrich by that are not Kubernetes' own, so never are."""
    kinds = wanted.enrich.kinds if wanted.enrich is not None else ()
    return [kind for kind in kinds if find_kind(kind) is None]


def all_needs(
    wanted: Sequence[Source], resources: Mapping[str, Resource]
) -> list[Need]:
    """Return what must be permitted for all sources, each thing once.

    Args:
        wanted: The sources.
        resources: What each of them names, by the name of the source.
    """
    needs = [IDENTITY]
    for one in wanted:
        needs += source_needs(one, resources[one.name])
    return list(dict.fromkeys(needs))
