"""The attributes that `convert` sets, by which an event can be chosen.

A filter on another attribute can never match, which is a mistake that shows itself by
nothing at all; so it is looked for before anything runs.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_ANY: Final = frozenset(
    {
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
        *("cluster", "namespace", "kind", "name", "apiversion", "uid", "node"),
        *("partitionkey", "recordedtime"),
    }
)

OF_OCCURRENCES: Final = _ANY | {
    *("reason", "action", "component", "count", "severitytext", "severitynumber"),
    *("ownerkind", "ownername"),
}
"""Attributes of Kubernetes Events."""

OF_CHANGES: Final = _ANY | {"listed", "changedpaths", "resync"}
"""Attributes of changes of any other object."""

TEXTS: Final[Mapping[str, frozenset[str]]] = {
    "specversion": frozenset({"1.0"}),
    "datacontenttype": frozenset({"application/json"}),
    "severitytext": frozenset({"INFO", "WARN"}),
    "severitynumber": frozenset({"9", "13"}),
    "listed": frozenset({"true"}),
}
"""All values of an attribute, where they are a closed set."""

_EITHER: Final = frozenset(
    {
        *("apiVersion", "kind", "metadata", "eventTime", "series", "action"),
        *("reason", "related", "type", "reportingInstance"),
    }
)

FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "": _EITHER
    | {
        *("involvedObject", "message", "source", "firstTimestamp", "lastTimestamp"),
        *("count", "reportingComponent"),
    },
    "events.k8s.io": _EITHER
    | {
        *("regarding", "note", "reportingController", "deprecatedSource"),
        *("deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedCount"),
    },
}
"""The fields of a Kubernetes Event, by the API group that it is read in."""

SAME_FIELD: Final[Mapping[str, str]] = {
    "message": "note",
    "involvedObject": "regarding",
    "reportingComponent": "reportingController",
    "source": "deprecatedSource",
    "count": "deprecatedCount",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
}
"""Fields of core/v1 by their names in core/v1; their names in events.k8s.io/v1."""


def types_of(
    changes: Iterable[str], *, prefix: str, occurrences: bool
) -> frozenset[str]:
    """Return all `type` that events of a source can have.

    Args:
        changes: Which changes become events: some of added, modified, deleted.
        prefix: What each type begins with.
        occurrences: Whether they are Kubernetes Events.
    """
    kinds = ["event.normal", "event.warning"]
    if not occurrences:
        kinds = [f"resource.{one}" for one in changes]
    return frozenset(f"{prefix}.{kind}.v1" for kind in kinds)
