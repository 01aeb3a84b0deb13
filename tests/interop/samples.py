"""What a bridge sends in earnest: recorded objects, odd texts, gaps, deletions."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from msgspec.structs import replace as altered

from bridge.cluster import CORE_EVENTS, Gap
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.convert import gap_event
from bridge.events.encode import decode, encode
from bridge.events.origin import Origin
from bridge.sinks.http.size_limit import trim
from tests.unit.events.samples import (
    RECORDED_TIME,
    RESOURCES,
    converted,
    kubernetes_event,
    listed,
    watched,
)

ORIGINS = {
    "ours": Origin(cluster="prod"),
    "references": Origin(cluster="prod", data="reference"),
    "knative": Origin(cluster="prod", profile="knative"),
    "knative references": Origin(cluster="prod", profile="knative", data="reference"),
    "after a rollback": Origin(cluster="prod", epoch=2),
    "with overrides": Origin(cluster="prod", extensions={"team": "W\u00e4rme %25"}),
}

MESSAGES = {
    "unicode": "Gr\u00fc\u00dfe, \u4f60\u597d, \U0001f680, e\u0301, \u202emirror\u202c",
    "controls": "a\x00b\x07c\x1bd\r\n\te\x7ff\x85g\u2028h",
    "quotes": 'say "hi" \\ and %22 and </script>',
    "noncharacters": "\ufffe\uffff\ufdd0\U0010ffff",
    "empty": "",
    "1 MB": "x" * 1_000_000,
}

REASONS = {
    "blank": "Failed to pull",
    "umlaut": "Gest\u00f6rt",
    "quote": 'so-called "BackOff"',
    "percent": "90%",
    "control": "Back\nOff",
}

TRIMMED_BYTES = (1 << 16, 2048)
"""To so many bytes the largest event is trimmed as well."""


@cache
def events() -> Mapping[str, CloudEvent]:
    """Return the events by a name that says what is special about them."""
    return dict(_events()) | {name: decode(one) for name, one in _trimmed().items()}


def encoded() -> Mapping[str, EncodedEvent]:
    """Return all of them as they are stored, in the same order."""
    return {name: encode(event) for name, event in _events()} | _trimmed()


def _trimmed() -> dict[str, EncodedEvent]:
    """Return the largest event with less in it."""
    large = encode(converted(kubernetes_event(message=MESSAGES["1 MB"])))
    return {
        f"trimmed to {size} bytes": trim(
            large, most_bytes=size, measure=lambda events: len(events[0].body)
        )
        for size in TRIMMED_BYTES
    }


def _events() -> Iterator[tuple[str, CloudEvent]]:
    for name, origin in ORIGINS.items():
        yield from _recorded(f"{name}: ", origin)
        yield f"{name}: gap", _gap(origin)
    for name, message in MESSAGES.items():
        change = kubernetes_event(message=message)
        yield f"ours: message of {name}", converted(change)
    for name, reason in REASONS.items():
        yield f"ours: reason with {name}", converted(kubernetes_event(reason=reason))
    yield "ours: no data", altered(converted(kubernetes_event()), data=None)


def _recorded(prefix: str, origin: Origin) -> Iterator[tuple[str, CloudEvent]]:
    for file in RESOURCES:
        for name, change in (listed(file) | watched(file)).items():
            yield f"{prefix}{file} {name}", converted(change, origin)
    for change in _deleted():
        yield f"{prefix}deleted {change.resource_version}", converted(change, origin)


def _deleted() -> Iterator[Any]:
    """Yield deletions, both as a watch tells them and of everything recorded."""
    for file in ("pods", "nodes", "deployments", "widgets"):
        for change in watched(file).values():
            yield altered(change, change="deleted")


def _gap(origin: Origin) -> CloudEvent:
    gap = Gap(
        cause="expired",
        cursor="100",
        snapshot="250",
        since=datetime(2026, 1, 1, tzinfo=UTC),
        until=datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
    )
    return gap_event(
        gap,
        resource=CORE_EVENTS,
        namespace="shop",
        field_selector="type=Warning",
        label_selector="",
        origin=origin,
        recorded=RECORDED_TIME,
    )


def data_of(event: CloudEvent) -> Any:
    """Return its payload, parsed; None: there is none."""
    return None if event.data is None else json.loads(event.data)
