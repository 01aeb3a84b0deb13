"""Digests: one event that sums up what a route's noise control held back in a while."""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Final

import msgspec

from bridge.events import CloudEvent
from bridge.events.origin import Origin
from bridge.events.validation import timestamp

MOST_EXAMPLES: Final = 5
"""Most objects that a digest names."""


class Example(msgspec.Struct, rename="camel"):
    """Events of one object and reason that were held back, and how many."""

    subject: str | None
    reason: str | int | None
    count: int


class Digest(msgspec.Struct):
    """Everything that was held back on one route since a moment.

    Attributes:
        since: When the first of these was read, Unix seconds.
        first: The earliest time of one of these, Unix seconds.
        last: The latest time.
        stages: How many, by the stage that held them back.
        examples: The first of these, by object and reason.
    """

    since: float
    first: float
    last: float
    stages: dict[str, int]
    examples: list[Example]

    @property
    def count(self) -> int:
        """How many were held back."""
        return sum(self.stages.values())

    def add(self, event: CloudEvent, stage: str, at: float) -> None:
        """Count one more, whose time is `at`, Unix seconds."""
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.stages[stage] = self.stages.get(stage, 0) + 1
        reason = event.extensions.get("reason")
        for one in self.examples:
            if one.subject == event.subject and one.reason == reason:
                one.count += 1
                return
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.append(Example(event.subject, reason, 1))


def digest_event(
    digest: Digest,
    *,
    route: str,
    scope: Mapping[str, str],
    until: float,
    origin: Origin,
) -> CloudEvent:
    """Return the event of a digest; it goes by the same names in every profile.

    Args:
        digest: Of what was held back.
        route: On which route.
        scope: Which events were read: resource, namespace and selectors.
        until: When the digest ended, Unix seconds.
        origin: Of which cluster.
    """
    place = blake2s(msgspec.json.encode(scope), digest_size=4).hexdigest()
    since, ended = _written(digest.since), _written(until)
    return CloudEvent(
        id=origin.identify(f"digest-{route}-{round(digest.since * 1000)}-{place}"),
        source=origin.uri,
        type=f"{origin.type_prefix}.digest.v1",
        subject=route,
        time=ended,
        extensions={
            "cluster": origin.cluster,
            "severitytext": "INFO",
            "severitynumber": 9,
            "recordedtime": ended,
            **origin.extensions,
        },
        data=msgspec.json.encode(
            {
                "message": f"{digest.count} events of route {route} were held back "
                f"since {since}",
                "route": route,
                "scope": scope,
                "count": digest.count,
                "stages": digest.stages,
                "since": since,
                "until": ended,
                "first": _written(digest.first),
                "last": _written(digest.last),
                "examples": digest.examples,
            }
        ),
    )


def _written(seconds: float) -> str:
    return timestamp(datetime.fromtimestamp(seconds, UTC))
