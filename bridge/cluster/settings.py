"""Settings of the cluster, and how a person names a kind of objects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from bridge.settings.model import Model
from bridge.settings.values import ClusterName, FilePath

_EVENT_GROUPS: Final = {"", "events.k8s.io"}


class ClusterConfig(Model):
    """The API server that is read, and the name of its cluster.

    With neither key the service account of the pod is used, then `KUBECONFIG`, then
    `~/.kube/config`.
    """

    name: ClusterName | None = None
    """Name in the `source` of each event, a DNS subdomain; null: the uid of namespace
    kube-system, which never changes."""

    kubeconfig: FilePath | None = None
    """Path of a kubeconfig; null: in-cluster, then KUBECONFIG, then
    ~/.kube/config."""

    context: str | None = None
    """Context in the kubeconfig; null: its current one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A kind of objects as a person names it: by kind, or by resource.

    Attributes:
        api_version: ``v1`` or ``apps/v1``; with a resource it may be empty.
        kind: Name in objects, e.g. ``Deployment``; empty: `resource` names it.
        resource: Name in URLs and its group, e.g. ``pods`` or ``deployments.apps``;
            empty: `kind` names it.
    """

    api_version: str = ""
    kind: str = ""
    resource: str = ""

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """Return the target of a source as it was written, even if with faults.

        By default a source reads ``v1`` Events. A value that is no text counts as not
        written.
        """
        version, kind, resource = (
            value if isinstance(value := written.get(key), str) else ""
            for key in ("apiVersion", "kind", "resource")
        )
        if not resource:
            # A kind that is written but no text does not mean the default.
            kind = "Event" if written.get("kind") is None else kind
            version = version or "v1"
        return cls(api_version=version, kind=kind, resource=resource)

    @property
    def group(self) -> str:
        """API group; empty for core."""
        return self.resource.partition(".")[2] or group_of(self.api_version)

    @property
    def version(self) -> str:
        """Version that is asked for; empty: the preferred one."""
        return self.api_version.rpartition("/")[2]

    @property
    def plural(self) -> str:
        """Name in URLs; empty: only `kind` is known."""
        return self.resource.partition(".")[0]

    @property
    def name(self) -> str:
        """Name of the kind or resource, without group and version."""
        return self.kind or self.plural

    @property
    def is_events(self) -> bool:
        """Whether these are Kubernetes Events, in either of their two API groups."""
        named = self.kind == "Event" or self.plural == "events"
        return named and self.group in _EVENT_GROUPS

    @property
    def is_secrets(self) -> bool:
        """Whether these are Secrets (core)."""
        named = self.kind == "Secret" or self.plural == "secrets"
        return named and not self.group

    def __str__(self) -> str:
        """Return ``apps/v1 Deployment`` or ``deployments.apps``."""
        return f"{self.api_version} {self.kind or self.resource}".lstrip()


def group_of(api_version: str) -> str:
    """Return the group of e.g. ``apps/v1``; empty: core."""
    return api_version.rpartition("/")[0]
