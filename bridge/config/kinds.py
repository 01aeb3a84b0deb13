"""Which kind of objects a source names: by apiVersion and kind, or by resource.

This reads the data as it was written, so that names can be compared before, and even
if, the rest of a source turns out to be wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from bridge.settings.values import is_name

EVENTS_NAME: Final = "events"
"""What a source of Kubernetes Events is called if it has no other name."""

DEFAULT_KIND: Final = "Event"
DEFAULT_API_VERSION: Final = "v1"
_EVENT_GROUPS: Final = {"", "events.k8s.io"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKind:
    """One kind of objects; either `kind` or `resource` says which.

    Attributes:
        kind: Name in objects, e.g. ``Deployment``; None: `resource` says it.
        api_version: Group and version, e.g. ``apps/v1``; None: whichever version the
            API server prefers.
        resource: Plural and group, e.g. ``deployments.apps``; None: `kind` says it.
    """

    kind: str | None
    api_version: str | None
    resource: str | None

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        """Return what a source names; what is no text counts as not written."""
        kind, version, resource = (
            value if isinstance(value := written.get(key), str) else None
            for key in ("kind", "apiVersion", "resource")
        )
        if resource is None:
            # What is there but no text is not what is meant by default.
            kind = DEFAULT_KIND if written.get("kind") is None else kind
            version = version or DEFAULT_API_VERSION
        return cls(kind=kind, api_version=version, resource=resource)

    @property
    def plural(self) -> str:
        """Name in URLs; empty: only `kind` is known."""
        return (self.resource or "").partition(".")[0]

    @property
    def group(self) -> str:
        """API group; empty: core."""
        if self.resource is not None:
            return self.resource.partition(".")[2]
        return group_of(self.api_version or "")

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

    @property
    def name(self) -> str | None:
        """What the source is called if it has no name; None: it cannot be said."""
        if self.is_events:
            return EVENTS_NAME
        name = self.plural or (self.kind or "").lower()
        return name if is_name(name) else None


def group_of(api_version: str) -> str:
    """Return the group of e.g. ``apps/v1``; empty: core."""
    return api_version.rpartition("/")[0]
