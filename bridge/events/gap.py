"""A Gap becomes an event too: what may be missing is announced, not kept quiet."""

from collections.abc import Mapping
from hashlib import blake2s

import msgspec

from bridge.cluster import Gap, Resource
from bridge.events.cloudevent import CloudEvent
from bridge.events.origin import Origin
from bridge.events.profiles import SEVERITIES
from bridge.events.validation import timestamp


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
