"""Changes as the cluster folder yields them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from bridge.cluster import CORE_EVENTS, Change
from bridge.events import CloudEvent


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
        self, event: CloudEvent, *, sources: Sequence[str]
    ) -> tuple[str, ...]:
        """See `bridge.filters.routes.Router`."""
        wanted = "events" in sources and event.extensions.get("reason") != "Killing"
        return ("hook", "broker") if wanted else ()

    def sinks_of_sources(self, sources: Sequence[str]) -> tuple[str, ...]:
        """See `bridge.filters.routes.Router`."""
        return ("hook", "broker") if "events" in sources else ()
