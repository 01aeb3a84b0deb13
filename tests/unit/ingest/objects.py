"""Changes as the cluster folder yields them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from bridge.cluster import CORE_EVENTS, Change, ObjectMeta, Resource
from bridge.cluster.builtin import BUILTIN
from bridge.events import CloudEvent
from bridge.events.origin import Origin
from bridge.filters.noise.control import NoiseControl
from bridge.filters.routes import Chosen
from bridge.ingest import Acceptor, Conversion, EventForm, Source
from bridge.ingest.object_cache import ObjectCache
from bridge.ingest.settings import SourceConfig
from bridge.ingest.source import Selects, everywhere
from bridge.queue import Entry, Scope

PODS = BUILTIN["", "Pod"]
SECRETS = BUILTIN["", "Secret"]
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SCOPE = Scope(cluster="uid", resource="events")
ORIGINS = {
    EventForm(profile, data): Origin(cluster="prod", profile=profile, data=data)
    for profile in ("kubebridge", "knative")
    for data in ("object", "reference")
}
PLAIN = {
    "hook": EventForm("kubebridge", "object"),
    "broker": EventForm("kubebridge", "object"),
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


def pod(
    version: int,
    *,
    name: str = "web",
    namespace: str = "shop",
    kind: Literal["added", "modified", "deleted"] = "modified",
    listed: bool = False,
    resource: Resource = PODS,
    **fields: Any,
) -> Change:
    """Return a change of an object, by default a Pod; its uid is its name."""
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": name,
        "resourceVersion": str(version),
    }
    named = {"kind": resource.kind, "apiVersion": resource.api_version}
    known = ObjectMeta(key=f"{namespace}/{name}", uid=name, version=str(version))
    return Change(
        change=kind,
        resource=resource,
        object=msgspec.json.encode({**named, "metadata": metadata, **fields}),
        resource_version=str(version),
        listed=listed,
        known=known,
    )


def ids(entries: Sequence[Entry]) -> list[str]:
    """Return the id of each event."""
    return [entry.event.id for entry in entries if entry.event is not None]


def remembers(entries: Sequence[Entry]) -> list[tuple[str, bool]]:
    """Return each key that is remembered (True) or forgotten (False), in order."""
    pairs = [entry.remember for entry in entries if entry.remember is not None]
    return [(key, value is not None) for key, value in pairs]


class Routes:
    """A router for tests: `hook` wants everything of `events` but Killing."""

    def choose(
        self, event: CloudEvent, *, sources: Sequence[str], labels: Any = dict
    ) -> Chosen:
        """See `bridge.filters.routes.Router`."""
        wanted = "events" in sources and event.extensions.get("reason") != "Killing"
        return self.all_of(sources) if wanted else Chosen((), ())

    def all_of(self, sources: Sequence[str]) -> Chosen:
        """See `bridge.filters.routes.Router`."""
        routes = ("all",) if "events" in sources else ()
        return Chosen(self.sinks_of_sources(sources), routes)

    def sinks_of_sources(self, sources: Sequence[str]) -> tuple[str, ...]:
        """See `bridge.filters.routes.Router`."""
        return ("hook", "broker") if "events" in sources else ()


def source_of(
    name: str = "events",
    *,
    selects: Selects = everywhere,
    enrich: dict[str, Any] | None = None,
    **settings: Any,
) -> Source:
    """Return a source of Pods with these settings, or of Events that are enriched."""
    kind = "Pod" if enrich is None else "Event"
    written = {"name": name, "kind": kind, "enrich": enrich, **settings}
    model = SourceConfig.model_validate(written)
    return Source(settings=model, enrich=model.enrich, selects=selects)


def conversion(
    *,
    resource: Resource = CORE_EVENTS,
    sources: Sequence[Source] = (source_of("events"),),
    forms: Mapping[str, EventForm] = PLAIN,
    router: Any = None,
    object_cache: Any = None,
    enrichment: Any = None,
    noise: NoiseControl | None = None,
) -> Conversion:
    """Return a conversion for two sinks."""
    acceptor = Acceptor(
        router=router or Routes(),
        forms=forms,
        keeping=[one.name for one in sources if one.settings.keep == "all"],
    )
    return Conversion(
        resource=resource,
        scope=SCOPE,
        sources=sources,
        acceptor=acceptor,
        origins=ORIGINS,
        object_cache=object_cache,
        enrichment=enrichment,
        noise=noise,
    )


WHOLE = source_of("events", previous=True)
RECORDED = "2026-11-20T10:00:00Z"


async def recall(keys: Sequence[str]) -> dict[str, bytes]:
    """Know of nothing that was stored."""
    return {}


def turned(turning: Conversion, change: Change, **more: Any) -> Sequence[Entry]:
    """Return the entries of a change."""
    found = turning.entries_of(change, recorded=RECORDED, **more)
    assert found is not None
    return found


def of_pods(
    object_cache: ObjectCache | None, *sources: Source, **more: Any
) -> Conversion:
    """Return a conversion of Pods."""
    return conversion(
        sources=sources or [WHOLE],
        object_cache=object_cache,
        **{"resource": PODS, **more},
    )


def data(entry: Entry) -> Any:
    """Return the data of an event."""
    assert entry.event is not None
    return msgspec.json.decode(entry.event.data or b"null")
