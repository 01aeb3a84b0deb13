"""Changes as the cluster folder yields them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from bridge.cluster import CORE_EVENTS, Change, Resource
from bridge.events import CloudEvent
from bridge.events.origin import Origin
from bridge.ingest import Conversion, Form, Shaping, Source
from bridge.queue import Scope

SCOPE = Scope(cluster="uid", resource="events")
ORIGINS = {
    Form(profile, data): Origin(cluster="prod", profile=profile, data=data)
    for profile in ("kubebridge", "knative")
    for data in ("object", "reference")
}
PLAIN = {
    "hook": Form("kubebridge", "object"),
    "broker": Form("kubebridge", "object"),
}


def change(
    version: int,
    *,
    uid: str = "uid",
    kind: Literal["added", "modified", "deleted"] = "added",
    listed: bool = False,
    reason: str = "BackOff",
) -> Change:
    """Return a change of a Kubernetes Event."""
    body = {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {
            "name": "checkout.17",
            "namespace": "shop",
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-11-20T10:00:00Z",
        },
        "involvedObject": {
            "kind": "Pod",
            "namespace": "shop",
            "name": "checkout",
            "uid": "pod-uid",
            "apiVersion": "v1",
        },
        "reason": reason,
        "message": "Back-off restarting failed container",
        "type": "Warning",
    }
    return Change(
        change=kind,
        resource=CORE_EVENTS,
        object=msgspec.json.encode(body),
        resource_version=str(version),
        listed=listed,
    )


class Routes:
    """A router for tests: `hook` wants everything of `events` but Killing."""

    def sinks_for(
        self, event: CloudEvent, *, sources: Sequence[str], labels: Any = dict
    ) -> tuple[str, ...]:
        """See `bridge.filters.routes.Router`."""
        wanted = "events" in sources and event.extensions.get("reason") != "Killing"
        return ("hook", "broker") if wanted else ()

    def sinks_of_sources(self, sources: Sequence[str]) -> tuple[str, ...]:
        """See `bridge.filters.routes.Router`."""
        return ("hook", "broker") if "events" in sources else ()


def conversion(
    *,
    resource: Resource = CORE_EVENTS,
    sources: Sequence[Source] = (Source(name="events"),),
    forms: Mapping[str, Form] = PLAIN,
    router: Any = None,
    past: Any = None,
    enrichment: Any = None,
) -> Conversion:
    """Return a conversion for two sinks."""
    shaping = Shaping(
        sources=sources, router=router or Routes(), forms=forms, origins=ORIGINS
    )
    return Conversion(
        resource=resource,
        scope=SCOPE,
        sources=sources,
        shaping=shaping,
        past=past,
        enrichment=enrichment,
    )
