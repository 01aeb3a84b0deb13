"""A Kubernetes Event as an API server writes it, decoded once (msgspec).

Reading, enrichment and conversion all use the struct that is decoded here; the rest of
the JSON stays unread.
"""

import msgspec
from msgspec import Raw, Struct


class Reference(Struct, rename="camel", gc=False):
    """A reference to an object (v1 ObjectReference); unknown parts are empty."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""


class EventMetadata(Struct, rename="camel", gc=False):
    """The identity of an Event (v1 ObjectMeta)."""

    uid: str
    name: str
    namespace: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    annotations: Raw = Raw()
    managed_fields: Raw = Raw(b"[]")


class EventSource(Struct, gc=False):
    """Who reported a Kubernetes Event, in the older way (v1 EventSource)."""

    component: str = ""
    host: str = ""


class EventSeries(Struct, rename="camel", gc=False):
    """How often a Kubernetes Event was repeated (EventSeries of either group)."""

    count: int = 0
    last_observed_time: str | None = None


_NOBODY = EventSource()
_NOTHING = Reference()


class KubernetesEvent(Struct, rename="camel", gc=False):
    """A Kubernetes Event as core/v1 or as events.k8s.io/v1 spells it.

    The two are one object with two sets of names; each fills its own half here, and
    the properties say what both mean.
    """

    metadata: EventMetadata
    kind: str = ""
    type: str = ""
    reason: str = ""
    action: str = ""
    series: EventSeries | None = None
    event_time: str | None = None

    involved_object: Reference | None = None
    source: EventSource | None = None
    reporting_component: str = ""
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None

    regarding: Reference | None = None
    deprecated_source: EventSource | None = None
    reporting_controller: str = ""
    deprecated_count: int | None = None
    deprecated_first_timestamp: str | None = None
    deprecated_last_timestamp: str | None = None

    @property
    def involved(self) -> Reference:
        """The object that the Event is about."""
        return self.involved_object or self.regarding or _NOTHING

    @property
    def component(self) -> str:
        """The component that reported the Event."""
        named = self.reporting_component or self.reporting_controller
        return named or self._source.component

    @property
    def host(self) -> str:
        """Name of the node it was reported from; empty: new recorders do not say."""
        return self._source.host

    @property
    def occurrences(self) -> int:
        """How often it happened; recorders leave out 1, as `kubectl get` knows too."""
        repeated = self.series.count if self.series else 0
        return repeated or self.count or self.deprecated_count or 1

    @property
    def time(self) -> str | None:
        """When it happened last: the first of these that its recorder has filled in."""
        return (
            (self.series.last_observed_time if self.series else None)
            or self.last_timestamp
            or self.deprecated_last_timestamp
            or self.event_time
            or self.first_timestamp
            or self.deprecated_first_timestamp
            or self.metadata.creation_timestamp
        )

    @property
    def _source(self) -> EventSource:
        return self.source or self.deprecated_source or _NOBODY


decode_event = msgspec.json.Decoder(KubernetesEvent).decode
"""Decode an Event; raises `msgspec.DecodeError`, `UnicodeDecodeError` for other bytes
than UTF-8, and `RecursionError` if it is nested too deeply."""
