"""One Change becomes one CloudEvent: nothing else goes into it, so neither comes out.

`id` is ``<uid>-<resourceVersion>``, with ``-deleted`` for a deletion and ``-e<n>`` from
the second epoch on: the same revision has the same id however often it is read.

`time` of a Kubernetes Event is the first that its recorder has filled in of
series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp and creationTimestamp;
of another object the latest time in managedFields, else creationTimestamp. Kubernetes
does not keep when an object was deleted: then it is the time of reading (allowed by
CloudEvents 1.0.2 core, "time", if a source keeps to it).

A deleted Kubernetes Event is a resource change like any other: nothing occurred again.

Attributes are printable ASCII of at most 1,024 characters, whatever a recorder wrote:
any other character becomes ``?`` and what is longer is cut. `data` has it unchanged.
Attributes without a value are left out.
"""

import re
from collections.abc import Mapping
from hashlib import blake2s
from typing import Final

import msgspec

from bridge.cluster import Change, Gap, Resource
from bridge.errors import ConversionError, InvalidEventError
from bridge.events import objects
from bridge.events.cloudevent import CloudEvent
from bridge.events.objects import Metadata, Reference
from bridge.events.origin import Origin
from bridge.events.profiles import PROFILES, Facts, present
from bridge.events.rules import NOT_JSON, is_plain, timestamp

__all__ = ["Origin", "convert", "gap_event"]

_LONGEST: Final = 1024
_UNPRINTABLE = re.compile("[^ -~]")

# CloudEvents severity extension, on OpenTelemetry's scale; other types have none.
_SEVERITIES: Final[Mapping[str, Mapping[str, str | int]]] = {
    "Normal": {"severitytext": "INFO", "severitynumber": 9},
    "Warning": {"severitytext": "WARN", "severitynumber": 13},
}


def convert(change: Change, *, origin: Origin, recorded: str) -> CloudEvent:
    """Return the event that says what happened.

    Args:
        change: What happened.
        origin: Where it happened, and whose names to use.
        recorded: When it was read, RFC 3339.

    Raises:
        ConversionError: The object is not JSON, has no uid, name or version, or has a
            field of an impossible type. Nothing of its payload is in the message.
    """
    try:
        return _convert(change, origin, recorded)
    except (*NOT_JSON, InvalidEventError) as error:
        resource, version = change.resource.name, change.resource_version
        raise ConversionError(f"{resource} at version {version!r}: {error}") from error


def gap_event(
    gap: Gap,
    *,
    resource: Resource,
    namespace: str,
    field_selector: str,
    label_selector: str,
    origin: Origin,
    recorded: str,
) -> CloudEvent:
    """Return the event that says between which versions revisions may be missing.

    It goes by the same names in every profile: ApiServerSource has none for it.

    Args:
        gap: What may be missing.
        resource: Of what kind.
        namespace: Where; ``*``: everywhere.
        field_selector: Which of them are read; empty: all.
        label_selector: Which of them are read; empty: all.
        origin: Of which cluster.
        recorded: When the event was made, RFC 3339.
    """
    scope = {
        "namespace": namespace,
        "fieldSelector": field_selector,
        "labelSelector": label_selector,
    }
    # Two scopes of one resource may have the same gap, but never the same id.
    digest = blake2s(msgspec.json.encode([scope, gap.cause]), digest_size=4).hexdigest()
    identity = f"gap-{resource.name}-{gap.cursor}-{gap.snapshot}-{digest}"
    where = {} if namespace == "*" else {"namespace": namespace}
    return CloudEvent(
        id=origin.identify(identity),
        source=origin.uri,
        type=f"{origin.type_prefix}.gap.v1",
        subject=f"{namespace}/{resource.kind}",
        time=timestamp(gap.until),
        extensions={
            "cluster": origin.cluster,
            **where,
            "kind": resource.kind,
            "apiversion": resource.api_version,
            **_SEVERITIES["Warning"],
            "recordedtime": recorded,
            **origin.extensions,
        },
        data=_gap_data(gap, resource, scope),
    )


def _convert(change: Change, origin: Origin, recorded: str) -> CloudEvent:
    facts = _read_event(change) if _is_occurrence(change) else _read_object(change)
    names = PROFILES[origin.profile](change, facts, origin)
    subject, texts = _printable(names.subject, {**names.concerned, **facts.details})
    return CloudEvent(
        id=origin.identify(_identity(change, facts.itself.uid)),
        source=origin.uri,
        type=names.type,
        subject=subject or None,
        time=facts.time or recorded,
        extensions={
            "cluster": origin.cluster,
            **texts,
            **facts.numbers,
            **_SEVERITIES.get(facts.severity, {}),
            "recordedtime": recorded,
            **origin.extensions,
        },
        data=facts.payload,
    )


def _is_occurrence(change: Change) -> bool:
    resource = change.resource
    is_event = resource.kind == "Event" and resource.group in {"", "events.k8s.io"}
    return is_event and change.change != "deleted"


def _identity(change: Change, uid: str) -> str:
    if not uid or not change.resource_version:
        missing = "resourceVersion" if uid else "metadata.uid"
        raise InvalidEventError(f"{missing}: expected text, got none")
    deleted = "-deleted" if change.change == "deleted" else ""
    return f"{uid}-{change.resource_version}{deleted}"


def _read_event(change: Change) -> Facts:
    event = objects.read_event(change.object)
    involved = event.involved
    return Facts(
        itself=_reference(change.resource, event.metadata),
        involved=involved,
        severity=event.type,
        details=present(
            {
                "reason": event.reason,
                "action": event.action,
                "component": event.component,
                "node": event.host or _node_name(involved),
                "partitionkey": involved.uid,
            }
        ),
        numbers={"count": event.occurrences},
        time=event.time,
        payload=objects.event_payload(
            change.object, event, api_version=change.resource.api_version
        ),
    )


def _read_object(change: Change) -> Facts:
    read = objects.read_pod if change.resource.name == "pods" else objects.read_object
    found = read(change.object)
    itself = _reference(change.resource, found.metadata)
    node = found.node or _node_name(itself)
    return Facts(
        itself=itself,
        involved=None,
        severity="",
        details=present({"node": node, "partitionkey": itself.uid}),
        numbers={},
        time=None if change.change == "deleted" else found.metadata.written,
        payload=objects.payload(
            change.object, kind=itself.kind, api_version=itself.api_version
        ),
    )


def _reference(resource: Resource, metadata: Metadata) -> Reference:
    return Reference(
        kind=resource.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.uid,
        api_version=resource.api_version,
    )


def _node_name(about: Reference) -> str:
    return about.name if about.kind == "Node" else ""


def _printable(subject: str, attributes: dict[str, str]) -> tuple[str, dict[str, str]]:
    joined = subject + "".join(attributes.values())
    if is_plain(joined) and len(joined) <= _LONGEST:
        return subject, attributes
    return _clean(subject), {name: _clean(text) for name, text in attributes.items()}


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("?", text[:_LONGEST])


def _gap_data(gap: Gap, resource: Resource, scope: Mapping[str, str]) -> bytes:
    return msgspec.json.encode(
        {
            "cause": gap.cause,
            "resource": {
                "apiVersion": resource.api_version,
                "kind": resource.kind,
                "plural": resource.plural,
            },
            "scope": scope,
            "cursor": gap.cursor,
            "snapshot": gap.snapshot,
            "since": gap.since and timestamp(gap.since),
            "until": timestamp(gap.until),
        }
    )
