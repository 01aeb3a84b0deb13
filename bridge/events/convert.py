"""One Change becomes one CloudEvent: nothing else goes into it, so neither comes out.

`id` is ``<uid>-<resourceVersion>``, with ``-deleted`` for a deletion, ``-r<n>`` for the
n-th resync and ``-e<n>`` from the second epoch on: the same revision has the same id
however often it is read. A deletion that only a list shows has the last known version.

`time` of a Kubernetes Event is the first that its recorder has filled in of
series.lastObservedTime, lastTimestamp, eventTime, firstTimestamp and creationTimestamp;
of another object the latest time in managedFields, else creationTimestamp. Kubernetes
does not keep when an object was deleted: then it is the time of reading (allowed by
CloudEvents 1.0.2 core, "time", if a source keeps to it). So it is for a resync, which
tells what is there now.

A deleted Kubernetes Event is a resource change like any other: nothing occurred again.

Attributes are printable ASCII of at most 1,024 characters, whatever a recorder wrote:
any other character becomes ``?`` and what is longer is cut. `data` has it unchanged.
Attributes without a value are left out.

A change of another object says if it was found by a list (`listed`), so that states in
between may be missing; Kubernetes Events don't, for each revision is one by itself. It
says what differs (`changedpaths`) and which resync tells it (`resync`), a Kubernetes
Event what controls its object (`ownerkind`, `ownername`), if that is in its context.
"""

import re
from typing import Final

import msgspec

from bridge.cluster import Change, Resource
from bridge.errors import ConversionError, InvalidEventError
from bridge.events import objects
from bridge.events.cloudevent import CloudEvent
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.events.gap import gap_event
from bridge.events.origin import Origin
from bridge.events.paths import list_paths
from bridge.events.profiles import PROFILES, REFERENCES, SEVERITIES, Facts, present
from bridge.events.secrets import is_secret, redacted
from bridge.events.validation import NOT_JSON, is_plain
from bridge.text.nesting import is_deeper

__all__ = ["Origin", "convert", "gap_event"]

DEEPEST: Final = 500
"""Most lists and objects inside each other. Whatever reads the event later, here or at
a receiver, has to be able to: Python's own json ends at about 900."""

_LONGEST: Final = 1024
_UNPRINTABLE = re.compile("[^ -~]")
_NOTHING_MORE: Final = ChangeContext()
_encode = msgspec.json.Encoder().encode


def convert(
    change: Change,
    *,
    origin: Origin,
    recorded: str,
    context: ChangeContext = _NOTHING_MORE,
) -> CloudEvent:
    """Return the event that says what happened.

    Args:
        change: What happened.
        origin: Where it happened, and whose names to use.
        recorded: When it was read, RFC 3339.
        context: What to tell beside it.

    Raises:
        ConversionError: The object is not JSON, is nested more than 500 deep, has no
            uid, name or version, or has a field of an impossible type. Nothing of its
            payload is in the message.
    """
    try:
        return _convert(change, origin, recorded, context)
    except (*NOT_JSON, InvalidEventError) as error:
        resource, version = change.resource.name, change.resource_version
        raise ConversionError(f"{resource} at version {version!r}: {error}") from error


def _convert(
    change: Change, origin: Origin, recorded: str, context: ChangeContext
) -> CloudEvent:
    _check_depth(change.object)
    _check_depth(context.previous or b"")
    facts = _read_event(change) if _is_occurrence(change) else _read_object(change)
    if facts.involved is None:
        _add_history(facts, change, context)
    elif context.concerned is not None:
        _add_concerned(facts, context.concerned)
    names = PROFILES[origin.profile](change, facts, origin)
    subject, texts = _printable(names.subject, names.concerned | facts.details)
    return CloudEvent(
        id=origin.identify(_identity(change, facts.metadata.uid, context.resync)),
        source=origin.uri,
        type=names.type,
        subject=subject or None,
        time=facts.time or recorded,
        extensions={
            "cluster": origin.cluster,
            **texts,
            **facts.numbers,
            **SEVERITIES.get(facts.severity, {}),
            "recordedtime": recorded,
            **origin.extensions,
        },
        data=facts.payload
        if origin.data == "object"
        else _refer(facts, change, origin),
    )


def _check_depth(raw: bytes) -> None:
    if is_deeper(raw, than=DEEPEST):
        raise InvalidEventError(
            f"expected at most {DEEPEST} lists and objects inside each other, got more"
        )


def _refer(facts: Facts, change: Change, origin: Origin) -> bytes:
    return _encode(present(REFERENCES[origin.profile](change, facts.itself)))


def _add_history(facts: Facts, change: Change, context: ChangeContext) -> None:
    """Add to the facts what is known of the object's earlier states."""
    if change.listed:
        facts.numbers["listed"] = True
    if context.resync:
        facts.numbers["resync"] = context.resync
        facts.time = None
    if context.changed_paths and change.change == "modified":
        paths = list_paths(context.changed_paths, longest=_LONGEST)
        facts.details["changedpaths"] = paths
    if context.with_previous:
        previous = context.previous
        before = b"null" if previous is None else _payload(previous, change.resource)
        facts.payload = b'{"object":%b,"previous":%b}' % (facts.payload, before)


def _add_concerned(facts: Facts, concerned: InvolvedObject) -> None:
    """Add to the facts of a Kubernetes Event what is known of its object."""
    owner = concerned.owner
    known = {
        "labels": concerned.labels,
        "annotations": concerned.annotations,
        "owner": owner,
    }
    members = {name: value for name, value in known.items() if value}
    if members:
        facts.payload = objects.enriched(facts.payload, members)
    if owner is not None:
        facts.details["ownerkind"] = owner.kind
        facts.details["ownername"] = owner.name


def _is_occurrence(change: Change) -> bool:
    resource = change.resource
    is_event = resource.kind == "Event" and resource.group in {"", "events.k8s.io"}
    return is_event and change.change != "deleted"


def _identity(change: Change, uid: str, resync: int) -> str:
    if not uid or not change.resource_version:
        missing = "resourceVersion" if uid else "metadata.uid"
        raise InvalidEventError(f"{missing}: expected text, got none")
    identity = f"{uid}-{change.resource_version}"
    if change.change == "deleted":
        identity += "-deleted"
    return f"{identity}-r{resync}" if resync else identity


def _read_event(change: Change) -> Facts:
    event = objects.read_event(change.object)
    involved = event.involved
    return Facts(
        resource=change.resource,
        metadata=event.metadata,
        involved=involved,
        severity=event.type,
        details=present(
            {
                "reason": event.reason,
                "action": event.action,
                "component": event.component,
                "node": event.host or _node_name(involved.kind, involved.name),
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
    raw = change.object
    read = objects.read_pod if change.resource.name == "pods" else objects.read_object
    found = read(raw)
    metadata = found.metadata
    node = found.node or _node_name(change.resource.kind, metadata.name)
    return Facts(
        resource=change.resource,
        metadata=metadata,
        involved=None,
        severity="",
        details=present({"node": node, "partitionkey": metadata.uid}),
        numbers={},
        time=None if change.change == "deleted" else metadata.written,
        payload=_payload(raw, change.resource),
    )


def _payload(raw: bytes, resource: Resource) -> bytes:
    """Return what an event shows of an object other than a Kubernetes Event."""
    shown = redacted(raw) if is_secret(resource) else raw
    return objects.payload(shown, kind=resource.kind, api_version=resource.api_version)


def _node_name(kind: str, name: str) -> str:
    return name if kind == "Node" else ""


def _printable(subject: str, attributes: dict[str, str]) -> tuple[str, dict[str, str]]:
    joined = subject + "".join(attributes.values())
    if is_plain(joined) and len(joined) <= _LONGEST:
        return subject, attributes
    return _clean(subject), {name: _clean(text) for name, text in attributes.items()}


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("?", text[:_LONGEST])
