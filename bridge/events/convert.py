"""Converts a Change into a CloudEvent: a pure function of the change and its context.

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
from collections.abc import Mapping
from hashlib import blake2s
from typing import Final

import msgspec

from bridge.cluster import Change, Gap, Resource
from bridge.cluster.kubernetes_event import decode_event
from bridge.errors import ConversionError, InvalidEventError
from bridge.events import objects
from bridge.events.cloudevent import CloudEvent, ConvertedEvent
from bridge.events.context import ChangeContext, InvolvedObject
from bridge.events.origin import Origin
from bridge.events.paths import list_paths
from bridge.events.profiles import PROFILES, REFERENCES, SEVERITIES, Attributes, Facts
from bridge.events.secrets import is_secret, redacted
from bridge.events.validation import (
    NOT_JSON,
    check_extension_type,
    check_text,
    check_time,
    check_utf8,
    is_plain,
    timestamp,
)
from bridge.text.nesting import is_deeper

DEEPEST: Final = 500
"""Most lists and objects inside each other. Every later reader, here or at a receiver,
has to be able to decode them: Python's own json ends at about 900."""

_TOO_DEEP: Final = (
    f"expected at most {DEEPEST} lists and objects inside each other, got more"
)
_LONGEST: Final = 1024
_LONGEST_PLAIN: Final = 512
"""Up to so many characters of an event's texts, none of its attributes is too long."""

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
    """Return the event of a change.

    Args:
        change: What happened.
        origin: Where it happened, and whose names to use.
        recorded: When it was read, RFC 3339.
        context: Facts beside the change.

    Raises:
        ConversionError: As `read_facts`.
    """
    return render(read_facts(change, recorded=recorded, context=context), origin)


def read_facts(
    change: Change, *, recorded: str, context: ChangeContext = _NOTHING_MORE
) -> Facts:
    """Return the facts of a change that every form of its event needs.

    Args:
        change: What happened.
        recorded: When it was read, RFC 3339.
        context: Facts beside the change.

    Raises:
        ConversionError: The object is not JSON, is nested more than 500 deep, has no
            uid, name or version, or has a field of an impossible type. Nothing of its
            payload is in the message.
    """
    try:
        if change.resource.is_events and change.change != "deleted":
            return _read_event(change, recorded, context)
        return _read_object(change, recorded, context)
    except (*NOT_JSON, InvalidEventError) as error:
        resource, version = change.resource.name, change.resource_version
        said = _TOO_DEEP if isinstance(error, RecursionError) else error
        raise ConversionError(f"{resource} at version {version!r}: {said}") from error


def render(facts: Facts, origin: Origin) -> CloudEvent:
    """Return the event of some facts in one form: profile and form of `data`.

    Args:
        facts: What `read_facts` returned.
        origin: Where it happened, and whose names to use.
    """
    type_, subject, extensions = PROFILES[origin.profile](facts, origin)
    extensions.update(facts.attributes)
    if not facts.is_plain:
        subject = subject and _clean(subject)
        for name, value in extensions.items():
            if value.__class__ is str:
                extensions[name] = _clean(value)
    if origin.extensions:
        extensions.update(origin.extensions)
    return ConvertedEvent(
        id=origin.identify(facts.identity),
        source=origin.uri,
        type=type_,
        subject=subject,
        time=facts.time,
        extensions=extensions,
        data=facts.payload
        if origin.data == "object"
        else _encode(REFERENCES[origin.profile](facts)),
    )


def _read_event(change: Change, recorded: str, context: ChangeContext) -> Facts:
    """Return the facts of a Kubernetes Event that was added or modified."""
    event = change.event or decode_event(change.object)
    metadata, about = event.metadata, event.involved
    reason, action, component = event.reason, event.action, event.component
    node = event.host or _node_name(about.kind, about.name)
    payload = objects.event_payload(
        change.object, event, api_version=change.resource.api_version
    )
    attributes: Attributes = {}
    if reason:
        attributes["reason"] = reason
    if action:
        attributes["action"] = action
    if component:
        attributes["component"] = component
    if node:
        attributes["node"] = node
    if about.uid:
        attributes["partitionkey"] = about.uid
    texts = (
        f"{about.namespace}{about.kind}{about.name}{about.api_version}{about.uid}"
        f"{reason}{action}{component}{node}"
        f"{metadata.namespace}{metadata.name}{metadata.uid}"
    )
    if context.concerned is not None:
        payload = _with_concerned(payload, context.concerned)
        if (owner := context.concerned.owner) is not None:
            attributes["ownerkind"], attributes["ownername"] = owner.kind, owner.name
            texts += owner.kind + owner.name
    attributes["count"] = count = event.occurrences
    check_extension_type("count", count)
    attributes.update(SEVERITIES.get(event.type, {}))
    attributes["recordedtime"] = recorded
    return Facts(
        change,
        metadata,
        about,
        "event.warning" if event.type == "Warning" else "event.normal",
        _identity(change, metadata.uid, context.resync),
        _checked_time(event.time or recorded),
        attributes,
        _checked(payload),
        _are_plain(texts, metadata.uid),
    )


def _read_object(change: Change, recorded: str, context: ChangeContext) -> Facts:
    """Return the facts of a change of any other object, or of a deleted Event."""
    raw, resource = change.object, change.resource
    read = objects.read_pod if resource.name == "pods" else objects.read_object
    found = read(raw)
    metadata = found.metadata
    node = found.node or _node_name(resource.kind, metadata.name)
    attributes: Attributes = {"node": node} if node else {}
    attributes["partitionkey"] = metadata.uid
    if context.changed_paths and change.change == "modified":
        paths = list_paths(context.changed_paths, longest=_LONGEST)
        attributes["changedpaths"] = paths
    if change.listed:
        attributes["listed"] = True
    if context.resync:
        attributes["resync"] = context.resync
    attributes["recordedtime"] = recorded
    payload = _payload(raw, resource)
    if context.with_previous:
        before = context.previous
        previous = b"null" if before is None else _payload(before, resource)
        payload = b'{"object":%b,"previous":%b}' % (payload, previous)
    is_now = change.change == "deleted" or bool(context.resync)
    return Facts(
        change,
        metadata,
        None,
        f"resource.{change.change}",
        _identity(change, metadata.uid, context.resync),
        _checked_time((None if is_now else metadata.written) or recorded),
        attributes,
        _checked(payload),
        _are_plain(
            node + metadata.namespace + metadata.name + metadata.uid, metadata.uid
        ),
    )


def _with_concerned(payload: bytes, concerned: InvolvedObject) -> bytes:
    """Return the payload of an Event with facts of the object that it is about."""
    known = {
        "labels": concerned.labels,
        "annotations": concerned.annotations,
        "owner": concerned.owner,
    }
    members = {name: value for name, value in known.items() if value}
    return objects.enriched(payload, members) if members else payload


def _identity(change: Change, uid: str, resync: int) -> str:
    version = change.resource_version
    if not uid or not version:
        missing = "resourceVersion" if uid else "metadata.uid"
        raise InvalidEventError(f"{missing}: expected text, got none")
    identity = f"{uid}-{version}"
    if change.change == "deleted":
        identity += "-deleted"
    return f"{identity}-r{resync}" if resync else identity


def _payload(raw: bytes, resource: Resource) -> bytes:
    """Return the payload of an object other than a Kubernetes Event."""
    shown = redacted(raw) if is_secret(resource) else raw
    return objects.payload(shown, kind=resource.kind, api_version=resource.api_version)


def _checked(payload: bytes) -> bytes:
    # It is JSON, for it was decoded; but not the inside of strings that are not used.
    check_utf8(payload)
    # Each level takes two brackets.
    if len(payload) > 2 * DEEPEST and is_deeper(payload, than=DEEPEST):
        raise InvalidEventError(_TOO_DEEP)
    return payload


def _checked_time(time: str) -> str:
    check_time(time)
    return time


def _node_name(kind: str, name: str) -> str:
    return name if kind == "Node" else ""


def _are_plain(texts: str, uid: str) -> bool:
    """Return whether attributes may be made of some texts as they are.

    Raises:
        InvalidEventError: The uid has characters that no id may have.
    """
    if len(texts) <= _LONGEST_PLAIN and is_plain(texts):
        return True
    check_text("id", uid)
    return False


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("?", text[:_LONGEST])


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
    """Return the event of a gap: between two versions revisions may be missing.

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
            **SEVERITIES["Warning"],
            "recordedtime": recorded,
            **origin.extensions,
        },
        data=_gap_data(gap, resource, scope),
    )


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
