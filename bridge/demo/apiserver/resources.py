"""The kinds that the API server knows: built-in ones and custom resources."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
"""The table of custom resource definitions."""

NAMESPACES = "namespaces"
"""The table of namespaces."""

EVENTS = "events"
"""The table of Kubernetes Events, which two API groups share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedResource:
    """A resource as it is served: a group, a version and a plural name."""

    group: str
    """Empty for core."""
    version: str
    plural: str
    kind: str
    table: str
    """Where its objects are stored, whatever the group and version."""
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    custom: bool = False

    @property
    def api_version(self) -> str:
        """Group and version as an object names them."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """The full name, as in ``deployments.apps``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def opening(self) -> bytes:
        """The beginning that a stored body lacks: kind and API version."""
        return f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()


def _built_in(
    group_version: str, plural: str, kind: str, **more: Any
) -> ServedResource:
    """Return a built-in resource; ``group_version`` is ``v1`` for core."""
    group, _, version = group_version.rpartition("/")
    table = f"{plural}.{group}" if group else plural
    return ServedResource(
        **({"table": table} | more),
        group=group,
        version=version,
        plural=plural,
        kind=kind,
    )


BUILT_IN = (
    _built_in("v1", "namespaces", "Namespace", namespaced=False, short_names=("ns",)),
    _built_in("v1", "nodes", "Node", namespaced=False, short_names=("no",)),
    _built_in("v1", "pods", "Pod", short_names=("po",)),
    _built_in("v1", "events", "Event", short_names=("ev",)),
    _built_in("v1", "configmaps", "ConfigMap", short_names=("cm",)),
    _built_in("v1", "services", "Service", short_names=("svc",)),
    _built_in("apps/v1", "deployments", "Deployment", short_names=("deploy",)),
    _built_in("apps/v1", "replicasets", "ReplicaSet", short_names=("rs",)),
    _built_in("apps/v1", "statefulsets", "StatefulSet", short_names=("sts",)),
    _built_in("apps/v1", "daemonsets", "DaemonSet", short_names=("ds",)),
    _built_in("batch/v1", "jobs", "Job"),
    _built_in("batch/v1", "cronjobs", "CronJob", short_names=("cj",)),
    _built_in("events.k8s.io/v1", "events", "Event", table=EVENTS, short_names=("ev",)),
    _built_in(
        "apiextensions.k8s.io/v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short_names=("crd", "crds"),
    ),
)

BUILT_IN_GROUPS = frozenset(resource.group for resource in BUILT_IN)


def defined_by(definition: Mapping[str, Any]) -> Iterator[ServedResource]:
    """Yield the resource of each served version of a custom resource definition."""
    spec = definition["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        if version.get("served"):
            yield ServedResource(
                group=spec["group"],
                version=version["name"],
                plural=names["plural"],
                kind=names["kind"],
                table=definition["metadata"]["name"],
                namespaced=spec["scope"] == "Namespaced",
                short_names=tuple(names.get("shortNames", ())),
                custom=True,
            )


class Catalog:
    """The resources that are served at this moment."""

    def __init__(self) -> None:
        """Serve the built-in resources."""
        self._custom: tuple[ServedResource, ...] = ()

    def define(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Serve exactly these custom resources beside the built-in ones."""
        self._custom = tuple(
            resource
            for definition in definitions
            for resource in defined_by(definition)
        )

    @property
    def resources(self) -> Sequence[ServedResource]:
        """All resources, core first."""
        return BUILT_IN + self._custom

    def find(self, group: str, version: str, plural: str) -> ServedResource | None:
        """Return the resource at a path, ``None`` if nothing is served there."""
        path = (group, version, plural)
        for resource in self.resources:
            if (resource.group, resource.version, resource.plural) == path:
                return resource
        return None

    def named(self, name: str) -> ServedResource:
        """Return the resource called ``pods``, ``deployments`` or ``jobs.batch``.

        Raises:
            LookupError: there is none of this name.
        """
        for resource in self.resources:
            if name in {resource.plural, resource.name}:
                return resource
        known = ", ".join(resource.name for resource in self.resources)
        raise LookupError(f"resource: expected one of {known}, got {name!r}")
